"""The section `release`: whose word makes a challenger the champion."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from pipeline.contract.base import Number, Section, Share

User = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=100)]


class TrialLimits(Section):
    """What ends a trial early. Shares are of the records that the version on trial was asked for."""

    failed_share: Share = Field(default=0.01, ge=0, lt=1)  # it broke on them, or had no finite number
    refused_share: Share = Field(default=0.1, ge=0, lt=1)  # its contract does not allow them
    mean_absolute_difference: Number = Field(default=0.5, gt=0)  # from the live numbers, relative; a shadow's only
    mean_difference: Number | None = Field(default=None, gt=0)  # the same with its sign, to either side


class TrialPlan(Section):
    """A trial that an approved version must pass, beside the live one, before it is released."""

    mode: Literal["shadow", "canary"]
    share: Share = Field(default=0.1, gt=0, le=1)  # of the requests that a canary answers
    minutes: Number = Field(default=60.0, gt=0, le=7 * 24 * 60)
    minimum_requests: int = Field(default=200, ge=1)  # records without which a trial says little
    when_quiet: Literal["release", "refuse"] = "release"  # with fewer by then, none of which failed
    limits: TrialLimits = TrialLimits()

    @model_validator(mode="after")
    def _check_reached(self) -> Self:
        apart, bias = self.limits.mean_absolute_difference, self.limits.mean_difference
        if bias is not None and bias >= apart:
            raise ValueError(
                f"mean_difference {bias:g} limits nothing: it is never above the mean absolute difference, which is "
                f"limited to {apart:g}"
            )
        return self


class Release(Section):
    """How a challenger becomes champion. `automatic`: the gate's verdict is the approval; `manual`: a person's is."""

    approval: Literal["automatic", "manual"] = "automatic"
    timeout_hours: Number = Field(default=24.0, gt=0, le=24 * 30)  # without an answer by then, it is refused
    approvers: tuple[User, ...] = ()  # Airflow's users who may answer; none: all who may act on the DAG
    trial: TrialPlan | None = None  # none: what is approved is released at once

    @model_validator(mode="after")
    def _check_used(self) -> Self:
        if self.approval == "automatic" and self.approvers:
            raise ValueError("approvers are named, but approval is automatic: nobody would be asked")
        return self
