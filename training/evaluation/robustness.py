"""How far predictions move when the input is a little wrong, incomplete, beyond what training saw, or better."""

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from training.data import Part
from training.evaluation.expectations import check_expectations
from training.evaluation.incomplete import check_incomplete
from training.evaluation.out_of_range import check_out_of_range
from training.evaluation.perturbation import check_perturbed
from training.evaluation.probing import some
from training.rules import Rule

ROWS = 500  # that are tried


def check_robustness(contract: Contract, predict: Predict, part: Part, train: Part) -> list[Rule]:
    """Return one rule for each kind of trouble that the contract's features can bring, and one for each expectation.

    A prediction that is not finite fails the rule that met it.

    Args:
        contract: says how far predictions may move.
        predict: the model, from encoded rows to the target's unit.
        part: rows that the model was not fitted on; at most `ROWS` of them are tried.
        train: what the model was fitted on.
    """
    tried = some(part, ROWS, contract.training.seed)
    return [
        *check_perturbed(contract, predict, tried.matrix, train),
        *check_incomplete(contract, predict, tried),
        *check_out_of_range(contract, predict, tried.matrix, train),
        *check_expectations(contract, predict, tried.matrix, train),
    ]
