"""The gate on trial: it must not promote what differs by luck alone, and must promote what is really better.

Every trial fits both models anew on the default history split anew, so that no trial's luck is another's.
"""

from collections.abc import Sequence

from benchmarks.gate_trials import History, Resplit, Trial, predictions, read_history, split_anew, try_gate
from benchmarks.table import Bar, Figure
from training.gate.ruling import GAIN, WORSENING

TITLE = "gate"
BOOSTING, VECTORS = "gradient_boosting", "support_vectors"
SPLITS, SEEDS, RESPLITS = 20, 5, 40
_LEFT_OUT = 6
_PERCENT = "%"


def measure(full: bool = False, splits: int = SPLITS, resplits: int = RESPLITS) -> list[Figure]:  # noqa: ARG001
    """Return how many challengers are promoted: by seed alone, of a better kind, and of a slightly better one.

    Args:
        full: there is no longer form of it.
        splits: re-splits on which five seeds challenge each other.
        resplits: re-splits on which support vectors challenge boosting that lacks six columns.
    """
    history = read_history()
    noise = [trial for number in range(splits) for trial in _by_seed(split_anew(history, number))]
    others = [split_anew(history, splits + number) for number in range(resplits)]
    better = [_better(resplit, sparsest(history)) for resplit in others]
    slightly = [_better(resplit, dullest(history)) for resplit in others]
    return [
        *_figures("another seed", noise, Bar("at most", 4)),
        *_figures("another kind, six columns more", better, Bar("at least", 80)),
        *_figures("another kind, six dull columns more", slightly, None),
    ]


def sparsest(history: History) -> list[str]:
    """Return the six features that are most often zero or empty: those that a first contract would lack."""
    rows = history.frame
    return _first(history, {name: float((rows[name].isna() | rows[name].eq(0)).mean()) for name in _plain(history)})


def dullest(history: History) -> list[str]:
    """Return the six features whose most frequent value is the most frequent: those that say the least."""
    rows = history.frame
    shares = {name: float(rows[name].value_counts(normalize=True).iloc[0]) for name in history.contract.features}
    return _first(history, shares)


def _plain(history: History) -> list[str]:
    """Return the features that are no truth values: those are zero by nature."""
    return [name for name, column in history.contract.features.items() if column.type != "boolean"]


def _first(history: History, shares: dict[str, float]) -> list[str]:
    order = list(history.contract.features)
    return sorted(shares, key=lambda name: (-shares[name], order.index(name)))[:_LEFT_OUT]


def _by_seed(resplit: Resplit) -> list[Trial]:
    """Each of five equal models challenges the one before it, in a ring, so that each gain has its counterweight."""
    found = [predictions(resplit, BOOSTING, seed) for seed in range(SEEDS)]
    return [try_gate(resplit, found[place - 1], found[place]) for place in range(SEEDS)]


def _better(resplit: Resplit, without: Sequence[str]) -> Trial:
    champion = predictions(resplit, BOOSTING, without=without)
    return try_gate(resplit, champion, predictions(resplit, VECTORS))


def _figures(name: str, trials: Sequence[Trial], bar: Bar | None) -> list[Figure]:
    def share(found: Sequence[bool]) -> float:
        return 100 * sum(found) / len(found)

    rules = {GAIN: "by its gain", WORSENING: "by recent rows or a slice"}
    refused = [
        Figure(TITLE, f"{name}: refused {why}", share([_refused(trial, rule) for trial in trials]), _PERCENT)
        for rule, why in rules.items()
    ]
    return [
        Figure(TITLE, f"{name}: promoted", share([trial.promoted for trial in trials]), _PERCENT, bar),
        Figure(TITLE, f"{name}: mean gain", 100 * sum(trial.gain for trial in trials) / len(trials), _PERCENT),
        *refused,
    ]


def _refused(trial: Trial, rule: str) -> bool:
    return any(name.startswith(rule) for name in trial.refused)
