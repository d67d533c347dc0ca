"""The section `gate`: what a challenger must show before it may take the champion's place."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.contract.base import Number, Section, Share, check_order

MetricName = Literal["mae", "rmse", "r2", "mean_abs_log_error", "rmsle", "mape"]


class Limit(Section):
    """An inclusive limit on a metric of the held-out rows; None leaves that side open."""

    minimum: Number | None = None
    maximum: Number | None = None

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a limit needs a minimum, a maximum or both")
        check_order(self.minimum, self.maximum)
        return self


class Slice(Section):
    """How rows are cut by a feature: a category by its words, a number at the edges."""

    edges: tuple[Number, ...] = ()  # of a number, ascending: `[10, 20]` makes under 10, 10 to 20, 20 and more
    required: tuple[str, ...] = ()  # groups that must not be empty

    @model_validator(mode="after")
    def _check_edges(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges must ascend: {', '.join(f'{edge:g}' for edge in self.edges)}")
        return self


class Expectation(Section):
    """What everybody knows of a feature: more of it raises the prediction, or lowers it."""

    direction: Literal["increasing", "decreasing"]
    tolerance: Share = Field(default=0.05, ge=0)  # how far, as a share, a prediction may go the other way


class Robustness(Section):
    """How far predictions may move when the input is a little wrong."""

    perturbation: Share = Field(default=0.01, gt=0, lt=1)  # numbers are moved by up to this share of their spread
    perturbed_change: Share = Field(default=0.05, gt=0)  # share by which 95 % of the predictions may move at most
    missing_error: float = Field(default=1.5, ge=1)  # error with one optional feature missing, over that without
    out_of_range: float = Field(default=10.0, ge=1)  # how many times beyond the training target's range, at most


class Gate(Section):
    """What a challenger must reach. On by default, and closed where something cannot be measured."""

    minimum_rows: int = Field(default=30, ge=2)  # held-out rows without which no metric means anything
    share_of_dummy: float = Field(default=0.8, gt=0, le=1)  # first model: its MAE, as a share of the dummy's
    limits: dict[MetricName, Limit] = {}
    minimum_gain: Share = Field(default=0.005, ge=0, lt=1)  # share of the champion's error that must be won, at least
    confidence: Share = Field(default=0.975, gt=0.5, lt=1)  # of every one-sided bound
    harm: Share = Field(default=0.05, ge=0)  # share by which the error of a slice, or of recent rows, may grow
    recent_rows: int = Field(default=60, ge=2)  # of the last windows: how many decide at least
    slice_rows: int = Field(default=30, ge=2)  # a smaller slice is reported, and does not count
    slices: dict[str, Slice] = {}
    expectations: dict[str, Expectation] = {}
    robustness: Robustness = Robustness()
    latency_ms: float = Field(default=20.0, gt=0)  # of one row in the bundle, the median
    size_mb: float = Field(default=100.0, gt=0)  # of the ONNX model
    incomparable: Literal["refuse", "limits"] = "refuse"  # where the champion cannot read today's rows
