"""Counting, batch after batch: what is kept of a column does not grow with its rows."""

import math
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract import Column
from pipeline.profile.columns import NumbersProfile, TimesProfile, TruthsProfile
from pipeline.profile.counter import ColumnCounter
from pipeline.profile.counting_words import Names, Words
from pipeline.profile.merging import finite, moments


class Numbers(ColumnCounter):
    """Numbers. What is not finite never comes out of validation; where it comes all the same it counts as missing."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[float] = []
        self._moments: tuple[int, float | None, float | None] = (0, None, None)

    def _add(self, column: Any) -> None:
        mean = pc.mean(column).as_py()
        if not math.isfinite(mean):  # an infinity, NaN, or a sum beyond a double
            column, mean = self._without_the_infinite(column)
        if mean is None:
            return
        # Any value in place of what is missing changes neither end; pyarrow's own min_max takes five times as long.
        filled = (column.fill_null(pc.first(column)) if column.null_count else column).to_numpy()
        self._ends = [*self._ends, float(filled.min()), float(filled.max())]
        self._ends = [min(self._ends), max(self._ends)]
        self._moments = self._with(len(column) - column.null_count, mean, finite(pc.stddev(column, ddof=0).as_py()))

    def _without_the_infinite(self, column: Any) -> tuple[Any, float | None]:
        values = column.drop_null().to_numpy(zero_copy_only=False)
        kept = values[np.isfinite(values)]
        self._missing += len(values) - len(kept)
        return pa.array(kept), float(np.sum(kept / len(kept))) if len(kept) else None

    def _with(self, count: int, mean: float, deviation: float | None) -> tuple[int, float | None, float | None]:
        parts = [part for part in (self._moments, (count, mean, deviation)) if part[0]]
        return self._moments[0] + count, *moments(parts)

    def result(self) -> NumbersProfile:
        """Return what was counted so far."""
        low, high = self._ends or (None, None)
        _, mean, deviation = self._moments
        if low is not None and low == high:
            mean, deviation = low, 0.0  # else rounding would let a constant column vary
        return NumbersProfile(
            rows=self._rows, missing=self._missing, minimum=low, maximum=high, mean=mean, deviation=deviation
        )


class Times(ColumnCounter):
    """Times."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[datetime] = []

    def _add(self, column: Any) -> None:
        ends = pc.min_max(column)
        self._ends = [*self._ends, ends["min"].as_py(), ends["max"].as_py()]
        self._ends = [min(self._ends), max(self._ends)]

    def result(self) -> TimesProfile:
        """Return what was counted so far."""
        first, last = self._ends or (None, None)
        return TimesProfile(rows=self._rows, missing=self._missing, first=first, last=last)


class Truths(ColumnCounter):
    """Truths."""

    def __init__(self) -> None:
        super().__init__()
        self._true = 0

    def _add(self, column: Any) -> None:
        self._true += column.true_count

    def result(self) -> TruthsProfile:
        """Return what was counted so far."""
        return TruthsProfile(rows=self._rows, missing=self._missing, true=self._true)


_COUNTERS: dict[str, type[ColumnCounter]] = {
    "number": Numbers,
    "integer": Numbers,
    "boolean": Truths,
    "category": Words,
    "text": Names,
    "date": Times,
}


def counter_of(column: Column) -> ColumnCounter:
    """Return a counter for the contract's column."""
    return _COUNTERS[column.type]()
