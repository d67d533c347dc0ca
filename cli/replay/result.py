"""What a replay found: a line for each period, and the three courses side by side."""

import csv
import io
from typing import Literal, get_args

import numpy as np

from cli.replay.asked import Asked
from pipeline.contract.base import Section
from pipeline.profile.wording import number

Course = Literal["loop", "frozen", "every"]
COURSES: tuple[Course, ...] = get_args(Course)
TITLES: dict[Course, str] = {
    "loop": "monitored, retrained when the guards allow",
    "frozen": "the first model for ever",
    "every": "retrained every period",
}

Errors = dict[Course, float | None]  # mean absolute errors in the target's unit; None without rows


class Line(Section):
    """One period. Its retraining happens at its end: what is released then answers from the next period on."""

    number: int
    start: str
    rows: int
    shifted: bool  # whether the scenario moved its targets
    errors: Errors
    version: int  # that answered in the loop
    labelled_rows: int  # known at the period's end
    data_version: str  # the newest one then
    verdict: str
    reasons: tuple[str, ...]  # the verdict's, gravest first
    asked: bool  # whether monitoring asked for a retraining
    held_back: bool  # whether it would have asked, but for a guard
    decision: str  # why, or why not
    retraining: Literal["released", "refused", ""]
    outcome: str  # the gate's sentence, where there was a retraining

    @property
    def word(self) -> str:
        """The verdict where there is little room."""
        return "few data" if self.verdict == "not enough data" else self.verdict


class Result(Section):
    """The whole replay."""

    asked: Asked
    target: str
    unit: str | None
    winner: str  # of the first training, whose recipe all courses use
    parameters: dict[str, dict[str, object]]  # of that recipe, by candidate
    first_rows: int
    quarantined: int
    lines: tuple[Line, ...]
    retrained: dict[Course, int]  # trainings after the first model, refused ones too

    def error(self, course: Course) -> float:
        """Return a course's mean absolute error over all rows of all periods."""
        known = [(line.rows, error) for line in self.lines if (error := line.errors[course]) is not None]
        rows, errors = np.array(known).T
        return float(np.average(errors, weights=rows))

    @property
    def sentence(self) -> str:
        """The comparison in plain words."""
        loop, every, frozen = (self.error(course) for course in ("loop", "every", "frozen"))
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"The loop's mean absolute error is {number(loop)}{unit}, {_against(loop, every)} that of retraining every "
            f"period ({number(every)}; {_trainings(self.retrained['loop'])} instead of {self.retrained['every']}) and "
            f"{_against(loop, frozen)} that of the frozen first model ({number(frozen)})."
        )


def to_csv(result: Result) -> bytes:
    """Return the lines as CSV, one row a period."""
    text = io.StringIO()
    columns = [name for name in Line.model_fields if name not in ("errors", "reasons")]
    writer = csv.writer(text)
    writer.writerow([*columns, *(f"error_{course}" for course in COURSES), "reasons"])
    for line in result.lines:
        plain = [getattr(line, name) for name in columns]
        writer.writerow([*plain, *(line.errors[course] for course in COURSES), " ".join(line.reasons)])
    return text.getvalue().encode()


def _trainings(count: int) -> str:
    return f"{count} retraining{'' if count == 1 else 's'}"


def _against(one: float, other: float) -> str:
    share = one / other - 1 if other else 0.0
    if abs(share) < 0.0005:  # less than the digits that are shown
        return "the same as"
    return f"{abs(share):.1%} {'above' if share > 0 else 'below'}"
