"""What is allowed, but was not seen in training: the answer carries a warning."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.bundle.load import Bundle
from pipeline.coders import UNKNOWN, Words
from pipeline.contract import CategoryColumn
from pipeline.encode import Matrix


class Unusual:
    """Finds values that the model has no experience of. Safe to share between threads."""

    def __init__(self, bundle: Bundle) -> None:
        features, ranges = bundle.contract.features, bundle.metadata.training_ranges
        self._names = tuple(features)
        self._ranges = [ranges.get(name, (-np.inf, np.inf)) for name in features]
        # In the matrix's precision: the edges themselves were seen.
        self._low, self._high = np.array(self._ranges, dtype=np.float32).T
        self._places = [place for place, column in enumerate(features.values()) if getattr(column, "open", False)]
        self._open = {
            name: Words(column)
            for name, column in features.items()
            if isinstance(column, CategoryColumn) and column.open
        }

    def warnings_of(self, records: Sequence[dict[str, Any]], matrix: Matrix) -> list[list[str]]:
        """Say what is unusual about each of the records; `matrix` has a row for each."""
        suspect = ((matrix < self._low) | (matrix > self._high)).any(axis=1)
        if self._places:
            words = matrix[:, self._places]
            suspect |= (np.isnan(words) | (words == UNKNOWN)).any(axis=1)
        return [
            self.warnings(record, matrix[place : place + 1]) if odd else []
            for place, (record, odd) in enumerate(zip(records, suspect.tolist(), strict=True))
        ]

    def warnings(self, record: dict[str, Any], matrix: Matrix) -> list[str]:
        """Say what is unusual about a record.

        Args:
            record: in its normal form.
            matrix: the record as it is encoded, shape (1, features).
        """
        outside = np.flatnonzero((matrix[0] < self._low) | (matrix[0] > self._high))
        return [self._outside(int(place), record) for place in outside] + [
            f"{name}: {record[name]!r} is not a category that the contract lists; predicted as unknown"
            for name, words in self._open.items()
            if record[name] is not None and not words.knows(record[name])
        ]

    def _outside(self, place: int, record: dict[str, Any]) -> str:
        name, (low, high) = self._names[place], self._ranges[place]
        return f"{name}: {record[name]:.15g} is outside of what training saw ({_short(low)} to {_short(high)})"


def _short(edge: float) -> str:
    """Return an edge as its column wrote it: the matrix has it in half of the digits that a float has."""
    return f"{float(str(np.float32(edge))):.15g}"
