"""What training again gave, beside what the registered version is; stored as `reproduction.json` in MLflow."""

import math
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from pipeline.bundle.parity import relative_difference
from pipeline.contract.base import Section
from training.errors import TrainingError
from training.metrics import Numbers

TOLERANCE = 1e-9  # relative; the same arithmetic on the same machine gives 0
_NOTHING = 1e-12  # what is below is zero, as an R2 may be

Pair = tuple[float | None, float | None]
Value = TypeVar("Value")


class NotReproducedError(TrainingError):
    """Training again gave another model."""


class Outcome(Section):
    """A model version beside what was trained again. Pairs are of the version and of now, None where it has none."""

    rows: int  # held-out rows whose predictions were compared: validation and test
    largest_difference: float | None  # relative, of their predictions; None where one of them is not finite
    metrics: dict[str, Pair]  # cv_: by cross-validation; validation_, test_: on the rows of that split
    parameters: dict[str, tuple[str | None, str | None]]  # those that differ

    @property
    def differing(self) -> list[str]:
        """The names of the metrics that are not equal."""
        return [name for name, pair in self.metrics.items() if not _close(*pair)]

    @property
    def equal(self) -> bool:
        """Whether all predictions and all metrics are equal, up to a relative difference of 1e-9."""
        largest = self.largest_difference
        return largest is not None and largest <= TOLERANCE and bool(self.metrics) and not self.differing


class Reproduction(Section):
    """The verdict on a model version that was trained again."""

    model: str
    version: int
    candidate: str
    data_version: str
    run_id: str  # of what was trained again; it is never registered
    equal: bool
    outcome: Outcome
    caveats: list[str]  # what was not as it was when the version was made, or could not be compared
    sentence: str


def require_equal(found: Reproduction) -> Reproduction:
    """Return the reproduction, or raise NotReproducedError with its sentence where it is not equal."""
    if not found.equal:
        raise NotReproducedError(found.sentence)
    return found


def compare(
    predictions: tuple[Numbers, Numbers],
    metrics: tuple[Mapping[str, float], Mapping[str, float]],
    parameters: tuple[Mapping[str, str], Mapping[str, str]],
) -> Outcome:
    """Compare a version with what was trained again; the version comes first in each pair.

    Args:
        predictions: of the same held-out rows, shape (n,) each, in the target's unit.
        metrics: by name.
        parameters: by name.
    """
    differences = relative_difference(*predictions)
    largest = float(np.max(differences)) if np.isfinite(differences).all() else None
    changed = {name: pair for name, pair in _pairs(*parameters).items() if pair[0] != pair[1]}
    return Outcome(rows=len(differences), largest_difference=largest, metrics=_pairs(*metrics), parameters=changed)


def tell(title: str, outcome: Outcome, caveats: list[str]) -> str:
    """Return the verdict in one sentence; `title` says which version, candidate and data it is about."""
    found = _verdict(outcome)
    if caveats:
        found += f"; it was trained again although not all is as it was ({'; '.join(caveats)})"
    return f"{title} {found}"


def _verdict(outcome: Outcome) -> str:
    held_out, largest = f"the predictions of {outcome.rows:,} held-out rows", outcome.largest_difference
    if outcome.equal:
        same = f"{held_out} and {len(outcome.metrics)} metrics are equal"
        return f"is reproduced: {same} (largest relative difference of a prediction: {largest:.1g})"
    by = "are not all finite" if largest is None else f"differ by up to {largest:.2g} of their value"
    shown = [f"{name} was {_number(was)} and is {_number(now)}" for name, (was, now) in outcome.metrics.items()]
    shown = [line for line, name in zip(shown, outcome.metrics, strict=True) if name in outcome.differing]
    metrics = f"{len(outcome.differing)} of {len(outcome.metrics)} metrics differ"
    return f"is not reproduced: {held_out} {by}, and {metrics}{''.join(f' ({line})' for line in shown[:1])}"


def _pairs(before: Mapping[str, Value], now: Mapping[str, Value]) -> dict[str, tuple[Value | None, Value | None]]:
    return {name: (before.get(name), now.get(name)) for name in {**before, **now}}


def _close(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return math.isclose(before, now, rel_tol=TOLERANCE, abs_tol=_NOTHING)


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.6g}"
