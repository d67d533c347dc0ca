"""Permutation importance: how much worse a model is without what one feature says (Breiman 2001)."""

import numpy as np

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from training.data import Part
from training.evaluation.document import Importance
from training.evaluation.probing import Change, predict_changed, some
from training.metrics import errors

ROWS = 1_000
_REPEATS = 5


@np.errstate(all="ignore")  # what is not finite is left out below
def permutation_importance(contract: Contract, predict: Predict, part: Part) -> list[Importance]:
    """Return each feature's importance, the largest first; see doi:10.1023/A:1010933404324, section 10.

    Args:
        contract: names the features and the error.
        predict: the model, from encoded rows to the target's unit.
        part: rows that the model was not fitted on; at most `ROWS` of them count.

    Returns:
        Those that are defined: none where the model's own error is not.
    """
    rows = some(part, ROWS, contract.training.seed)
    rng = np.random.default_rng(contract.training.seed)
    names = list(contract.features)
    changes: list[Change] = [
        (place, rng.permutation(rows.matrix[:, place])) for place in range(len(names)) for _ in range(_REPEATS)
    ]
    after = errors(contract, rows.target, predict_changed(predict, rows.matrix, changes))
    before = errors(contract, rows.target, predict(rows.matrix))
    increases = np.mean(after - before, axis=-1).reshape(len(names), _REPEATS)
    found = [_importance(name, of) for name, of in zip(names, increases, strict=True) if np.isfinite(of).all()]
    return sorted(found, key=lambda one: -one.increase)


def _importance(name: str, increases: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Importance:
    return Importance(
        feature=name, increase=float(np.mean(increases)), low=float(increases.min()), high=float(increases.max())
    )
