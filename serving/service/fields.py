"""A contract's column as a field of the request: strict types, the contract's range, the encoder's words."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from pipeline.coders import LARGEST, Words
from pipeline.contract import BooleanColumn, CategoryColumn, Column, IntegerColumn, NumberColumn
from pipeline.contract.contract import example_value

LONGEST_WORD = 200  # an open list takes any word, but the prediction log is no place for whole texts


def request_field(name: str, column: Column) -> tuple[Any, FieldInfo]:
    """Return the type and the field of a feature column; a column that is not required may be null or absent."""
    kind = _kind(column)
    unit = f" ({column.unit})" if column.unit else ""
    default: Any = ... if column.required else None
    field: FieldInfo = Field(
        default,
        alias=name,
        description=f"{column.description or name}{unit}",
        examples=[example_value(column)],
    )
    return (kind if column.required else kind | None), field


def longest_word(column: CategoryColumn) -> int:
    """Return how many letters a word of the column may have."""
    return max(LONGEST_WORD, *(len(word) for word in column.categories))


def _kind(column: Column) -> Any:
    if isinstance(column, CategoryColumn):
        return _word(column)
    if isinstance(column, NumberColumn | IntegerColumn):
        return _number(column)
    assert isinstance(column, BooleanColumn), f"a {column.type} column is no feature"  # noqa: S101 (the contract's rule)
    return Annotated[bool, Field(strict=True)]


def _number(column: NumberColumn | IntegerColumn) -> Any:
    # A strict float takes 3 and 3.0, and neither "3" nor true. What float32 cannot hold, the model cannot see.
    low = -LARGEST if column.minimum is None else max(column.minimum, -LARGEST)
    high = LARGEST if column.maximum is None else min(column.maximum, LARGEST)
    shown = WithJsonSchema({"type": column.type, "minimum": low, "maximum": high})
    limits = Field(strict=True, ge=low, le=high, allow_inf_nan=False)
    if isinstance(column, NumberColumn):
        return Annotated[float, limits, shown]
    return Annotated[float, limits, AfterValidator(_whole), shown]


def _whole(value: float) -> int:
    if not value.is_integer():
        raise PydanticCustomError("whole", "not a whole number")
    return int(value)


def _word(column: CategoryColumn) -> Any:
    words = Words(column)

    def normalise(value: str) -> str | None:
        try:
            word = words.normalise(value)
        except ValueError as error:
            raise PydanticCustomError("category", "not in the list") from error
        if word is None and column.required:
            raise PydanticCustomError("blank", "empty")
        return word

    limits = Field(strict=True, max_length=longest_word(column))
    return Annotated[str, limits, AfterValidator(normalise), WithJsonSchema({"type": "string", **_words(column)})]


def _words(column: CategoryColumn) -> dict[str, Any]:
    """Return which words a column takes, as JSON Schema says it."""
    if not column.open:
        return {"enum": list(column.categories)}
    blank = {"pattern": r"\S"} if column.required else {}  # at least one letter
    return {"maxLength": longest_word(column), **blank, "examples": list(column.categories)}
