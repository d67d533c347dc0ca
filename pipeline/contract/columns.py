"""The kinds of columns a contract can declare, discriminated by `type`."""

from datetime import date, datetime
from math import inf
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.contract.base import Number
from pipeline.contract.column import BaseColumn, Role
from pipeline.contract.words import fold


class _Ranged(BaseColumn):
    """A numeric column. `minimum` and `maximum` are inclusive, and refuse; None leaves that side open."""

    minimum: Number | None = None
    maximum: Number | None = None

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:.15g} is above maximum {self.maximum:.15g}")
        return self

    @property
    def allowed(self) -> str:
        """The allowed range in words."""
        low = "" if self.minimum is None else f" of at least {self.minimum:.15g}"
        high = "" if self.maximum is None else f"{' and' if low else ' of'} at most {self.maximum:.15g}"
        return f"{_NOUN[self.type]}{low}{high}"

    def allows(self, value: Any) -> bool:
        """Whether the value is a number in range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low = -inf if self.minimum is None else self.minimum
        high = inf if self.maximum is None else self.maximum
        return low <= value <= high and (self.type == "number" or value == value // 1)


class NumberColumn(_Ranged):
    """A real number."""

    type: Literal["number"]


class IntegerColumn(_Ranged):
    """A whole number; 3.0 is one, 3.5 is not."""

    type: Literal["integer"]


class BooleanColumn(BaseColumn):
    """True or false; batches may also write yes/no, y/n, t/f, 1/0 in any case."""

    type: Literal["boolean"]

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return "true or false"

    def allows(self, value: Any) -> bool:
        """Whether the value is true or false."""
        return isinstance(value, bool)


class CategoryColumn(BaseColumn):
    """One of a list of words, compared without regard to case and spaces.

    A closed list refuses any other word; an `open` one accepts it, warns, and encodes it as unknown.
    `ordered: true` says that the list runs from low to high, so that its position is used as a number.
    """

    type: Literal["category"]
    categories: tuple[str, ...] = Field(min_length=1)
    open: bool = False
    ordered: bool = False

    @model_validator(mode="after")
    def _check_categories(self) -> Self:
        seen: dict[str, str] = {}
        for word in self.categories:
            if not fold(word):
                raise ValueError("an empty word is no category; say `required: false` instead")
            if fold(word) in seen:
                raise ValueError(f"categories {seen[fold(word)]!r} and {word!r} differ by case or spaces only")
            seen[fold(word)] = word
        return self

    @property
    def allowed(self) -> str:
        """The allowed words."""
        return "any word" if self.open else "one of: " + ", ".join(self.categories)

    def allows(self, value: Any) -> bool:
        """Whether the value is a word of the list or, where it is open, any word."""
        return isinstance(value, str) and (self.open or fold(value) in map(fold, self.categories))


class TextColumn(BaseColumn):
    """Free text. Only a row key can be one: a model cannot use it."""

    type: Literal["text"]
    role: Role = "key"

    @model_validator(mode="after")
    def _check_role(self) -> Self:
        if self.role != "key":
            raise ValueError("a text column can only be a key; use type: category for a feature")
        return self

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        return "a text that is not empty"

    def allows(self, value: Any) -> bool:
        """Whether the value is a text with something in it."""
        return isinstance(value, str) and bool(value.strip())


class DateColumn(BaseColumn):
    """The event time, in a `strptime` format such as %Y-%m-%d; ISO dates by default.

    `minimum` and `maximum` are inclusive, and refuse: a date beyond sense is a slip of the pen.
    """

    type: Literal["date"]
    role: Role = "event_time"
    format: str = "%Y-%m-%d"
    minimum: date = date(1900, 1, 1)
    maximum: date = date(2100, 1, 1)

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if self.role != "event_time":
            raise ValueError("a date column can only be the event_time")
        if not self.allows(datetime(2011, 1, 1).strftime(self.format)):  # noqa: DTZ001 (only its spelling matters)
            raise ValueError(f"format {self.format!r} reads no year; write it as strptime does, such as %Y-%m-%d")
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is after maximum {self.maximum}")
        return self

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        return f"a date written as {self.format}, from {self.minimum} to {self.maximum}"

    def allows(self, value: Any) -> bool:
        """Whether the value is a text in the format."""
        try:
            return datetime.strptime(value, self.format).year > _NO_YEAR  # noqa: DTZ007 (the same)
        except (TypeError, ValueError):
            return False


_NO_YEAR = 1900  # what strptime says of a text without one
_NOUN = {"number": "a number", "integer": "a whole number"}

Column = Annotated[
    NumberColumn | IntegerColumn | BooleanColumn | CategoryColumn | TextColumn | DateColumn,
    Field(discriminator="type"),
]
