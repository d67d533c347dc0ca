"""Missing optional fields: a request may leave them out, and must still get a useful answer."""

import math

import numpy as np

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from training.data import Part
from training.evaluation.probing import predict_changed, worst_place
from training.metrics import error_name, errors
from training.rules import Rule, rule


@np.errstate(all="ignore")  # what is not finite fails below
def check_incomplete(contract: Contract, predict: Predict, tried: Part) -> list[Rule]:
    """Return the rule on the optional feature whose absence costs the most; none where no feature is optional."""
    optional = {name: place for place, (name, column) in enumerate(contract.features.items()) if not column.required}
    if not optional:
        return []
    found = predict_changed(predict, tried.matrix, [(place, math.nan) for place in optional.values()])
    before = float(np.mean(errors(contract, tried.target, predict(tried.matrix))))
    after = np.mean(errors(contract, tried.target, found), axis=-1)
    ratios = np.where((after == 0) & (before == 0), 1.0, after / before)
    worst = worst_place(ratios)
    note = (
        f"worst without {list(optional)[worst]}: {error_name(contract)} of {len(tried):,} rows is {after[worst]:.4g} "
        f"instead of {before:.4g}"
    )
    limit = contract.gate.robustness.missing_error
    return [
        rule("Error without one optional feature, over that with it", float(ratios[worst]), "at most", limit, note=note)
    ]
