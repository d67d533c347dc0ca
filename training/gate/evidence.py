"""What the gate decides on: all of it measured before, so that deciding needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.document import Evaluation
from training.package import Packaged

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Rival:
    """The champion on the rows of the evidence."""

    version: int
    errors: Numbers  # shape (rows,)


@dataclass(frozen=True)
class Evidence:
    """The challenger on held-out rows: those that neither it nor the champion was fitted on."""

    evaluation: Evaluation
    packaged: Packaged
    errors: Numbers  # of the challenger, by `training.metrics.errors`, shape (rows,)
    recent: NDArray[np.bool_]  # which rows are of the last windows, shape (rows,)
    shift: bool  # whether monitoring has found one
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # names of the rows' groups, by the column cut
    rival: Rival | None = None  # None: there is no champion, or it cannot be compared
    incomparable: str = ""  # why the champion cannot be compared

    @property
    def deciding(self) -> NDArray[np.bool_]:
        """Which rows decide: after a shift those of the last windows, as old ones would keep an outdated champion."""
        return self.recent if self.shift else np.ones(len(self.errors), dtype=bool)
