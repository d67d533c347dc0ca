"""How single values are written in their normal form, and as numbers: what batches, requests and the encoder share."""

from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from pipeline.contract import CategoryColumn, Column
from pipeline.contract.words import fold

UNKNOWN = -1.0  # the code of a word that an open list does not know
LARGEST = float(np.finfo(np.float32).max)
_TRUE = frozenset({"true", "yes", "y", "t", "1", "1.0"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "0.0"})


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


def word_of(value: Any) -> str:
    """Return the form under which words are compared; a whole number is a word without its decimal point."""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return fold(str(int(value) if whole else value))


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
        word = word_of(value)
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
        word = word_of(value)
        if word not in self._words and not self._open:
            raise ValueError(f"{value!r} is not in the list")
        return self._words.get(word, word)

    def code(self, value: Any) -> float:
        """Return the word's position in the list."""
        if is_missing(value):
            return np.nan
        code = self._codes.get(word_of(value))
        if code is None and not self._open:
            raise ValueError(f"{value!r} is not in the list")
        return self._unknown if code is None else code

    def knows(self, value: Any) -> bool:
        """Whether the list names the word."""
        return word_of(value) in self._words


def coder(column: Column) -> Coder:
    """Return the coder of a feature column."""
    if isinstance(column, CategoryColumn):
        return Words(column)
    return Booleans() if column.type == "boolean" else Numbers()
