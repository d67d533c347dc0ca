"""Which split a row belongs to: a hash of its key, so that a row never moves while data grows."""

import hashlib
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.coders import is_missing
from pipeline.contract import Contract

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


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
    return hashlib.sha256(row_text(values).encode()).hexdigest()


def row_text(values: Iterable[Any]) -> str:
    """Return one text for the values of a row: the canonical texts, kept apart."""
    return "\x1f".join(canonical_text(value) for value in values)


def hashes(contract: Contract, texts: Sequence[str]) -> NDArray[np.uint64]:
    """Return a hash of each row's text under the contract's salt, shape (rows,).

    SipHash-2-4 (Aumasson & Bernstein 2012), as pandas has it for keys of data frames: a million texts in a tenth of a
    second. Its key is made of the salt. A test holds it, since another hash would move rows between splits.
    """
    key = hashlib.sha256(contract.split.salt.encode()).hexdigest()[:16]
    return pd.util.hash_array(np.array(texts, dtype=object), hash_key=key, categorize=False)


def splits_at(contract: Contract, places: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the position in `SPLITS` of each row, given its hash."""
    shares = np.cumsum([contract.split.train, contract.split.validation])
    return np.searchsorted(shares, places / 2.0**64, side="right").astype(np.int32)


def split_of(contract: Contract, values: Iterable[Any]) -> SplitName:
    """Return the split of the row with these key values (or, without a key, feature values)."""
    return SPLITS[int(splits_at(contract, hashes(contract, [row_text(values)]))[0])]


def identity_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns that stand for a row: its key or, without one, its features."""
    return contract.key or tuple(contract.features)


def assign_splits(contract: Contract, columns: Sequence[Iterable[Any]]) -> list[SplitName]:
    """Return the split of each row, given its identity columns in order."""
    texts = [row_text(values) for values in zip(*columns, strict=True)]
    return [SPLITS[int(code)] for code in splits_at(contract, hashes(contract, texts))]
