"""All that a model card tells of, and how its numbers are written in the target's unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.bootstrap import Estimate
from pipeline.contract import Contract
from training.card.content import Image, Images
from training.card.wording import NOT_DEFINED, listed, number, percent, span
from training.evaluation.document import Evaluation, SliceResult
from training.gate.decision import Decision
from training.leaderboard import Line

NOT_RECORDED = "not recorded"
_IN_UNITS = ("mae", "rmse")
_SHARES = ("mape",)


@dataclass(frozen=True)
class Facts:
    """A model version with everything that is known of it."""

    contract: Contract
    version: int
    tags: Mapping[str, str]
    evaluation: Evaluation
    decision: Decision
    candidates: Sequence[Line]
    images: Mapping[str, bytes]

    @property
    def data_version(self) -> str:
        """The data that the version was made from."""
        return self.tags.get("data_version", "data that is not recorded")

    @property
    def windows(self) -> list[str]:
        """The windows of the data version, in the order of their rows; none where they are not recorded."""
        return [window for window in self.tags.get("windows", "").split(", ") if window]

    @property
    def error(self) -> float | None:
        """The error by which models are compared, over all test rows; None where it is not defined."""
        found = self.evaluation.metrics.get(self.evaluation.error)
        return found.value if found else None

    def amount(self, value: float | None, beside: float = 0.0) -> str:
        """Return a number in the target's unit."""
        unit, written = self.contract.target.unit, number(value, beside)
        return f"{written} {unit}" if unit and written != NOT_DEFINED else written

    def measured(self, metric: str, value: float | None, beside: float = 0.0) -> str:
        """Return a metric's value, in the unit that the metric has."""
        if metric in _SHARES:
            return percent(value)
        return self.amount(value, beside) if metric in _IN_UNITS else number(value, beside)

    def interval(self, metric: str, found: Estimate | None) -> str:
        """Return the ends of a metric's interval, in the unit that the metric has."""
        if found is None or found.low is None or found.high is None:
            return NOT_DEFINED
        if metric in _SHARES:
            return span(found.low, found.high, percent)
        return f"{number(found.low, found.high)} to {self.measured(metric, found.high, found.low)}"

    def judged(self) -> list[SliceResult]:
        """Return the slices with enough rows to be judged."""
        return [one for one in self.evaluation.slices if one.rows >= self.contract.gate.slice_rows]

    def small(self) -> list[SliceResult]:
        """Return the slices that have rows, but too few to be judged."""
        return [one for one in self.evaluation.slices if 0 < one.rows < self.contract.gate.slice_rows]

    def empty(self) -> list[SliceResult]:
        """Return the slices without any row."""
        return [one for one in self.evaluation.slices if not one.rows]

    def plots(self, *wanted: tuple[str, str, str]) -> list[Images]:
        """Return the plots that there are, of those wanted: each by name, with what it shows and a caption."""
        shown = [Image(name, self.images[name], alt, caption) for name, alt, caption in wanted if name in self.images]
        return [Images(shown)] if shown else []


def group(one: SliceResult) -> str:
    """Return what a slice is called."""
    return f"{one.column} = {one.group}"


def named(slices: Sequence[SliceResult], most: int) -> str:
    """Return slices by name, of each column `most` at most."""
    by_column: dict[str, list[str]] = {}
    for one in slices:
        by_column.setdefault(one.column, []).append(one.group)
    return "; ".join(f"{column} = {listed(found, most)}" for column, found in by_column.items())
