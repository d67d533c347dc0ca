"""The proof that a model's ONNX form says what the model says, over all rows that are tried."""

from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes with scikit-learn

from pipeline.bundle.load import back, open_session, run
from pipeline.bundle.parity import Predict, prove_parity
from pipeline.bundle.probes import probe_rows
from pipeline.contract import Contract
from pipeline.encode import Matrix


def prove(contract: Contract, model: BaseEstimator, content: bytes, train: Matrix, held_out: Matrix) -> float:
    """Return the largest relative difference between a model and its ONNX form.

    Args:
        contract: whose limits and categories make the edge rows.
        model: the fitted scikit-learn model.
        content: the ONNX model.
        train: encoded rows, shape (n, features), beside and between which rows are made up.
        held_out: encoded rows that the model was not fitted on; all of them are tried.

    Raises:
        ParityError: when the difference is too large.
    """
    rows = probe_rows(contract, train, held_out)
    return prove_parity(predictor(model), _converted(content, contract), rows, tuple(contract.features))


def predictor(model: BaseEstimator) -> Predict:
    """Return the model's `predict` with float64 of shape (n,) as its result, whatever the regressor gives."""

    def predict(matrix: Matrix) -> NDArray[np.float64]:
        with one_thread():
            return np.asarray(model.predict(matrix), dtype=np.float64).reshape(-1)

    return predict


def one_thread() -> AbstractContextManager[object]:
    """Keep scikit-learn to one thread: candidates are fitted side by side.

    OpenMP's threads wait actively: on two busy cores a fit of 0.4 s was seen to take 43 s.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


def _converted(content: bytes, contract: Contract) -> Predict:
    session = open_session(content)
    name = session.get_inputs()[0].name

    def predict(matrix: Matrix) -> NDArray[np.float64]:
        return back(run(session, name, matrix), contract.target.transform)

    return predict
