"""Small perturbations: numbers that are a little off must not move predictions much."""

import numpy as np
from numpy.typing import NDArray

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract, IntegerColumn
from pipeline.encode import Matrix
from training.data import Part
from training.evaluation.probing import not_finite, numeric, predict_all, share, share_name, spread, within
from training.rules import Rule, rule
from training.units import PERCENT

Numbers = NDArray[np.float64]

_SHARE = 0.95  # of the predictions that must not move much
_TIMES = 5  # that each row is moved


@np.errstate(all="ignore")  # what is not finite fails below
def check_perturbed(contract: Contract, predict: Predict, rows: Matrix, train: Part) -> list[Rule]:
    """Return the rule on small perturbations; none where the contract has no number fine enough to be moved."""
    limits, moves = contract.gate.robustness, _moves(contract, train.matrix)
    if not moves:
        return []
    before = np.tile(predict(rows), _TIMES)
    after = predict_all(predict, _perturbed(contract, rows, moves))
    change = share(contract, np.abs(after - before), before, train.target)
    value = float(np.quantile(change, _SHARE)) if np.isfinite(change).all() else None
    note = not_finite(change) or (
        f"share of {share_name(contract)} by which {_SHARE:.0%} of the predictions move at most; {len(moves)} numeric "
        f"features of {len(rows):,} rows moved at random by up to {limits.perturbation:.3g} of their spread"
    )
    return [rule("Change under small perturbations", value, "at most", limits.perturbed_change, PERCENT, note)]


def _moves(contract: Contract, train: Matrix) -> dict[int, float]:
    """Return how far each numeric feature is moved at most, by its place.

    Whole numbers stay whole, since a request cannot hold others. So those that would move by less than one half stay
    as they are: one room more is no small perturbation.
    """
    moves = {place: contract.gate.robustness.perturbation * spread(train[:, place]) for place in numeric(contract)}
    least = {place: 0.5 if isinstance(column, IntegerColumn) else 0.0 for place, column in numeric(contract).items()}
    return {place: move for place, move in moves.items() if move > least[place]}


def _perturbed(contract: Contract, rows: Matrix, moves: dict[int, float]) -> Matrix:
    """Return the rows several times over, moved at random; a missing value stays missing."""
    rng, columns = np.random.default_rng(contract.training.seed), numeric(contract)
    moved = np.tile(rows, (_TIMES, 1))
    for place, move in moves.items():
        moved[:, place] = within(columns[place], moved[:, place] + rng.uniform(-move, move, len(moved)))
    return moved
