"""A data version as training sees it: one encoded matrix and target per split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.contract import SPLIT, Contract
from pipeline.data_registry import DataRegistry
from pipeline.encode import Encoder, Matrix
from pipeline.settings import Settings
from pipeline.split import SplitName
from training.errors import TrainingError


@dataclass(frozen=True)
class Part:
    """The rows of one split: as they were published, encoded (rows, features), and their target (rows,)."""

    frame: pd.DataFrame
    matrix: Matrix
    target: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.target)


def load_parts(contract: Contract, settings: Settings, version: str) -> dict[SplitName, Part]:
    """Read a data version and return its splits.

    Raises:
        TrainingError: when a split has no rows.
        DataRegistryError: when there is no such version, or it is damaged.
    """
    return split_parts(contract, DataRegistry(settings, contract).read(version), version)


def split_parts(contract: Contract, frame: pd.DataFrame, version: str) -> dict[SplitName, Part]:
    """Return the splits of validated rows; `version` is what messages call them."""
    parts = {name: _part(contract, frame[frame[SPLIT] == name]) for name in get_args(SplitName)}
    _check_filled(parts, version)
    return parts


def _part(contract: Contract, frame: pd.DataFrame) -> Part:
    matrix = Encoder(contract).columns({name: frame[name].to_numpy() for name in contract.features})
    return Part(frame, matrix, frame[contract.target.name].to_numpy(dtype=np.float64))


def _check_filled(parts: Mapping[SplitName, Part], version: str) -> None:
    empty = [name for name, part in parts.items() if not len(part)]
    if empty:
        rows = sum(len(part) for part in parts.values())
        raise TrainingError(f"{version} has {rows} rows and none of them for {', '.join(empty)}: publish more data")
