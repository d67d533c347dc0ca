"""What monitoring watches, and from where on it matters."""

from pydantic import Field

from pipeline.contract.alerts_section import Alerts
from pipeline.contract.base import Section, Share
from pipeline.contract.retraining_section import Retraining
from pipeline.contract.sections import Cron


class Monitoring(Section):
    """What is watched, and from where on it matters."""

    schedule: Cron | None = "0 6 * * *"  # UTC; new data triggers monitoring as well
    window_days: int = Field(default=30, ge=1)  # how far back live traffic is read
    minimum_rows: int = Field(default=200, ge=2)  # below it the verdict is: not enough data
    column_drift: float = Field(default=0.15, gt=0)  # effect from which a column counts as drifted
    drifted_share: Share = Field(default=0.3, gt=0, le=1)  # share of drifted columns from which to act
    refused_share: Share = Field(default=0.001, ge=0, lt=1)  # of a field's values, refused without a word
    error_ratio: float = Field(default=1.25, gt=1)  # live MAE over held-out MAE from which to act
    bias_share: float = Field(default=0.5, gt=0)  # shift of the mean error, over the held-out typical error, to act on
    failed_share: Share = Field(default=0.01, ge=0, lt=1)  # of requests, answered with a status from 500 on
    latency_ms: float = Field(default=500.0, gt=0)  # that one answer of a hundred may take
    retraining: Retraining = Retraining()
    alerts: Alerts = Alerts()
