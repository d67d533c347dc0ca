"""The scikit-learn pipeline on the encoder's matrix."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pipeline.coders import UNKNOWN
from pipeline.contract import Contract
from pipeline.encode import Encoder
from training.candidates import Spec, specify

Numbers = NDArray[np.float64]


def build_estimator(
    contract: Contract, name: str, parameters: dict[str, Any] | None = None, target: Numbers | None = None
) -> BaseEstimator:
    """Return a candidate of the contract, not fitted, for float32 matrices of shape (n, features).

    Args:
        contract: whose candidate it is.
        name: of the candidate, which is no vote.
        parameters: in place of those that the contract states.
        target: true values of the training rows, by whose spread parameters are scaled that are given in it.

    Raises:
        ContractError: when the candidate's kind or a parameter is not known.
    """
    candidate = contract.training.candidates[name]
    if parameters is not None:
        candidate = candidate.model_copy(update={"parameters": parameters})
    spec = specify(name, candidate, contract.training.seed)
    if target is not None:
        _scale(spec, forward(contract)(target))
    return on_target(contract, Pipeline([("columns", _columns(Encoder(contract), spec)), ("model", spec.regressor)]))


def on_target(contract: Contract, pipeline: BaseEstimator) -> BaseEstimator:
    """Return the estimator with the target's transform around it, if the contract has one."""
    if contract.target.transform == "log":
        return TransformedTargetRegressor(pipeline, func=np.log, inverse_func=np.exp, check_inverse=False)
    return pipeline


def inner(model: BaseEstimator) -> BaseEstimator:
    """Return the fitted estimator inside of the target's transform."""
    return model.regressor_ if isinstance(model, TransformedTargetRegressor) else model


def forward(contract: Contract) -> Callable[[Numbers], Numbers]:
    """Return the target's transform."""
    return np.log if contract.target.transform == "log" else np.asarray


def _scale(spec: Spec, target: Numbers) -> None:
    """Standardising the target would do the same, but that ONNX has no converter for it."""
    spread = float(np.std(target)) or 1.0
    given = spec.regressor.get_params()
    spec.regressor.set_params(**{name: given[name] * spread for name in spec.in_spreads})


def _columns(encoder: Encoder, spec: Spec) -> ColumnTransformer:
    """One-hot for codes, the median for missing numbers. A kind of column that is not there makes no step."""
    numbers = [index for index in range(len(encoder.names)) if index not in encoder.one_hot]
    steps = [("codes", _one_hot(encoder), list(encoder.one_hot)), ("numbers", _numbers(spec), numbers)]
    return ColumnTransformer([step for step in steps if step[2]])


def _one_hot(encoder: Encoder) -> Pipeline:
    """Missing counts as unknown before the one-hot: what its ONNX form makes of NaN depends on the platform."""
    codes = [np.arange(count, dtype=np.float32) for count in encoder.one_hot.values()]
    return make_pipeline(
        SimpleImputer(strategy="constant", fill_value=UNKNOWN, keep_empty_features=True),
        OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False, dtype=np.float32),
    )


def _numbers(spec: Spec) -> BaseEstimator:
    """A column without any value stays, as zeros: the matrix keeps its width."""
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(median, StandardScaler()) if spec.scaled else median
