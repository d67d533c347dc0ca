"""When monitoring asks for a retraining: the conditions, and the guards that hold it back."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.contract.base import Number, Section


class Retraining(Section):
    """Performance first, drift second, growth third; each guard can hold a request back."""

    noticed: int = Field(default=2, ge=1)  # a condition must hold in so many ...
    windows: int = Field(default=3, ge=1)  # ... of the last so many windows that could be judged
    growth: Number = Field(default=0.25, gt=0)  # share by which the labelled rows have grown since the served version
    cooldown_days: Number = Field(default=7, ge=0)  # from one request to the next, in the windows' time
    minimum_new_rows: int = Field(default=100, ge=0)  # labelled rows that no training has seen
    futile: int = Field(default=3, ge=1)  # retrainings in a row without gain, after which monitoring stops asking
    dry_run: bool = False  # says what it would have asked for, and asks for nothing

    @model_validator(mode="after")
    def _check_windows(self) -> Self:
        if self.noticed > self.windows:
            raise ValueError(f"noticed {self.noticed} is more than windows {self.windows}: it could never be reached")
        return self
