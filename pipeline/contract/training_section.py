"""The section `training`: which models are tried, and how much is spent on each."""

from typing import Any, Self

from pydantic import Field, model_validator

from pipeline.contract.base import Section, Share

VOTE = "vote"  # the kind of candidate that is made of others


class Candidate(Section):
    """One candidate model: `kind` names a function of training/candidates.py, which gets the parameters."""

    kind: str
    parameters: dict[str, Any] = {}
    search: dict[str, tuple[Any, ...]] = {}  # values that are tried for a parameter, beside the one above
    max_rows: int | None = Field(default=None, ge=50)  # of training rows; for kinds that do not scale
    of: tuple[str, ...] = ()  # a vote's members, whose predictions are averaged

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        if self.kind != VOTE and self.of:
            raise ValueError(f"`of` names the members of a vote, and this is a {self.kind}")
        if self.kind == VOTE and len(set(self.of)) < 2:
            raise ValueError("a vote needs at least two members, under `of`")
        if self.kind == VOTE and (self.parameters or self.search or self.max_rows):
            raise ValueError("a vote has no parameters of its own: give them to its members")
        empty = [name for name, values in self.search.items() if not values]
        if empty:
            raise ValueError(f"search.{empty[0]}: names no value to try")
        return self


class Tuning(Section):
    """What is spent on a candidate's parameters, by cross-validation within the training rows."""

    trials: int = Field(default=8, ge=1)  # combinations, the stated parameters first
    folds: int = Field(default=5, ge=2)
    rows: int = Field(default=20_000, ge=50)  # of training rows, at most; the final fit has all
    seconds: float = Field(default=60.0, gt=0)  # after which a candidate starts no further trial


class Training(Section):
    """What is tried, and what the interval promises."""

    candidates: dict[str, Candidate] = Field(min_length=1)
    tuning: Tuning = Tuning()
    seed: int = 0
    interval: Share = Field(default=0.9, gt=0, lt=1)  # nominal coverage of the prediction interval

    @model_validator(mode="after")
    def _check_votes(self) -> Self:
        for name, candidate in self.candidates.items():
            for member in candidate.of:
                if member not in self.candidates:
                    raise ValueError(f"candidates.{name}.of: there is no candidate {member!r}")
                if self.candidates[member].kind == VOTE:
                    raise ValueError(f"candidates.{name}.of: {member!r} is a vote itself; name its members")
        return self

    @property
    def votes(self) -> tuple[str, ...]:
        """The candidates that are made of others, by name; they come last."""
        return tuple(name for name, candidate in self.candidates.items() if candidate.kind == VOTE)
