"""What everybody knows of a feature: more of it raises the prediction, or lowers it. Does the model know it too?"""

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from pipeline.encode import Matrix
from training.data import Part
from training.evaluation.probing import not_finite, predict_changed, share, share_name
from training.evaluation.readable import amount, feature_code
from training.rules import Rule, rule
from training.units import PERCENT

Numbers = NDArray[np.float64]

_STEPS = 21  # values of a feature that are tried, at most
_ENDS = 0.01, 0.99  # quantiles between which they lie: beyond, single rows decide what any model says


@np.errstate(all="ignore")  # what is not finite fails below
def check_expectations(contract: Contract, predict: Predict, rows: Matrix, train: Part) -> list[Rule]:
    """Return one rule for each of the contract's expectations.

    Every row's feature is raised along values that training saw, all else equal (Goldstein et al. 2015,
    doi:10.1080/10618600.2014.907095). The rule judges the row that goes the wrong way the farthest: a person gets one
    prediction, and not the mean of many.

    Args:
        contract: names features and directions.
        predict: the model, from encoded rows to the target's unit.
        rows: encoded rows that are tried, shape (n, features).
        train: what the model was fitted on.
    """
    return [_check(contract, predict, rows, train, name) for name in contract.gate.expectations]


def _check(contract: Contract, predict: Predict, rows: Matrix, train: Part, name: str) -> Rule:
    expected = contract.gate.expectations[name]
    rises = expected.direction == "increasing"
    title = f"Largest {'drop' if rises else 'rise'} of a prediction as {name} rises"
    place = list(contract.features).index(name)
    grid = _grid(train.matrix[:, place])
    if len(grid) < 2:
        return rule(title, None, "at most", expected.tolerance, PERCENT, "training saw no two values of it")
    found = predict_changed(predict, rows, [(place, float(value)) for value in grid])
    against = _against(contract, found if rises else -found, train.target)
    note = not_finite(found) or _note(contract, name, grid, found, against)
    value = float(against.max()) if np.isfinite(found).all() else None
    return rule(title, value, "at most", expected.tolerance, PERCENT, note)


def _grid(seen: Matrix) -> Matrix:
    """Return values that training saw, ascending: all if they are few, or quantiles, which whole numbers survive."""
    values = np.unique(seen[np.isfinite(seen)])
    if len(values) <= _STEPS:
        return values
    steps = np.linspace(*_ENDS, _STEPS)
    return np.unique(np.quantile(seen[np.isfinite(seen)], steps, method="inverted_cdf"))


def _against(contract: Contract, found: Numbers, targets: Numbers) -> Numbers:
    """Return how far below the most that was reached before each prediction is, as a share, shape (grid, rows)."""
    reached = np.maximum.accumulate(found, axis=0)
    return share(contract, reached - found, reached, targets)


def _note(contract: Contract, name: str, grid: Matrix, found: Numbers, against: Numbers) -> str:
    expected, column = contract.gate.expectations[name], contract.features[name]
    violate = int((against.max(axis=0) > expected.tolerance).sum())
    note = f"share of {share_name(contract)}; {violate:,} of {found.shape[1]:,} rows violate it"
    end, row = np.unravel_index(int(np.argmax(against)), against.shape)
    if not against[end, row] > 0:
        return note
    path = found[: end + 1, row]
    start = int(np.argmax(path) if expected.direction == "increasing" else np.argmin(path))
    places = (start, int(end))
    at = [f"{amount(path[step], contract.target.unit)} at {feature_code(column, float(grid[step]))}" for step in places]
    return f"{note}; worst: from {at[0]} to {at[1]}"
