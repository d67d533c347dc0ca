"""The evaluation of one model, stored beside it as `evaluation.json`; the gate and the model card read it."""

from pipeline.bootstrap import Estimate
from pipeline.bundle.format import Interval
from pipeline.contract.base import Section
from training.rules import Rule

EVALUATION = "evaluation.json"


class SliceResult(Section):
    """How a model does on the rows of one group; all of them test rows."""

    column: str  # what the rows are cut by
    group: str  # such as `NAmes`, `1000 to 1500`, `missing`, or a period
    rows: int
    metrics: dict[str, float]
    coverage: float | None  # share of rows inside of the prediction interval
    width: float | None  # mean width of the interval, in the target's unit


class Importance(Section):
    """How much larger the error is when a feature's values are shuffled: mean over repeats, and their extremes."""

    feature: str
    increase: float  # in the unit of the error that models are compared by
    low: float
    high: float


class Contribution(Section):
    """What one feature adds to one prediction, in the target's unit (its Shapley value)."""

    feature: str
    value: str  # as the row has it, for people
    effect: float


class Explained(Section):
    """One row's prediction, taken apart: base + all effects = prediction."""

    title: str  # why this row is shown
    actual: float
    predicted: float
    base: float  # mean prediction of the rows that the row is compared with
    contributions: list[Contribution]  # the largest first


class Evaluation(Section):
    """How a model does on test rows, each of which it saw once."""

    error: str  # the metric by which models are compared: mean_abs_log_error or mae
    rows: int
    metrics: dict[str, Estimate]
    dummy: dict[str, float]  # the same metrics of the training rows' median
    interval: Interval
    coverage: Estimate | None
    width: float  # mean width of the interval, in the target's unit
    slices: list[SliceResult]  # of the contract's gate.slices, every group that the column can have
    worst: SliceResult | None  # the slice with enough rows whose error is the largest
    recent: SliceResult | None  # the rows of the last windows
    robustness: list[Rule]
    importance: list[Importance]  # the largest first
    explained: list[Explained]
