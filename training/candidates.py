"""The kinds of candidate models that a contract can name. A new kind is one function here."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.svm import SVR

from pipeline.contract import VOTE, Candidate, ContractError

DUMMY = "dummy"


@dataclass(frozen=True)
class Spec:
    """A regressor that is not fitted yet, and what it wants.

    Trees want no scaled numbers: a scaler before them moves rows across split borders when float32 rounds differently
    in ONNX. `in_spreads` names parameters that are given in standard deviations of the target, so that they mean the
    same for every target.
    """

    regressor: RegressorMixin
    scaled: bool = False
    in_spreads: tuple[str, ...] = ()


Kind = Callable[[dict[str, Any], int], Spec]


def dummy(parameters: dict[str, Any], seed: int) -> Spec:  # noqa: ARG001 (nothing is drawn)
    """Always the median: what any model has to beat."""
    return Spec(_make(DummyRegressor, parameters, strategy="median"))


def ridge(parameters: dict[str, Any], seed: int) -> Spec:
    """Linear regression with an L2 penalty, on scaled numbers."""
    return Spec(_make(Ridge, parameters, random_state=seed), scaled=True)


def elastic_net(parameters: dict[str, Any], seed: int) -> Spec:
    """Linear regression with an L1 and an L2 penalty, on scaled numbers: features that do not help get no weight."""
    return Spec(_make(ElasticNet, parameters, random_state=seed, max_iter=10_000), scaled=True)


def support_vectors(parameters: dict[str, Any], seed: int) -> Spec:  # noqa: ARG001 (nothing is drawn)
    """Support-vector regression with a radial kernel, on scaled numbers; its time grows with the square of the rows.

    `C`, `epsilon` and `tol` are given in standard deviations of the target.
    """
    regressor = _make(SVR, parameters, kernel="rbf", cache_size=500)
    return Spec(regressor, scaled=True, in_spreads=("C", "epsilon", "tol"))


def random_forest(parameters: dict[str, Any], seed: int) -> Spec:
    """Trees on resampled rows, averaged."""
    return Spec(_make(RandomForestRegressor, parameters, random_state=seed, n_jobs=1))


def gradient_boosting(parameters: dict[str, Any], seed: int) -> Spec:
    """Trees, each fitted to what those before it leave over; exact splits. `loss: huber` minds outliers less."""
    return Spec(_make(GradientBoostingRegressor, parameters, random_state=seed))


def hist_gradient_boosting(parameters: dict[str, Any], seed: int) -> Spec:
    """The same on binned values: much faster on many rows, and the only one of the trees that scales to millions."""
    return Spec(_make(HistGradientBoostingRegressor, parameters, random_state=seed))


KINDS: dict[str, Kind] = {
    function.__name__: function
    for function in (
        dummy,
        ridge,
        elastic_net,
        support_vectors,
        random_forest,
        gradient_boosting,
        hist_gradient_boosting,
    )
}


def specify(name: str, candidate: Candidate, seed: int) -> Spec:
    """Return the spec of a contract's candidate, which is no vote.

    Raises:
        ContractError: naming the kinds or the parameters there are.
    """
    kind = KINDS.get(candidate.kind)
    if kind is None:
        known = ", ".join((*KINDS, VOTE))
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
