"""What approval reads of documents that other stages have written: only what it shows; anything else may change."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Estimate(_Document):
    """A number and the ends of its 95 % interval, None where they are not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Slice(_Document):
    """A model's test rows of one group."""

    column: str
    group: str
    rows: int
    metrics: dict[str, float] = {}


class Measured(_Document):
    """How a model does on its test rows (`evaluation.json` of its run)."""

    error: str = "mae"  # the metric by which models are compared
    rows: int = 0
    metrics: dict[str, Estimate] = {}
    slices: list[Slice] = []


class GateRule(_Document):
    """One rule of the gate."""

    name: str
    passed: bool
    sentence: str


class Comparison(_Document):
    """Champion and challenger on the same held-out rows, which neither was fitted on."""

    champion: int
    error: str
    rows: int
    champion_error: float
    challenger_error: float
    gain: Estimate


class Ruling(_Document):
    """What the gate decided (`decision.json` of the run)."""

    passed: bool
    sentence: str
    rules: list[GateRule] = []
    compared: Comparison | None = None


class Watched(_Document):
    """What monitoring last thought of a served version."""

    run: str
    until: str  # the end of the window that it looked at
    version: int | None
    status: str
    reasons: list[str]

    @field_validator("reasons", mode="before")
    @classmethod
    def _read_sentences(cls, reasons: list[Any]) -> list[Any]:
        return [reason["sentence"] if isinstance(reason, dict) else reason for reason in reasons]
