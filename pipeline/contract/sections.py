"""The sections of a contract beside its columns. Each is read by the room that it is named for."""

import codecs
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.contract.base import Number, Section, Share, check_order
from pipeline.contract.window import Window


def _check_cron(text: str) -> str:
    if not re.fullmatch(
        r"@(hourly|daily|weekly|monthly|quarterly|yearly)|[\d*/,\-A-Za-z#?]+( [\d*/,\-A-Za-z#?]+){4}", text
    ):
        raise ValueError(
            f"{text!r} is no cron schedule; one has five fields, such as '0 6 * * *', or is @daily or alike"
        )
    return text


Cron = Annotated[str, AfterValidator(_check_cron)]


class Target(Section):
    """The number to predict. `transform: log` fits its logarithm, which needs a minimum above zero."""

    name: str = Field(min_length=1)
    unit: str | None = None
    description: str = ""
    minimum: Number | None = None
    maximum: Number | None = None
    transform: Literal["none", "log"] = "none"

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        check_order(self.minimum, self.maximum)
        if self.transform == "log" and (self.minimum is None or self.minimum <= 0):
            raise ValueError("transform: log needs a minimum above zero")
        return self


class Split(Section):
    """The shares of rows in each split. A row's place is a hash of its key and the salt, and never changes."""

    train: Share = Field(default=0.7, gt=0, lt=1)
    validation: Share = Field(default=0.15, gt=0, lt=1)
    test: Share = Field(default=0.15, gt=0, lt=1)
    salt: str = ""

    @model_validator(mode="after")
    def _check_sum(self) -> Self:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError(f"train + validation + test is {self.train + self.validation + self.test:g}, not 1")
        return self


class Csv(Section):
    """How a CSV source is written."""

    delimiter: str = Field(default=",", pattern=r"^[^\w\s\".+-]$|^\t$")
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."  # what stands between a number's whole part and its fraction

    @model_validator(mode="after")
    def _check_known(self) -> Self:
        if self.delimiter == self.decimal:
            raise ValueError(f"{self.delimiter!r} cannot be both delimiter and decimal")
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise ValueError(f"encoding {self.encoding!r} is not known; one is utf-8 or latin-1") from error
        return self


def _check_source(address: str) -> str:
    if re.search(r"://[^/?#]*:[^/?#]*@", address):
        raise ValueError("holds a password, which would stand in notes and commits: name a `connection` instead")
    return address


class Ingestion(Section):
    """Where batches come from. A relative address starts at the project's folder."""

    source: Annotated[str, AfterValidator(_check_source)] = Field(min_length=1)
    query: str | None = None  # of a SQL source; `:start` and `:end` stand for the window's edges
    connection: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]+$")  # names who may read the source
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")  # of a source that is one file
    csv: Csv = Csv()
    missing: tuple[str, ...] = ("",)  # cells of a CSV file that mean: no value
    quarantine_limit: Share = Field(default=0.05, ge=0, lt=1)  # share of bad rows above which a batch is refused
    schedule: Cron | None = None  # UTC; each run ingests its data interval


class Serving(Section):
    """What the prediction service promises."""

    smoke_rows: int = Field(default=20, ge=1)  # rows whose served numbers must equal the trained model's


class Demo(Section):
    """The story that `make demo` tells: what is history, and what is replayed as live traffic."""

    history: Window
    replay: Window

    @model_validator(mode="after")
    def _check_apart(self) -> Self:
        if self.history.overlaps(self.replay):
            raise ValueError("history and replay overlap: the model would have seen what it is asked")
        return self
