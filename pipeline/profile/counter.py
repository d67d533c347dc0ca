"""What counts the cells of a column, batch after batch, has this in common."""

from abc import ABC, abstractmethod
from typing import Any

from pipeline.profile.columns import ColumnProfile


class ColumnCounter(ABC):
    """Counts the cells of one column."""

    def __init__(self) -> None:
        self._rows = 0
        self._missing = 0

    def add(self, column: Any) -> None:
        """Count the cells of a batch's column, a `pyarrow.Array`."""
        self._rows += len(column)
        self._missing += column.null_count
        if column.null_count < len(column):
            self._add(column)

    @abstractmethod
    def _add(self, column: Any) -> None:
        """Count a column that holds at least one value."""

    @abstractmethod
    def result(self) -> ColumnProfile:
        """Return what was counted so far."""
