"""The kinds of columns a contract can declare, discriminated by `type`."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.contract.base import Section
from pipeline.contract.words import fold

Role = Literal["feature", "key", "event_time"]


class _Column(Section):
    """What any column may say of itself."""

    role: Role = "feature"
    description: str = ""
    unit: str | None = None
    required: bool = True  # a required column may not be empty; the others may
    example: Any = None  # shown in the OpenAPI document; a value in range is made up when absent


class _Ranged(_Column):
    """A numeric column. `minimum` and `maximum` are inclusive, and refuse; None leaves that side open."""

    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        if self.role == "event_time":
            raise ValueError("an event_time column must be of type date")
        return self

    @property
    def allowed(self) -> str:
        """The allowed range in words, as error messages quote it."""
        low = "" if self.minimum is None else f" of at least {self.minimum:.15g}"
        high = "" if self.maximum is None else f"{' and' if low else ' of'} at most {self.maximum:.15g}"
        return f"{_NOUN[self.type]}{low}{high}"  # type: ignore[attr-defined]


class NumberColumn(_Ranged):
    """A real number."""

    type: Literal["number"]


class IntegerColumn(_Ranged):
    """A whole number; 3.0 is one, 3.5 is not."""

    type: Literal["integer"]


class BooleanColumn(_Column):
    """True or false; batches may also write yes/no, y/n, t/f, 1/0 in any case."""

    type: Literal["boolean"]

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return "true or false"


class CategoryColumn(_Column):
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


class TextColumn(_Column):
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


class DateColumn(_Column):
    """The event time, in a `strptime` format such as %Y-%m-%d; ISO dates by default."""

    type: Literal["date"]
    role: Role = "event_time"
    format: str = "%Y-%m-%d"

    @model_validator(mode="after")
    def _check_role(self) -> Self:
        if self.role != "event_time":
            raise ValueError("a date column can only be the event_time")
        return self

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        return f"a date written as {self.format}"


_NOUN = {"number": "a number", "integer": "a whole number"}

Column = Annotated[
    NumberColumn | IntegerColumn | BooleanColumn | CategoryColumn | TextColumn | DateColumn,
    Field(discriminator="type"),
]
