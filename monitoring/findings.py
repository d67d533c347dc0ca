"""What the analysis found: plain numbers with their limits, as the verdict and the report read them."""

from typing import Literal

from monitoring.measured import Health, Performance
from pipeline.contract.base import Section

REFERENCE = "reference"
LIVE, NEW_DATA = "live traffic", "new data"  # what is compared with it
OTHERS = "other versions"  # their answers in the same time: only their error is looked at

# `filled` and `varies`: the reference is empty or constant there, and the rows are not.
Problem = Literal["absent", "new", "empty", "filled", "constant", "varies", "missing", "unseen"]


class CategoryChange(Section):
    """A category whose share of the rows has changed."""

    category: str
    before: float  # share of the reference's rows
    now: float
    effect: float  # size of Cohen's h
    limit: float  # the contract's, or what chance alone may reach with so few rows, whichever is more


class ColumnDrift(Section):
    """How far one column has moved: a distance of distributions, and the limit from which it counts as drifted."""

    column: str
    method: Literal["wasserstein", "jensenshannon"]
    distance: float  # Wasserstein in standard deviations of the reference, or Jensen-Shannon (natural logarithm)
    limit: float  # the contract's, or what chance alone may reach with so few rows, whichever is more
    drifted: bool  # by its distance, or by one of its categories
    psi: float | None = None  # population stability index: for the report, nothing is judged by it
    moved: float | None = None  # of the mean, in standard deviations of the reference; None: words have no mean
    categories: list[CategoryChange] = []  # those that changed, the most first

    @property
    def weight(self) -> float:
        """The largest effect over its limit: from 1 on, the column drifted."""
        effects = [(self.distance, self.limit), *((item.effect, item.limit) for item in self.categories)]
        return max(effect / limit for effect, limit in effects)


class Quality(Section):
    """What is wrong with a column's values, beside their distribution."""

    column: str
    problem: Problem
    sentence: str
    value: float | None = None  # share of rows
    limit: float | None = None  # share of rows
    note: bool = False  # worth a word, and changes nothing


class Drift(Section):
    """One set of rows against the reference."""

    rows: int
    reference_rows: int
    features: int  # that can be looked at: columns with `log: false` are not in the log
    columns: list[ColumnDrift]
    quality: list[Quality]

    @property
    def changed(self) -> list[str]:
        """The features that drifted or broke, by name. A new word alone is worth a note, but changes nothing."""
        drifted = {item.column for item in self.columns if item.drifted}
        return sorted(drifted | {item.column for item in self.quality if not item.note})

    @property
    def share(self) -> float:
        """The share of features that drifted or broke."""
        return len(self.changed) / self.features if self.features else 0.0


class RefusedField(Section):
    """How often values of one field were refused, among the rows of all who asked."""

    field: str
    count: int
    share: float  # of rows
    limit: float  # share of rows above which it is no accident
    known: float | None  # share in the batches of the served version's data; None where that is not known
    noticed: bool


class Refusals(Section):
    """Values that were refused, by field and reason: what they hold never reaches the log or the data."""

    total: int
    share: float  # of refusals among refusals and answers
    fields: dict[str, dict[str, int]]
    rows: int = 0  # answered or accepted, and refused
    judged: list[RefusedField] = []  # the most refused first


class Draw(Section):
    """How many rows of each side Evidently's own page is made of, where it is not of all."""

    rows: int
    reference_rows: int
    seed: int


class ConcernedRows(Section):
    """The rows behind a finding, as a CSV beside the report."""

    of: str  # what was compared: `LIVE` or `NEW_DATA`
    subject: str  # the column, or `slice: column: group`, or `error`
    what: str  # which rows, in plain words
    rows: int  # that are in the file
    total: int  # that are concerned
    name: str = ""  # of the file


class Findings(Section):
    """All that one run of monitoring found. Without a released model there is nothing to find: `version` is None."""

    version: int | None = None
    live: Drift | None = None  # None when no prediction was answered in the window
    new_data: Drift | None = None  # None when the served version's data is the newest
    prediction: ColumnDrift | None = None
    performance: Performance | None = None
    refusals: Refusals = Refusals(total=0, share=0, fields={})
    health: Health = Health(answers=0, latency_p50_ms=None, latency_p95_ms=None)
    batch_refusals: Refusals = Refusals(total=0, share=0, fields={})  # of windows that the served version has not
    snapshots: dict[str, str] = {}  # Evidently's results by what was compared: addresses of JSON files
    concerned: list[ConcernedRows] = []  # of columns, slices and the error that were noticed
    draws: dict[str, Draw] = {}  # by what was compared; every number of these findings is of all rows

    @property
    def answers(self) -> int:
        """The predictions that were answered in the window."""
        return self.live.rows if self.live else 0

    @property
    def asked(self) -> int:
        """The rows that were asked for, answered or refused: at least so many."""
        return max(self.answers, self.refusals.rows)
