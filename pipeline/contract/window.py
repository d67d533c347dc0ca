"""A window: the rows of one ingestion, half open, by event time or (without one) by position in the file."""

from datetime import date
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from pipeline.contract.base import Section, refuse_truth

Edge = Annotated[date | int, BeforeValidator(refuse_truth)]


class Window(Section):
    """Rows from `start` (included) to `end` (excluded); None leaves that side open.

    Edges are dates where the contract has an event time, and row positions (from 0) where it has none.
    """

    start: Edge | None = None
    end: Edge | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for edge in (self.start, self.end):
            if isinstance(edge, int) and edge < 0:
                raise ValueError(f"row position {edge} is negative")
        if self.start is not None and self.end is not None:
            if type(self.start) is not type(self.end):
                raise ValueError(f"start {self.start} and end {self.end} must be two dates or two row positions")
            if not self.start < self.end:  # type: ignore[operator]
                raise ValueError(f"start {self.start} must come before end {self.end} (which is excluded)")
        return self

    @property
    def id(self) -> str:
        """A name for files and run ids, such as `2006-01-01_2009-01-01`, `rows-0_300` or `all`."""
        if self.start is None and self.end is None:
            return "all"
        rows = "rows-" if isinstance(self.start if self.start is not None else self.end, int) else ""
        return f"{rows}{'begin' if self.start is None else self.start}_{'end' if self.end is None else self.end}"

    @property
    def by_position(self) -> bool:
        """Whether an edge of the window is a row position."""
        return any(isinstance(edge, int) for edge in (self.start, self.end))

    @property
    def by_date(self) -> bool:
        """Whether an edge of the window is a date."""
        return any(isinstance(edge, date) for edge in (self.start, self.end))

    def overlaps(self, other: "Window") -> bool:
        """Whether any row could be in both windows.

        Raises:
            ValueError: when one counts rows and the other has dates.
        """
        if (self.by_date and other.by_position) or (self.by_position and other.by_date):
            raise ValueError(f"window {self.id} and window {other.id} must both have dates or both row positions")
        return _before(self.start, other.end) and _before(other.start, self.end)


def _before(start: Edge | None, end: Edge | None) -> bool:
    return start is None or end is None or start < end  # type: ignore[operator]
