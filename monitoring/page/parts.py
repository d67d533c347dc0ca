"""What the page of a run is made from, and how its parts write states, times and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from monitoring.findings import Findings
from monitoring.gather import Gathered
from monitoring.measured import Ends
from monitoring.readable import number
from monitoring.reasons import View
from monitoring.retraining.decide import Decision
from monitoring.rules.performance import undecided
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.page import Markup, joined, link, unbroken

State = Literal["act", "watch", "healthy", "not judged"]
VIEWS: tuple[View, ...] = (
    "data quality",
    "input drift",
    "prediction drift",
    "live performance",
    "system health",
)
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Run:
    """One run of monitoring, as the page tells it."""

    contract: Contract
    name: str
    gathered: Gathered
    findings: Findings
    verdict: Verdict
    decision: Decision | None = None
    pages: Mapping[str, str] = field(default_factory=dict)  # Evidently's, by what was compared: names of files
    runbook: Mapping[str, str] = field(default_factory=dict)  # where the guide tells of a view: addresses
    dismissed: Mapping[str, str] = field(default_factory=dict)  # who dismissed a view's alert, and why

    @property
    def unit(self) -> str:
        """The target's unit after a number, or nothing."""
        return f" {self.contract.target.unit}" if self.contract.target.unit else ""

    def amount(self, value: float | None) -> str:
        """Write a number of the target's unit."""
        return UNKNOWN if value is None else f"{number(value)}{self.unit}"

    def state(self, view: View) -> State:
        """Return the gravest that was said of a view; where it had too few rows, nothing was judged."""
        said = {reason.severity for reason in self.verdict.reasons if reason.view == view}
        if "act" in said:
            return "act"
        if "watch" in said:
            return "watch"
        return "healthy" if self._judged(view) else "not judged"

    def _judged(self, view: View) -> bool:
        findings, least = self.findings, self.contract.monitoring.minimum_rows
        if findings.version is None or findings.asked < least:
            return False
        measured = findings.performance
        truths = measured.truths if measured else 0
        columns = findings.live.features if findings.live else 0
        enough: dict[View, bool] = {
            "prediction drift": findings.prediction is not None and findings.answers >= least,
            "live performance": truths >= least and not (measured and undecided(self.contract, measured)),
            "input drift": findings.answers >= least and columns > 0,
            "data quality": findings.answers >= least and columns > 0,
            "system health": findings.health.service is not None or findings.answers >= least,
        }
        return enough[view]


def anchor(view: str) -> str:
    """Return the place of a view on the page."""
    return view.replace(" ", "-")


def rows_link(run: Run, of: str, subject: str) -> Markup:
    """Return a link to the rows behind a finding, or nothing."""
    for one in run.findings.concerned:
        if (one.of, one.subject) == (of, subject) and one.name:
            shown = f"{one.rows:,} rows" if one.rows == one.total else f"{one.rows:,} of {one.total:,} rows"
            return unbroken(link(shown, f"./{one.name}"))
    return joined()


def time(value: datetime) -> str:
    """Write a time with its zone."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share in percent; one that is not zero is never written as zero."""
    if share is None:
        return UNKNOWN
    if 0 < share < 0.5 * 10 ** -(digits + 2):
        return f"under {10**-digits:g}%"
    return f"{100 * share:.{digits}f}%"


def between(run: Run, ends: Ends | None) -> str:
    """Write an interval of the target's unit."""
    return f"{number(ends.low)} to {number(ends.high)}{run.unit}" if ends else ""


def milliseconds(value: float | None) -> str:
    """Write a latency."""
    return UNKNOWN if value is None else f"{value:,.2f} ms" if value < 100 else f"{value:,.0f} ms"
