"""The periods that a replay lives through, each with the time in which it lies."""

from datetime import UTC, date, datetime, timedelta

from pydantic import AwareDatetime

from cli.replay.asked import Asked, following
from pipeline.contract import Window
from pipeline.contract.base import Section

# Rows without an event time get one, a month for each period: the service's answers are always logged with a time.
_EPOCH, _DAYS = datetime(2000, 1, 1, tzinfo=UTC), 30


class Period(Section):
    """One turn of the loop: rows of the source, and when they come."""

    number: int  # from 1
    window: Window
    since: AwareDatetime
    until: AwareDatetime
    shifted: bool = False

    @property
    def title(self) -> str:
        """How people call it, by where it begins: `2009-01`, or `2009-01-15` where that is no first of a month."""
        start = self.window.start
        return f"{start:%Y-%m}" if isinstance(start, date) and start.day == 1 else str(start)


def periods_of(asked: Asked) -> list[Period]:
    """Cut what comes after the first part; the last period may be shorter than the others."""
    return [
        Period(
            number=number,
            window=window,
            since=_moment(window.start, number - 1),
            until=_moment(window.end, number),
        )
        for number, window in enumerate(_windows(asked), start=1)
    ]


def with_shift(asked: Asked, periods: list[Period]) -> list[Period]:
    """Say which periods the scenario is for: from where it is asked for, or else the second half."""
    turns = asked.shift_from if asked.shift_from is not None else periods[len(periods) // 2].window.start
    shifts = [asked.target_shift != 1 and period.window.start >= turns for period in periods]  # type: ignore[operator]
    return [period.model_copy(update={"shifted": shift}) for period, shift in zip(periods, shifts, strict=True)]


def _windows(asked: Asked) -> list[Window]:
    found, start = [], asked.first_until
    while start < asked.end:  # type: ignore[operator]
        end = min(_next(asked, start), asked.end)
        found.append(Window(start=start, end=end))
        start = end
    return found


def _next(asked: Asked, edge: date | int) -> date | int:
    if isinstance(edge, int):
        return edge + (asked.rows or 1)
    return following(edge, asked.length or "month")


def _moment(edge: date | int | None, number: int) -> datetime:
    if isinstance(edge, date):
        return datetime(edge.year, edge.month, edge.day, tzinfo=UTC)
    return _EPOCH + timedelta(days=_DAYS * number)
