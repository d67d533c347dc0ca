"""The prediction interval on trial: how many true values it holds, on the default history split anew, and later."""

import numpy as np

from benchmarks.gate_trials import History, Numbers, Resplit, fitted, read_history, split_anew
from benchmarks.table import Bar, Figure
from pipeline.bundle.parity import Predict
from pipeline.encode import Encoder
from training.conformal import conformal_interval, coverage
from training.metrics import mae

TITLE = "interval"
CANDIDATE, RESPLITS = "support_vectors", 20
_PERCENT = "%"


def measure(full: bool = False, resplits: int = RESPLITS) -> list[Figure]:  # noqa: ARG001 (there is no longer form)
    """Return the coverage on test rows and on the rows after the history, over re-splits of the history.

    One test split of three hundred rows wanders between 85 and 95 %: only the mean says whether the promise holds.
    """
    history = read_history()
    found = np.array([_try(history, split_anew(history, number)) for number in range(resplits)])
    held, later, error = found.mean(axis=0)
    promised = 100 * history.contract.training.interval
    return [
        Figure(TITLE, f"promised, over {resplits} re-splits", promised, _PERCENT),
        Figure(TITLE, "held-out rows inside, mean", held, _PERCENT, Bar("at least", promised - 1.5)),
        Figure(TITLE, "held-out rows inside, mean", held, _PERCENT, Bar("at most", promised + 1.5)),
        Figure(TITLE, "held-out rows inside, least", found[:, 0].min(), _PERCENT),
        Figure(TITLE, "held-out rows inside, most", found[:, 0].max(), _PERCENT),
        Figure(TITLE, "later rows inside, mean", later, _PERCENT, Bar("at least", 84)),
        Figure(TITLE, "MAE on later rows, mean", error, history.contract.target.unit or ""),
    ]


def _try(history: History, resplit: Resplit) -> tuple[float, float, float]:
    """Return the shares of test rows and of later rows inside, in percent, and the MAE on the latter."""
    contract, rows = resplit.contract, resplit.held_out
    predict = fitted(resplit, CANDIDATE)
    predicted, validation = predict(rows.matrix), len(rows) - len(resplit.test)
    interval = conformal_interval(
        rows.target[:validation], predicted[:validation], contract.training.interval, contract.target.transform
    )
    target, answered = _later(history, predict)
    held = coverage(interval, rows.target[validation:], predicted[validation:])
    return 100 * held, 100 * coverage(interval, target, answered), float(mae(target, answered))


def _later(history: History, predict: Predict) -> tuple[Numbers, Numbers]:
    frame, contract = history.later, history.contract
    matrix = Encoder(contract).columns({name: frame[name].to_numpy() for name in contract.features})
    return frame[contract.target.name].to_numpy(dtype=np.float64), predict(matrix)
