"""What stands for each row of a batch: its key or, without one, its features; and the split that follows from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contract import Contract
from pipeline.split import SPLITS, canonical_text, hashes, identity_columns, splits_at


@dataclass(frozen=True)
class Identity:
    """One entry for each row."""

    ids: NDArray[np.uint64]  # equal for equal keys; of two different ones in 2**64, so that no batch will ever meet it
    splits: Any  # a `pyarrow.DictionaryArray` of the splits' names


def identify(contract: Contract, batch: Any) -> Identity:
    """Return ids and splits of the rows of a batch in its normal form."""
    texts = _texts([batch.column(name) for name in identity_columns(contract)])
    ids = hashes(contract, texts)
    codes = pa.array(splits_at(contract, ids))
    return Identity(ids, pa.DictionaryArray.from_arrays(codes, pa.array(SPLITS)))


def _texts(columns: list[Any]) -> Any:
    if len(columns) == 1 and pa.types.is_string(columns[0].type):
        return columns[0].to_numpy(zero_copy_only=False)
    return ["\x1f".join(row) for row in zip(*map(_column_texts, columns), strict=True)]


def _column_texts(cells: Any) -> NDArray[np.object_]:
    """Return the canonical text of each cell; each distinct value is looked at once."""
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    texts = np.array([*map(canonical_text, encoded.dictionary.to_pylist()), ""], dtype=object)  # the last: missing
    places: NDArray[np.object_] = texts[encoded.indices.fill_null(len(texts) - 1).to_numpy()]
    return places
