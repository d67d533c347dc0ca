"""The scikit-learn pipeline on the encoder's matrix."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pipeline.coders import UNKNOWN
from pipeline.contract import Contract
from pipeline.encode import Encoder
from training.candidates import Spec, specify


def build_estimator(contract: Contract, name: str) -> BaseEstimator:
    """Return a candidate of the contract, not fitted, for float32 matrices of shape (n, features).

    Raises:
        ContractError: when the candidate's kind or a parameter is not known.
    """
    spec = specify(name, contract.training.candidates[name], contract.training.seed)
    pipeline = Pipeline([("columns", _columns(Encoder(contract), spec)), ("model", spec.regressor)])
    if contract.target.transform == "log":
        return TransformedTargetRegressor(pipeline, func=np.log, inverse_func=np.exp, check_inverse=False)
    return pipeline


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
