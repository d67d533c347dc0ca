"""Profiles of rows: made batch by batch, merged over windows, and compared between versions."""

from typing import Any

from pipeline.contract import Contract
from pipeline.profile.columns import (
    ColumnProfile,
    NumbersProfile,
    Profile,
    TimesProfile,
    TruthsProfile,
    WordsProfile,
)
from pipeline.profile.counting import counter_of
from pipeline.profile.merging import merge
from pipeline.profile.moving import Move, moves

__all__ = [
    "ColumnProfile",
    "Move",
    "NumbersProfile",
    "Profile",
    "Profiler",
    "TimesProfile",
    "TruthsProfile",
    "WordsProfile",
    "merge",
    "moves",
]


class Profiler:
    """Makes the profile of rows that come batch after batch; what it keeps does not grow with the rows."""

    def __init__(self, contract: Contract) -> None:
        self._rows = 0
        self._counters = {name: counter_of(column) for name, column in contract.batch_columns.items()}

    def add(self, batch: Any) -> None:
        """Count a batch in the normal form.

        Args:
            batch: a `pyarrow.RecordBatch` with the contract's columns, words plain or as a dictionary. Columns that
                the contract does not name are not counted.

        Raises:
            KeyError: when a column of the contract is not there.
        """
        self._rows += batch.num_rows
        for name, counter in self._counters.items():
            counter.add(batch.column(name))

    def result(self) -> Profile:
        """Return the profile of all rows so far."""
        return Profile(rows=self._rows, columns={name: counter.result() for name, counter in self._counters.items()})
