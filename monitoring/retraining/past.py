"""What monitoring remembers when it decides on a retraining: earlier windows, earlier requests, and labelled rows."""

from typing import Literal

from pydantic import AwareDatetime

from monitoring.verdict import Status
from pipeline.contract.base import Section

Kind = Literal["no model", "performance", "drift", "growth", "none"]
Condition = Literal["performance", "drift", "growth"]
Outcome = Literal["released", "refused", "failed", "running"]


class Judged(Section):
    """An earlier run of monitoring."""

    until: AwareDatetime  # the end of its window
    version: int | None  # in service then; None: no model
    status: Status
    kinds: tuple[Condition, ...] = ()  # what it noticed that may be a reason to retrain


class Attempt(Section):
    """A training since then, and what became of it."""

    asked: AwareDatetime  # the end of the window whose run asked; of a training by hand, when it began
    kind: Literal["no model", "performance", "drift", "growth", "by hand"]
    data_version: str
    rows: int = 0  # labelled rows of that data version
    outcome: Outcome = "running"
    version: int | None = None  # that it brought into service


class Past(Section):
    """All that a decision depends on, beside the contract and the verdict."""

    until: AwareDatetime  # the end of the window that is decided on: "now", in the windows' time
    windows: tuple[Judged, ...] = ()  # earlier runs of monitoring, oldest first
    retrainings: tuple[Attempt, ...] = ()  # oldest first
    labelled_rows: int = 0  # of the newest data
    served_rows: int = 0  # of these, how many the served version's data has
    version: int | None = None  # in service now
    data_version: str = ""  # the newest data: what a retraining would be fitted on
    away: str = ""  # why the model registry could not say what became of retrainings; empty: it did
    notes: tuple[str, ...] = ()  # what could not be read
