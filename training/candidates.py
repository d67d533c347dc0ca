"""The kinds of candidate models that a contract can name. A new kind is one function here."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge

from pipeline.contract import Candidate, ContractError

DUMMY = "dummy"


@dataclass(frozen=True)
class Spec:
    """A regressor that is not fitted yet, and whether it wants its numbers scaled.

    Trees do not: a scaler before them moves rows across split borders when float32 rounds differently in ONNX.
    """

    regressor: RegressorMixin
    scaled: bool = False


Kind = Callable[[dict[str, Any], int], Spec]


def dummy(parameters: dict[str, Any], seed: int) -> Spec:  # noqa: ARG001 (nothing is drawn)
    """Always the median: what any model has to beat."""
    return Spec(_make(DummyRegressor, parameters, strategy="median"))


def ridge(parameters: dict[str, Any], seed: int) -> Spec:
    """Linear regression with an L2 penalty, on scaled numbers."""
    return Spec(_make(Ridge, parameters, random_state=seed), scaled=True)


def random_forest(parameters: dict[str, Any], seed: int) -> Spec:
    """Trees on resampled rows, averaged."""
    return Spec(_make(RandomForestRegressor, parameters, random_state=seed, n_jobs=1))


def gradient_boosting(parameters: dict[str, Any], seed: int) -> Spec:
    """Trees, each fitted to what those before it leave over; exact splits."""
    return Spec(_make(GradientBoostingRegressor, parameters, random_state=seed))


def hist_gradient_boosting(parameters: dict[str, Any], seed: int) -> Spec:
    """The same on binned values: much faster on many rows."""
    return Spec(_make(HistGradientBoostingRegressor, parameters, random_state=seed))


KINDS: dict[str, Kind] = {
    function.__name__: function for function in (dummy, ridge, random_forest, gradient_boosting, hist_gradient_boosting)
}


def specify(name: str, candidate: Candidate, seed: int) -> Spec:
    """Return the spec of a contract's candidate.

    Raises:
        ContractError: naming the kinds or the parameters there are.
    """
    kind = KINDS.get(candidate.kind)
    if kind is None:
        known = ", ".join(KINDS)
        raise ContractError(f"training.candidates.{name}.kind: {candidate.kind!r} is not known; there are: {known}")
    try:
        return kind(candidate.parameters, seed)
    except ContractError as error:
        raise ContractError(f"training.candidates.{name}.parameters: {error}") from error


def _make(regressor: type[RegressorMixin], parameters: dict[str, Any], **fixed: Any) -> RegressorMixin:
    known = set(inspect.signature(regressor).parameters)
    for parameter in parameters:
        if parameter in fixed:
            raise ContractError(f"{parameter!r} is set by the pipeline to {fixed[parameter]!r}: leave it out")
        if parameter not in known:
            allowed = ", ".join(sorted(known - set(fixed)))
            raise ContractError(f"{parameter!r} is not known; there are: {allowed}")
    return regressor(**parameters, **fixed)
