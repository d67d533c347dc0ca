"""Which split a row belongs to: a hash of its key, so that a row never moves while data grows."""

import hashlib
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np

from pipeline.coders import is_missing
from pipeline.contract import Contract

SplitName = Literal["train", "validation", "test"]


def canonical_text(value: Any) -> str:
    """Return one text for equal values: 7, 7.0 and numpy's 7 are the same key, as are two spellings of a date."""
    if is_missing(value):
        return ""
    if isinstance(value, bool | np.bool_ | str):
        return str(value)
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())[:10]
    if isinstance(value, Integral):  # not by way of float, which cannot tell large numbers apart
        return str(int(value))
    return str(int(value)) if float(value).is_integer() else f"{float(value):.17g}"


def row_hash(values: Iterable[Any]) -> str:
    """Return a hash of a row's values that depends on their canonical text alone."""
    text = "\x1f".join(canonical_text(value) for value in values)
    return hashlib.sha256(text.encode()).hexdigest()


def split_of(contract: Contract, values: Iterable[Any]) -> SplitName:
    """Return the split of the row with these key values (or, without a key, feature values)."""
    digest = hashlib.sha256(f"{contract.split.salt}\x1e{row_hash(values)}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < contract.split.train:
        return "train"
    return "validation" if place < contract.split.train + contract.split.validation else "test"


def identity_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns that stand for a row: its key or, without one, its features."""
    return contract.key or tuple(contract.features)


def assign_splits(contract: Contract, columns: Sequence[Iterable[Any]]) -> list[SplitName]:
    """Return the split of each row, given its identity columns in order."""
    return [split_of(contract, values) for values in zip(*columns, strict=True)]
