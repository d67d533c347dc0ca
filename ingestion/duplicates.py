"""Keys that stand more than once in a window: repeats of a row are left out, rows that disagree all are.

Which ids stand twice is known only after the last batch; then, and only then, the valid rows are gone through again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray

from ingestion.normalise import Failure, Mask
from pipeline.contract import Contract
from pipeline.data_content import row_hashes


@dataclass(frozen=True)
class Verdicts:
    """For each valid row: whether it repeats an earlier row, or disagrees with another one of its key."""

    duplicate: Mask
    conflict: Mask

    def failures(self, contract: Contract, rows: Any) -> list[Failure]:
        """Return the failures among these valid rows, positions or a slice."""
        found = {"duplicate": self.duplicate[rows], "conflict": self.conflict[rows]}
        return [Failure(contract.key[0], reason, mask) for reason, mask in found.items() if mask.any()]  # type: ignore[arg-type]


def repeated(ids: NDArray[np.uint64]) -> Mask:
    """Return which rows have an id that stands more than once."""
    in_order = np.sort(ids)
    twice = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    return np.isin(ids, twice) if len(twice) else np.zeros(len(ids), dtype=bool)


def judge(contract: Contract, ids: NDArray[np.uint64], valid: Path) -> Verdicts | None:
    """Return what is to be left out of a file of valid rows, or None where no key stands twice.

    Args:
        contract: names the key.
        ids: of the rows of the file, in order.
        valid: a Parquet file in the normal form.
    """
    candidates = repeated(ids)
    if not candidates.any():
        return None
    content = np.zeros(len(ids), dtype=np.uint64)
    content[candidates] = np.concatenate(list(_contents(contract, valid, candidates)))
    rows = pd.DataFrame({"id": ids[candidates], "content": content[candidates]}, index=np.flatnonzero(candidates))
    disagree = rows.groupby("id")["content"].transform("nunique") > 1
    again = rows.duplicated("id") & ~disagree
    verdicts = Verdicts(np.zeros(len(ids), dtype=bool), np.zeros(len(ids), dtype=bool))
    verdicts.conflict[rows.index[disagree]] = True
    verdicts.duplicate[rows.index[again]] = True
    return verdicts


def _contents(contract: Contract, valid: Path, candidates: Mask) -> Iterable[NDArray[np.uint64]]:
    names: Sequence[str] = list(contract.batch_columns)
    first = 0
    with pyarrow.parquet.ParquetFile(valid) as file:
        for batch in file.iter_batches():
            mask = candidates[first : first + batch.num_rows]
            first += batch.num_rows
            if mask.any():
                yield row_hashes(batch.take(np.flatnonzero(mask)), names)
