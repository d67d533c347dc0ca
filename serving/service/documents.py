"""The shapes of answers, for the OpenAPI document. Tests hold the real answers to them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.bundle.format import Interval
from pipeline.refusal import Reason


class PredictionInterval(BaseModel):
    """Where the true number is expected, in the target's unit."""

    model_config = ConfigDict(extra="forbid")

    low: float
    high: float
    level: float = Field(description="The share of true numbers that such intervals hold")


class Prediction(BaseModel):
    """The answer to a record."""

    model_config = ConfigDict(extra="forbid")

    prediction: float = Field(description="In the target's unit")
    unit: str | None
    interval: PredictionInterval
    model: str
    model_version: int
    data_version: str
    id: str = Field(description="Post the true number under this id to /actuals once it is known")
    warnings: list[str] = Field(description="What is unlike anything that training saw")


class RefusedValue(BaseModel):
    """One refused value of a request."""

    model_config = ConfigDict(extra="forbid")

    field: str
    reason: Reason
    value: Any
    allowed: str
    message: str


class ProblemDocument(BaseModel):
    """What went wrong, as RFC 9457 tells it."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str = Field(description="One sentence that names the field, its value and what is allowed")
    errors: list[RefusedValue] = Field(default_factory=list, description="Each refused value")
    refused: dict[str, Any] | None = Field(default=None, description="A release that was not taken up, and why")


class ServedModel(BaseModel):
    """What is served."""

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    version: int
    data_version: str
    run_id: str = Field(description="The MLflow run that made it")
    candidate: str = Field(description="The kind of model, by its name in the contract")
    metrics: dict[str, float] = Field(description="On held-out rows; mae and rmse in the target's unit")
    interval: Interval = Field(description="How the interval of each answer is made")
    interval_level: float = Field(description="The share of true numbers that such intervals hold")
    card: str = Field(description="The address of the model card; empty where there is none")
    target: str
    unit: str | None
    fields: dict[str, dict[str, Any]] = Field(description="What a record holds, as the contract describes it")
    refused: dict[str, Any] | None = Field(default=None, description="A release that was not taken up, and why")
    trial: dict[str, Any] | None = Field(default=None, description="The version that is tried beside it")
    trial_refused: str | None = Field(default=None, description="Why a version is not tried")
