"""The contract model: columns and sections, checked as a whole, and the views that rooms derive."""

import hashlib
import json
import math
import re
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from pipeline.contract import sections
from pipeline.contract.base import Section
from pipeline.contract.columns import CategoryColumn, Column, DateColumn, IntegerColumn, NumberColumn
from pipeline.contract.gate_section import Gate
from pipeline.contract.monitoring_section import Monitoring
from pipeline.contract.release_section import Release
from pipeline.contract.training_section import Training
from pipeline.contract.window import Window

# Names that rooms add beside the contract's columns; a name of this form is refused in a contract.
SPLIT = "__split__"
PREDICTION = "__prediction__"
_RESERVED = re.compile(r"__.*__")


class Contract(Section):
    """One data set and its model. The only place where a column is named."""

    name: str = Field(pattern=r"^[a-z]([a-z0-9_]{0,61}[a-z0-9])?$")  # a name in a cluster once `_` is `-`
    title: str = ""
    description: str = ""
    owner: str = "nobody yet"
    licence: str = "unknown"
    columns: dict[str, Column] = Field(min_length=1)
    target: sections.Target
    split: sections.Split = sections.Split()
    ingestion: sections.Ingestion
    training: Training
    gate: Gate = Gate()
    serving: sections.Serving = sections.Serving()
    release: Release = Release()
    monitoring: Monitoring = Monitoring()
    demo: sections.Demo | None = None

    @field_validator("columns")
    @classmethod
    def _check_names(cls, columns: dict[str, Column]) -> dict[str, Column]:
        for name in columns:
            _check_name(name)
        return columns

    @field_validator("target")
    @classmethod
    def _check_target_name(cls, target: sections.Target) -> sections.Target:
        _check_name(target.name)
        return target

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.target.name in self.columns:
            raise ValueError(f"target {self.target.name!r} is also listed under columns: name it once, under target")
        if not self.features:
            raise ValueError("no column has the role feature")
        times = [name for name, column in self.columns.items() if column.role == "event_time"]
        if len(times) > 1:
            raise ValueError(f"more than one event_time: {', '.join(times)}")
        if self.demo:
            self.check_window(self.demo.history)
            self.check_window(self.demo.replay)
        self._check_gate()
        return self

    def _check_gate(self) -> None:
        for section, names in (("slices", self.gate.slices), ("expectations", self.gate.expectations)):
            for name in names:
                if name not in self.features:
                    raise ValueError(f"gate.{section}: {name!r} is no feature")
        for name, cut in self.gate.slices.items():
            number = isinstance(self.features[name], NumberColumn | IntegerColumn)
            if number != bool(cut.edges):
                wrong = "is a number, so give `edges`" if number else "is no number, so it has no `edges`"
                raise ValueError(f"gate.slices.{name}: {wrong}")
        for name in self.gate.expectations:
            column = self.features[name]
            if isinstance(column, CategoryColumn) and not column.ordered:
                raise ValueError(f"gate.expectations.{name}: its words have no order; say `ordered: true` if they have")

    def check_window(self, window: Window) -> None:
        """Raise ValueError unless the window's edges are of the kind that this contract's rows have."""
        if self.event_time and window.by_position:
            raise ValueError(f"window {window.id} counts rows, but {self.event_time!r} is the event time: give dates")
        if not self.event_time and window.by_date:
            raise ValueError(f"window {window.id} has dates, but the contract has no event time: give row positions")

    @property
    def features(self) -> dict[str, Column]:
        """The columns that the model sees, in the contract's order."""
        return {name: column for name, column in self.columns.items() if column.role == "feature"}

    @property
    def logged(self) -> tuple[str, ...]:
        """The features that the prediction log may hold."""
        return tuple(name for name, column in self.features.items() if column.log)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row together; empty when the contract names none."""
        return tuple(name for name, column in self.columns.items() if column.role == "key")

    @property
    def event_time(self) -> str | None:
        """The column that says when, if there is one."""
        return next((name for name, column in self.columns.items() if isinstance(column, DateColumn)), None)

    @property
    def target_column(self) -> NumberColumn:
        """The target, seen as a column of the batch."""
        target = self.target
        return NumberColumn(
            type="number",
            unit=target.unit,
            description=target.description,
            minimum=target.minimum,
            maximum=target.maximum,
        )

    @property
    def batch_columns(self) -> dict[str, Column]:
        """Every column that a batch must have: those listed, and the target."""
        return {**self.columns, self.target.name: self.target_column}

    @property
    def data_hash(self) -> str:
        """Changes when rows of an earlier version would no longer mean the same."""
        return _digest(self._meaning())

    @property
    def model_hash(self) -> str:
        """Changes when the same data would be fitted differently."""
        return _digest([self._meaning(), self.target.transform, self.training.model_dump(mode="json")])

    def _meaning(self) -> Any:
        unsaid = {"description", "example", "log"}
        columns = [[name, column.model_dump(mode="json", exclude=unsaid)] for name, column in self.columns.items()]
        target = self.target.model_dump(mode="json", exclude={"description", "transform"})
        return [columns, target, self.split.model_dump(mode="json")]

    def example(self) -> dict[str, Any]:
        """A record that the service accepts, for the OpenAPI document."""
        return {name: example_value(column) for name, column in self.features.items()}


def example_value(column: Column) -> Any:
    """The column's own example, or a value made up within its limits."""
    if column.example is not None:
        return column.example
    if column.type == "category":
        return column.categories[0]
    if isinstance(column, NumberColumn | IntegerColumn):
        edges = [edge for edge in (column.minimum, column.maximum) if edge is not None]
        middle = sum(edges) / len(edges) if edges else 1.0
        if column.type == "number":
            return middle
        return math.floor(middle) if column.minimum is None else math.ceil(column.minimum)
    return True


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip():
        raise ValueError(f"column name {name!r} is empty or has spaces around it")
    if _RESERVED.fullmatch(name):
        raise ValueError(f"column name {name!r} is reserved: two underscores stand at both ends")


def _digest(meaning: Any) -> str:
    text = json.dumps(meaning, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
