"""The one encoder: records to one float32 matrix, by the contract alone.

Training, parity checks and the service all call it, so training and serving cannot disagree. Numbers stay as they are,
booleans become 0 and 1, a category becomes its position in the contract's list. A missing value is NaN; a word that an
open list does not know is `UNKNOWN` (NaN where the list is ordered, since there it is used as a number).
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.coders import LARGEST, Coder, Numbers, coder, is_missing
from pipeline.contract import CategoryColumn, Contract
from pipeline.errors import PipelineError

Matrix = NDArray[np.float32]


class EncodeError(PipelineError):
    """A value that the contract does not allow reached the encoder: it was not checked."""


class Encoder:
    """Encodes records of one contract. Safe to share between threads."""

    def __init__(self, contract: Contract) -> None:
        self.names = tuple(contract.features)
        self._coders = tuple(coder(column) for column in contract.features.values())
        # Columns that hold codes without an order, and how many: a model has to one-hot these.
        self.one_hot = {
            index: len(column.categories)
            for index, column in enumerate(contract.features.values())
            if isinstance(column, CategoryColumn) and not column.ordered
        }

    def record(self, record: Mapping[str, Any]) -> Matrix:
        """Encode one record, shape (1, features). A name that is absent is a missing value."""
        codes = [
            self._code(name, coder, record.get(name)) for name, coder in zip(self.names, self._coders, strict=True)
        ]
        return np.array([codes], dtype=np.float32)

    def columns(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Matrix:
        """Encode columns of equal length (lists, arrays, or a data frame's series), shape (rows, features).

        Raises:
            EncodeError: for a value that `record` refuses too, and for a column that is not there.
        """
        absent = [name for name in self.names if name not in columns]
        if absent:
            raise EncodeError(f"columns that are not there: {', '.join(absent)}")
        coded = [self._column(name, coder, columns[name]) for name, coder in zip(self.names, self._coders, strict=True)]
        return np.column_stack(coded).astype(np.float32)

    def _column(self, name: str, coder: Coder, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float32]:
        if isinstance(coder, Numbers) and hasattr(values, "dtype"):  # a list would hide that True is not 1
            numbers = np.asarray(values)
            if numbers.dtype.kind in "fiu" and not (np.abs(numbers) > LARGEST).any():
                return numbers.astype(np.float32)
        return np.array(self._codes(name, coder, list(values)), dtype=np.float32)

    def _codes(self, name: str, coder: Coder, values: list[Any]) -> list[float]:
        known: dict[tuple[type, Any], float] = {}  # by type as well: 1 and True are equal, and not the same word
        codes = []
        for value in values:
            key = (type(value), value)
            if not isinstance(value, Hashable) or is_missing(value):
                codes.append(self._code(name, coder, value))
                continue
            if key not in known:
                known[key] = self._code(name, coder, value)
            codes.append(known[key])
        return codes

    @staticmethod
    def _code(name: str, coder: Coder, value: Any) -> float:
        try:
            return coder.code(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise EncodeError(f"column {name!r}: {error}") from error
