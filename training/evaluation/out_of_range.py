"""Out-of-range values: where no training row was, a prediction may be wrong, but not absurd."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract, IntegerColumn, NumberColumn
from pipeline.encode import Matrix
from training.data import Part
from training.evaluation.probing import Change, numeric, predict_changed, spread, within, worst_place
from training.evaluation.readable import amount, feature_code
from training.rules import Rule, rule

Numbers = NDArray[np.float64]

_UNITS = {
    "log": "as a factor beyond the ends of the training target, 1 within them",
    "none": "in widths of the training target's range beyond its ends, 0 within them",
}


@np.errstate(all="ignore")  # what is not finite fails below
def check_out_of_range(contract: Contract, predict: Predict, rows: Matrix, train: Part) -> list[Rule]:
    """Return the rule on the most absurd prediction; none where the contract has no number."""
    changes: list[Change] = [
        (place, float(value))
        for place, column in numeric(contract).items()
        for value in _far_values(column, train.matrix[:, place])
    ]
    if not changes:
        return []
    found = predict_changed(predict, rows, changes)
    beyond = _beyond(contract, found, train.target)
    worst, row = divmod(worst_place(beyond.reshape(-1)), len(rows))
    note = f"{_UNITS[contract.target.transform]}; {_case(contract, changes[worst], found[worst, row], train.target)}"
    limit = contract.gate.robustness.out_of_range
    value = max(float(beyond[worst, row]), 1.0 if contract.target.transform == "log" else 0.0)
    return [rule("Farthest prediction for out-of-range values", value, "at most", limit, note=note)]


def _far_values(column: NumberColumn | IntegerColumn, seen: Matrix) -> Numbers:
    """Return the contract's limits, and what lies one spread beyond the values seen, within the limits."""
    values = [edge for edge in (column.minimum, column.maximum) if edge is not None]
    present = seen[np.isfinite(seen)].astype(np.float64)
    if len(present):
        values += [present.min() - spread(present), present.max() + spread(present)]
    return np.unique(within(column, np.array(values, dtype=np.float64)))


def _beyond(contract: Contract, found: Numbers, targets: Numbers) -> Numbers:
    """Return how far predictions are beyond the training target's ends, of the same shape; less within them.

    Not finite where that is not defined.
    """
    low, high = float(targets.min()), float(targets.max())
    if contract.target.transform == "log":
        return np.where(found <= 0, math.inf, np.maximum(found / high, low / found))
    return np.maximum(found - high, low - found) / (high - low)


def _case(contract: Contract, change: Change, found: float, targets: Numbers) -> str:
    place, value = change
    name, column = list(contract.features.items())[place]
    unit, low, high = contract.target.unit, float(targets.min()), float(targets.max())
    return (
        f"worst: {name} = {feature_code(column, float(value))} gives {amount(float(found), unit)}, and training had "
        f"{amount(low)} to {amount(high, unit)}"
    )
