"""What is compared of a column: its values in order or its words counted, taken once from however many rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.drift.distances import Floats
from monitoring.frames import HUGEST, is_numeric
from pipeline.contract import PREDICTION, Contract


@dataclass(frozen=True)
class Profile:
    """One column of one side. Numbers have `values`, all else has `words`."""

    rows: int
    missing: int
    values: Floats | None = None  # ascending, without missing ones
    words: pd.Series | None = None  # rows of each word

    @property
    def filled(self) -> int:
        """The rows that hold a value."""
        return self.rows - self.missing

    @property
    def single(self) -> float | str | None:
        """The value that all rows hold that hold one; None when there are several, or none."""
        if not self.filled:
            return None
        if self.values is not None:
            return float(self.values[0]) if self.values[0] == self.values[-1] else None
        return str(self._counted.index[0]) if len(self._counted) == 1 else None

    def holding(self, value: float | str) -> int:
        """Return how many rows hold the value."""
        if self.values is not None:
            first, last = (np.searchsorted(self.values, float(value), side) for side in ("left", "right"))
            return int(last - first)
        return int(self._counted.get(value, 0))

    @property
    def _counted(self) -> pd.Series:
        return pd.Series(dtype="int64") if self.words is None else self.words


def profile(column: pd.Series, *, numeric: bool) -> Profile:
    """Take what is compared of a column in its normal form."""
    missing = int(column.isna().sum())
    if numeric:
        values = column.to_numpy(dtype="float64")
        return Profile(len(column), missing, values=np.sort(np.clip(values[~np.isnan(values)], -HUGEST, HUGEST)))
    return Profile(len(column), missing, words=column.value_counts())


def profiles(contract: Contract, frame: pd.DataFrame) -> dict[str, Profile]:
    """Take what is compared of a frame in its normal form: the features, and the prediction where there is one."""
    names = [name for name in [*contract.features, PREDICTION] if name in frame]
    numeric = {name: name == PREDICTION or is_numeric(contract.features[name]) for name in names}
    return {name: profile(frame[name], numeric=numeric[name]) for name in names}
