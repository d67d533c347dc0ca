"""What the analysis found: plain numbers with their limits, as the verdict and the report read them."""

from typing import Literal

from pipeline.contract.base import Section

LIVE, NEW_DATA = "live traffic", "new data"  # what is compared with the reference

Problem = Literal["absent", "empty", "constant", "missing", "unseen"]


class ColumnDrift(Section):
    """How far one column has moved: a distance of distributions, and the limit from which it counts as drifted."""

    column: str
    method: Literal["wasserstein", "jensenshannon"]
    distance: float  # Wasserstein in standard deviations of the reference, or Jensen-Shannon (natural logarithm)
    limit: float  # the contract's, or what chance alone may reach with so few rows, whichever is more
    drifted: bool


class Quality(Section):
    """What is wrong with a column's values, beside their distribution."""

    column: str
    problem: Problem
    sentence: str


class Drift(Section):
    """One set of rows against the reference."""

    rows: int
    reference_rows: int
    features: int
    columns: list[ColumnDrift]
    quality: list[Quality]

    @property
    def changed(self) -> list[str]:
        """The features that drifted or broke, by name. A new word alone is worth a note, but changes nothing."""
        drifted = {item.column for item in self.columns if item.drifted}
        return sorted(drifted | {item.column for item in self.quality if item.problem != "unseen"})

    @property
    def share(self) -> float:
        """The share of features that drifted or broke."""
        return len(self.changed) / self.features


class Performance(Section):
    """The live error, on the truth that has arrived; errors are in the target's unit, None where there is no truth."""

    truths: int
    truth_share: float
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None  # None also where all truths are equal
    bias: float | None = None  # mean of prediction minus truth: above zero, the model says too much
    coverage: float | None = None  # share of truths within the interval that was answered
    nominal: float  # the coverage that was promised
    held_out_mae: float  # of the served version, on rows that it was not fitted on

    @property
    def ratio(self) -> float | None:
        """The live MAE over the held-out MAE."""
        return None if self.mae is None or not self.held_out_mae else self.mae / self.held_out_mae


class Refusals(Section):
    """Values that the service refused in the window, by field and reason."""

    total: int
    share: float  # of refusals among refusals and answers
    fields: dict[str, dict[str, int]]


class Health(Section):
    """How the service did in the window."""

    answers: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class Findings(Section):
    """All that one run of monitoring found. Without a released model there is nothing to find: `version` is None."""

    version: int | None = None
    live: Drift | None = None  # None when no prediction was answered in the window
    new_data: Drift | None = None  # None when the served version's data is the newest
    prediction: ColumnDrift | None = None
    performance: Performance | None = None
    refusals: Refusals = Refusals(total=0, share=0, fields={})
    health: Health = Health(answers=0, latency_p50_ms=None, latency_p95_ms=None)
    snapshots: dict[str, str] = {}  # Evidently's results by what was compared: addresses of JSON files
