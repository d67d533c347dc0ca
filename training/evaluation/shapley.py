"""The predictions of three rows, taken apart by Shapley values."""

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.bundle.shapley import Shapley, shapley_values
from pipeline.contract import Contract
from pipeline.encode import Matrix
from pipeline.readable import feature_value
from training.data import Part
from training.evaluation.document import Contribution, Explained
from training.evaluation.probing import predict_all
from training.metrics import errors

Numbers = NDArray[np.float64]

BACKGROUND = 200  # rows that suffice: a feature's value is a mean over twice as many orders


@np.errstate(all="ignore")  # what is not finite is left out below
def explain(contract: Contract, predict: Predict, part: Part, background: Matrix, seed: int) -> list[Explained]:
    """Explain three rows: the median prediction, the largest error and the highest prediction.

    Args:
        contract: names the features, and what their values are called.
        predict: the model, from encoded rows to the target's unit.
        part: rows that the model was not fitted on.
        background: encoded training rows that the rows are compared with, shape (n, features).
        seed: of the orders.

    Returns:
        Those whose prediction and effects are finite.
    """
    predicted = predict_all(predict, part.matrix)
    explained = []
    for title, row in _choose(contract, part, predicted).items():
        found = shapley_values(predict, part.matrix[row], background, seed)
        if np.isfinite(found.effects).all():
            explained.append(_explained(contract, title, part, row, found))
    return explained


def _choose(contract: Contract, part: Part, predicted: Numbers) -> dict[str, int]:
    finite = np.flatnonzero(np.isfinite(predicted))
    if not len(finite):
        return {}
    order = finite[np.argsort(predicted[finite], kind="stable")]
    wrong = np.nan_to_num(errors(contract, part.target, predicted)[finite], nan=np.inf)
    return {
        "The median prediction": int(order[(len(order) - 1) // 2]),
        "The largest error": int(finite[np.argmax(wrong)]),
        "The highest prediction": int(order[-1]),
    }


def _explained(contract: Contract, title: str, part: Part, row: int, found: Shapley) -> Explained:
    record = part.frame.iloc[row]
    contributions = [
        Contribution(feature=name, value=feature_value(column, record[name]), effect=float(effect))
        for (name, column), effect in zip(contract.features.items(), found.effects, strict=True)
    ]
    return Explained(
        title=title,
        actual=float(part.target[row]),
        predicted=found.predicted,
        base=found.base,
        contributions=sorted(contributions, key=lambda one: -abs(one.effect)),
    )
