"""What a replay is asked for: which rows, cut into which periods, and what happens to the world on the way."""

import hashlib
from datetime import date, timedelta
from typing import Any, Literal, get_args

from pydantic import Field

from cli.errors import ReplayError
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.contract.window import Edge

Length = Literal["month", "quarter", "year"]
LENGTHS: tuple[Length, ...] = get_args(Length)
MONTHS: dict[Length, int] = {"month": 1, "quarter": 3, "year": 12}


class Asked(Section):
    """The options of a replay with their defaults filled in; the same ones give the same result."""

    model: str
    contract: str  # hash of the whole contract: a replay goes on only under the one that it began with
    start: Edge  # the first model learns from here on ...
    first_until: Edge  # ... to here, where the periods begin ...
    end: Edge  # ... that end here
    length: Length | None = None  # of a period; None: periods count rows
    rows: int | None = Field(default=None, ge=1)  # of a period, without an event time
    delay: int = Field(default=1, ge=0)  # periods until the truth of a prediction is known
    trials: int = Field(default=1, ge=1)  # sets of parameters that each candidate of the first model tries
    target_shift: float = Field(default=1.0, gt=0)  # what targets are multiplied by in the shifted periods
    shift_from: Edge | None = None  # the first of these; None: the second half of the periods

    @property
    def name(self) -> str:
        """How the replay's folder is called where nobody names it."""
        kind = self.length or f"{self.rows}-rows"
        return kind if self.target_shift == 1 else f"{kind}-target-x{self.target_shift:g}"


def asked_of(
    contract: Contract,
    *,
    period: str | None = None,
    start: Edge | None = None,
    first_until: Edge | None = None,
    end: Edge | None = None,
    **others: object,
) -> Asked:
    """Fill in what was left open from the contract's section `demo`.

    Raises:
        ReplayError: when an edge of the history is not known, or they are not in order, or `period` fits no contract
            of this kind.
    """
    begins, ends = _edges(contract, start, end)
    cut = _cut(contract, period, begins, ends)
    if first_until is None and contract.demo:
        first_until = contract.demo.history.end
    turns = first_until if first_until is not None else _first_part(begins, ends, cut.get("length"))
    if not begins < turns < ends:  # type: ignore[operator]
        raise ReplayError(f"{begins}, {turns} and {ends} must follow each other: start, end of the first part, end")
    whole = hashlib.sha256(contract.model_dump_json().encode()).hexdigest()[:16]
    edges = {"start": begins, "first_until": turns, "end": ends}
    return Asked.model_validate({"model": contract.name, "contract": whole} | edges | cut | others)


def following(day: date, length: Length) -> date:
    """Return where the next period of the calendar begins."""
    months = MONTHS[length]
    place = (day.month - 1) // months * months + months
    return date(day.year + place // 12, place % 12 + 1, 1)


def _edges(contract: Contract, start: Edge | None, end: Edge | None) -> tuple[Edge, Edge]:
    demo = contract.demo
    if demo:
        start = demo.history.start if start is None else start
        end = demo.replay.end if end is None else end
    if start is None or end is None:
        raise ReplayError(
            f"{contract.name}: where the history begins and where it ends is not known: give --start and --end, or the "
            "contract a section `demo` with these edges"
        )
    return start, end


def _first_part(start: Edge, end: Edge, length: Length | None) -> Edge:
    """Return where the first model's part of the history ends: a fifth of it, up to where a period begins."""
    if isinstance(start, date) and isinstance(end, date):
        return following(start + (end - start) / 5 - timedelta(days=1), length or "month")
    if isinstance(start, int) and isinstance(end, int):
        return start + max(1, (end - start) // 5)
    raise ReplayError(f"{start} and {end} must be two dates or two row positions")


def _cut(contract: Contract, period: str | None, begins: Edge, ends: Edge) -> dict[str, Any]:
    """Return how long a period is: in the calendar, or in rows where the contract has no event time."""
    if contract.event_time:
        if period is not None and period not in LENGTHS:
            raise ReplayError(f"--period {period}: one of {', '.join(LENGTHS)}; {contract.name} has an event time")
        return {"length": period or "month"}
    if period is not None and not (period.isdigit() and int(period)):
        raise ReplayError(f"--period {period}: a number of rows, since {contract.name} has no event time")
    return {"rows": int(period) if period else max(1, (int(ends) - int(begins)) // 10)}  # type: ignore[arg-type]
