"""The one encoder: records to one float32 matrix, by the contract alone.

Training, parity checks and the service all call it, so training and serving cannot disagree. Numbers stay as they are,
booleans become 0 and 1, a category becomes its position in the contract's list. A missing value is NaN; a word that an
open list does not know is `UNKNOWN` (NaN where the list is ordered, since there it is used as a number).
"""

from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.contract import CategoryColumn, Column, Contract
from pipeline.contract.words import fold
from pipeline.errors import PipelineError

Matrix = NDArray[np.float32]
UNKNOWN = -1.0
LARGEST = float(np.finfo(np.float32).max)
_TRUE = frozenset({"true", "yes", "y", "t", "1", "1.0"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "0.0"})


class EncodeError(PipelineError):
    """A value that the contract does not allow reached the encoder: it was not checked."""


class Coder(Protocol):
    """How one column's values are written in their normal form, and as numbers."""

    def normalise(self, value: Any) -> Any:
        """Return the normal form, or None for a missing value. Raises ValueError for a value that has none."""

    def code(self, value: Any) -> float:
        """Return the number that stands for the value. Raises ValueError as `normalise` does."""


def is_missing(value: Any) -> bool:
    """Whether the value means that there is none: None, NaN, pandas' NA, or a text of spaces only."""
    if value is None or isinstance(value, str):
        return value is None or not value.strip()
    if isinstance(value, float | np.floating | np.datetime64 | Decimal):
        return bool(value != value)
    return type(value).__name__ in {"NAType", "NaTType"}  # pandas' own, told without importing pandas


class Numbers:
    """Real and whole numbers. A text is no number here: batches are parsed before, requests are strict."""

    def normalise(self, value: Any) -> float | None:
        """Return the number, or None when it is missing."""
        if is_missing(value):
            return None
        if isinstance(value, str | bytes | bool | np.bool_):
            raise ValueError(f"{value!r} is not a number")
        number = float(value)
        if abs(number) > LARGEST:
            raise ValueError(f"{value!r} is too large; the encoder's limit is {LARGEST:.3g}")
        return number

    def code(self, value: Any) -> float:
        """Return the number, or NaN when it is missing."""
        number = self.normalise(value)
        return np.nan if number is None else number


class Booleans:
    """True and false, in the spellings that batches use."""

    def normalise(self, value: Any) -> bool | None:
        """Return the truth value, or None when it is missing."""
        if is_missing(value):
            return None
        word = fold(str(value))
        if word not in _TRUE | _FALSE:
            raise ValueError(f"{value!r} is not true or false")
        return word in _TRUE

    def code(self, value: Any) -> float:
        """Return 1, 0, or NaN when it is missing."""
        truth = self.normalise(value)
        return np.nan if truth is None else float(truth)


class Words:
    """The words of a category, whatever their case and spaces."""

    def __init__(self, column: CategoryColumn) -> None:
        self._words = {fold(word): word for word in column.categories}
        self._codes = {word: float(code) for code, word in enumerate(self._words)}
        self._open = column.open
        self._unknown = np.nan if column.ordered else UNKNOWN

    def normalise(self, value: Any) -> str | None:
        """Return the word as the contract spells it; an unknown word of an open list, folded."""
        if is_missing(value):
            return None
        word = fold(str(value))
        if word not in self._words and not self._open:
            raise ValueError(f"{value!r} is not in the list")
        return self._words.get(word, word)

    def code(self, value: Any) -> float:
        """Return the word's position in the list."""
        if is_missing(value):
            return np.nan
        code = self._codes.get(fold(str(value)))
        if code is None and not self._open:
            raise ValueError(f"{value!r} is not in the list")
        return self._unknown if code is None else code

    def knows(self, value: Any) -> bool:
        """Whether the list names the word."""
        return fold(str(value)) in self._words


def coder(column: Column) -> Coder:
    """Return the coder of a feature column."""
    if isinstance(column, CategoryColumn):
        return Words(column)
    return Booleans() if column.type == "boolean" else Numbers()


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
