"""What a profile holds: for each column a few numbers that say what its values look like."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from pipeline.contract.base import Section

KEPT_WORDS = 30


class _ColumnProfile(Section):
    rows: int = 0
    missing: int = 0  # empty cells

    @property
    def present(self) -> int:
        """How many cells hold a value."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        """The share of empty cells; 0 where there are no rows."""
        return self.missing / self.rows if self.rows else 0.0


class NumbersProfile(_ColumnProfile):
    """A number or integer column. All four are None where no cell has a value, or a double could not hold them."""

    kind: Literal["numbers"] = "numbers"
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None  # of the population: divided by the number of values


class WordsProfile(_ColumnProfile):
    """A category or text column. Words stand from the most to the least frequent, equals by the alphabet."""

    kind: Literal["words"] = "words"
    words: dict[str, int] = {}  # rows of the most frequent words, at most `KEPT_WORDS`
    others: int = 0  # rows with other words


class TimesProfile(_ColumnProfile):
    """A date column; times are UTC without a zone."""

    kind: Literal["times"] = "times"
    first: datetime | None = None
    last: datetime | None = None


class TruthsProfile(_ColumnProfile):
    """A boolean column."""

    kind: Literal["truths"] = "truths"
    true: int = 0  # rows


ColumnProfile = Annotated[NumbersProfile | WordsProfile | TimesProfile | TruthsProfile, Field(discriminator="kind")]


class Profile(Section):
    """What rows look like, column by column in the contract's order."""

    rows: int = 0
    columns: dict[str, ColumnProfile] = {}


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return the `KEPT_WORDS` most frequent words with their rows; equals by the alphabet."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:KEPT_WORDS])
