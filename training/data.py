"""A data version as training sees it: one encoded matrix and target per split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray

from pipeline.contract import SPLIT, Contract
from pipeline.data_content import to_frame
from pipeline.data_registry import DataRegistry
from pipeline.encode import Encoder, Matrix
from pipeline.settings import Settings
from pipeline.split import SplitName
from training.errors import TrainingError


@dataclass(frozen=True)
class Part:
    """Rows: as they were published, encoded (rows, features), their target (rows,) and the place of their window."""

    frame: pd.DataFrame
    matrix: Matrix
    target: NDArray[np.float64]
    windows: NDArray[np.int64]  # place of each row's window among the version's, 0 the oldest, shape (rows,)

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[Any]) -> "Part":
        """Return some of the rows, by a mask of shape (rows,) or by their places."""
        frame = self.frame[rows] if rows.dtype == bool else self.frame.iloc[rows]
        return Part(frame, self.matrix[rows], self.target[rows], self.windows[rows])


def join(*parts: Part) -> Part:
    """Return the rows of all parts, one part after the other."""
    return Part(
        pd.concat([part.frame for part in parts], ignore_index=True),
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.windows for part in parts]),
    )


def recent(part: Part, least: int) -> NDArray[np.bool_]:
    """Return which rows are of the last windows: as few windows as have `least` rows together; all where none do."""
    places, counts = np.unique(part.windows, return_counts=True)
    enough = int(np.searchsorted(np.cumsum(counts[::-1]), least)) + 1
    return np.isin(part.windows, places[::-1][:enough])


def load_parts(contract: Contract, settings: Settings, version: str) -> dict[SplitName, Part]:
    """Read a data version and return its splits.

    Raises:
        TrainingError: when a split has no rows.
        DataRegistryError: when there is no such version, or it is damaged.
    """
    with DataRegistry(settings, contract).files(version) as files:
        tables = [pyarrow.parquet.read_table(path) for path in files.values()]
        windows = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        return split_parts(contract, to_frame(*tables), version, windows)


def split_parts(
    contract: Contract, frame: pd.DataFrame, version: str, windows: NDArray[np.int64] | None = None
) -> dict[SplitName, Part]:
    """Return the splits of validated rows; `version` is what messages call them. Without windows, all are of one."""
    if windows is None:
        windows = np.zeros(len(frame), dtype=np.int64)
    splits = frame[SPLIT].to_numpy()
    parts = {name: _part(contract, frame[splits == name], windows[splits == name]) for name in get_args(SplitName)}
    _check_filled(parts, version)
    return parts


def _part(contract: Contract, frame: pd.DataFrame, windows: NDArray[np.int64]) -> Part:
    matrix = Encoder(contract).columns({name: frame[name].to_numpy() for name in contract.features})
    return Part(frame, matrix, frame[contract.target.name].to_numpy(dtype=np.float64), windows)


def _check_filled(parts: Mapping[SplitName, Part], version: str) -> None:
    empty = [name for name, part in parts.items() if not len(part)]
    if empty:
        rows = sum(len(part) for part in parts.values())
        raise TrainingError(f"{version} has {rows} rows and none of them for {', '.join(empty)}: publish more data")
