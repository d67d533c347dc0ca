"""What every kind of column has in common."""

from abc import ABC, abstractmethod
from typing import Any, Literal, Self

from pydantic import model_validator

from pipeline.contract.base import Section

Role = Literal["feature", "key", "event_time"]


class BaseColumn(Section, ABC):
    """What any column may say of itself."""

    type: str
    role: Role = "feature"
    description: str = ""
    unit: str | None = None
    required: bool = True  # a required column may not be empty; the others may
    example: Any = None  # shown in the OpenAPI document; a value in range is made up when absent

    log: bool = True  # whether the prediction log keeps what requests say here

    @property
    @abstractmethod
    def allowed(self) -> str:
        """What is allowed, in words, as error messages quote it."""

    @abstractmethod
    def allows(self, value: Any) -> bool:
        """Whether a request may hold the value."""

    @model_validator(mode="after")
    def _check_role_and_example(self) -> Self:
        if self.role == "event_time" and self.type != "date":
            raise ValueError("an event_time column must be of type date")
        if self.role != "feature" and not self.required:
            raise ValueError(f"a {self.role} column cannot be optional: a row without it has no place")
        if self.role != "feature" and not self.log:
            raise ValueError(
                f"log: false is for features; a {self.role} column is not part of a request, so not logged"
            )
        if self.example is not None and not self.allows(self.example):
            raise ValueError(f"example {self.example!r} is not allowed here; allowed: {self.allowed}")
        return self
