"""What was measured of live predictions and of the service; errors are in the target's unit unless said otherwise."""

from typing import Literal

from pydantic import AwareDatetime

from pipeline.contract.base import Section


class Ends(Section):
    """The ends of a number's interval."""

    low: float
    high: float


class Change(Section):
    """How sure it is that a mean over live rows differs from its held-out counterpart."""

    ends: Ends | None  # 99 %, of the one over the other, or minus it; None where some draws of the rows give none
    chance: float  # how likely so large a difference of means is by luck alone


class Bias(Section):
    """The mean error of live predictions beside that of the held-out rows, in the scale that the model is fitted in."""

    relative: bool  # of logarithms, where the target is fitted as one: about a share of the target; else in its unit
    mean: float  # of prediction minus truth, over live rows
    held_out: float  # the same over the held-out rows
    typical: float  # the mean absolute error of the held-out rows, in the same scale
    now: float  # the same over live rows
    change: Change

    @property
    def moved(self) -> float:
        """By how much the mean error has moved; above zero, the model says too much."""
        return self.mean - self.held_out

    @property
    def share(self) -> float:
        """The move as a share of the held-out rows' typical error."""
        return self.moved / self.typical if self.typical else 0.0


class SliceError(Section):
    """The error of one group of rows; `chance` says how likely it is that it grew by luck alone."""

    column: str
    group: str
    truths: int
    mae: float
    mae_ends: Ends | None = None  # 95 %, by Student's t; None for a single row
    bias: float
    coverage: float
    held_out_rows: int = 0
    held_out_mae: float | None = None
    chance: float | None = None  # one-sided; None where either side has too few rows to count

    @property
    def ratio(self) -> float | None:
        """The live MAE over the held-out MAE of the same group."""
        return self.mae / self.held_out_mae if self.held_out_mae else None


class VersionError(Section):
    """What one version answered in the window, and how wrong it was."""

    version: int
    answers: int
    truths: int
    mae: float | None = None
    bias: float | None = None
    coverage: float | None = None
    held_out_mae: float | None = None  # None where no release of it is known


class Expected(Section):
    """The error to expect of answers whose truth is still out; `silent` says why nothing can be said of it."""

    rows: int  # answers without their truth
    source: Literal["judged answers", "held-out rows"]
    source_rows: int
    effective_rows: float = 0  # to how many rows of the source the weighted ones amount (Kish)
    beyond: float = 0  # share of the rows whose prediction lies beyond all of the source's
    mae: float | None = None
    ends: Ends | None = None  # 95 %
    silent: str = ""


class Performance(Section):
    """The live error, on the truth that has arrived; numbers are None where there is no truth."""

    truths: int
    truth_share: float
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None  # None also where all truths are equal
    bias: float | None = None  # mean of prediction minus truth: above zero, the model says too much
    coverage: float | None = None  # share of truths within the interval that was answered
    nominal: float  # the coverage that was promised
    held_out_mae: float  # of the served version, on rows that it was not fitted on
    held_out_rows: int = 0  # of these, with prediction and truth; 0 where the model could not be asked
    ends: dict[str, Ends] = {}  # 95 % bootstrap intervals, by the names of the numbers above
    growth: Change | None = None  # of the live MAE over the held-out one
    shifted: Bias | None = None
    slices: list[SliceError] = []
    versions: list[VersionError] = []
    expected: Expected | None = None  # None where every truth has arrived

    @property
    def ratio(self) -> float | None:
        """The live MAE over the held-out MAE."""
        return None if self.mae is None or not self.held_out_mae else self.mae / self.held_out_mae


class Service(Section):
    """What the service said of itself when it was asked; its counts are since its start."""

    uri: str
    asked: AwareDatetime
    silent: str = ""  # why it gave no metrics; empty: it did
    ready: bool = False
    not_ready: str = ""  # in its own words
    version: int | None = None  # in service
    data_version: str = ""
    started: AwareDatetime | None = None
    answered: int = 0  # predictions
    refused: int = 0  # values in requests
    requests: int = 0
    failed: int = 0  # requests that were answered with a status from 500 on
    waiting: int | None = None  # rows of its log that wait for PostgreSQL; None where none is set

    @property
    def failed_share(self) -> float:
        """The share of requests that failed."""
        return self.failed / self.requests if self.requests else 0.0


class Health(Section):
    """How the service did: in the window by its log, and of itself when it was asked."""

    answers: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None = None
    per_hour: float = 0  # answers, over the whole window
    released: int | None = None  # the version that Git says is live
    clock_back_seconds: float = 0  # the furthest that the service's clock went back within the window
    model_away: str = ""  # why the served version could not be asked about its held-out rows; empty: it was
    service: Service | None = None  # None: it was not asked
