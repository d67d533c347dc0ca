"""Fit: one candidate is tuned by cross-validation, and fitted to the training rows with the best parameters."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.encode import Matrix
from pipeline.settings import Settings
from pipeline.split import SplitName
from training.data import Part, load_parts
from training.errors import TrainingError
from training.metrics import Numbers, measure, names_of
from training.plan import Plan
from training.proof import predictor
from training.sampling import shuffled
from training.tracking import Tracker
from training.tune import fit_model, learning_curve, tune

FITTED = "fitted.json"
OUT_OF_FOLD = "out_of_fold.f64"
CROSS_VALIDATED = "cv_"
VALIDATION = "validation_"

Parts = dict[SplitName, Part]


class Fitted(Section):
    """A fitted candidate: its run, and how it does on rows that it was not fitted to."""

    candidate: str
    run_id: str
    metrics: dict[str, float]  # by cross-validation within the training rows
    validation: dict[str, float]  # of the final model, on the validation rows
    parameters: dict[str, Any]
    trials: int  # sets of parameters that were tried
    rows: int  # that the final model was fitted to
    seconds: float  # of tuning and fitting


def fit_candidate(contract: Contract, settings: Settings, plan: Plan, name: str, trials: int | None = None) -> Fitted:
    """Fit a candidate in a run below the plan's, unless that was done before.

    Args:
        contract: whose candidate it is.
        settings: where things are.
        plan: of the training.
        name: of the candidate, which is no vote.
        trials: how many sets of parameters are tried, whatever the time; None leaves it to the contract's budget.

    Raises:
        TrainingError: when the contract has no such candidate, or it cannot be fitted.
        ContractError: when the candidate's kind or parameters are wrong.
    """
    check_named(contract, name)
    tracker = Tracker(contract, settings)
    run_id, finished = tracker.begin(contract, plan.parent_run_id, plan.data_version, name)
    if not finished:
        with tracker.recording(run_id):
            parts = load_parts(contract, settings, plan.data_version)
            record(contract, tracker, _fit(contract, parts, name, run_id, trials), parts["train"].matrix)
    return tracker.read_document(run_id, FITTED, Fitted)


def check_named(contract: Contract, name: str) -> None:
    """Raise TrainingError unless the contract has such a candidate."""
    if name not in contract.training.candidates:
        there = ", ".join(contract.training.candidates)
        raise TrainingError(f"{contract.name} has no candidate {name!r}; there are: {there}")


def record(contract: Contract, tracker: Tracker, made: "Made", example: Matrix) -> None:
    """Keep what was made in its run, which is being recorded: first what people read, last what says it is whole."""
    fitted = made.fitted
    stated = {"kind": contract.training.candidates[fitted.candidate].kind, "seed": contract.training.seed}
    tracker.log_parameters(fitted.run_id, stated | made.parameters | {"rows": fitted.rows, "trials": fitted.trials})
    metrics = {CROSS_VALIDATED + name: value for name, value in fitted.metrics.items()}
    metrics |= {VALIDATION + name: value for name, value in fitted.validation.items()}
    tracker.log_metrics(fitted.run_id, metrics | {"fit_seconds": fitted.seconds})
    for name, curve in made.curves.items():
        tracker.log_curve(fitted.run_id, name, curve)
    tracker.log_files(fitted.run_id, "", {OUT_OF_FOLD: made.out_of_fold.tobytes()})
    tracker.log_model(made.model, example[:5])
    tracker.log_document(fitted.run_id, FITTED, fitted)


@dataclass(frozen=True)
class Made:
    """A fitted model with all that is kept of it; `out_of_fold` are predictions of `sampling.shuffled` rows, (n,)."""

    fitted: Fitted
    model: BaseEstimator
    out_of_fold: Numbers
    parameters: dict[str, Any]  # for people
    curves: dict[str, dict[int, float]]


def _fit(contract: Contract, parts: Parts, name: str, run_id: str, trials: int | None) -> Made:
    start = time.perf_counter()
    rows, folds = shuffled(contract, parts["train"])
    rows = rows.take(np.arange(min(len(rows), contract.training.candidates[name].max_rows or len(rows))))
    sample = np.arange(min(len(rows), contract.training.tuning.rows))
    best, tried = tune(contract, name, rows.take(sample), folds[sample], trials)
    curve = learning_curve(contract, name, best.parameters, rows.take(sample), folds[sample])
    model = fit_model(contract, name, best.parameters, rows)
    fitted = Fitted(
        candidate=name,
        run_id=run_id,
        metrics=measured(contract, rows.target[sample], best.predicted),
        validation=measured(contract, parts["validation"].target, predictor(model)(parts["validation"].matrix)),
        parameters=best.parameters,
        trials=len(tried),
        rows=len(rows),
        seconds=time.perf_counter() - start,
    )
    curves = {"trial_error": {place: trial.error for place, trial in enumerate(tried)}, "learning_curve": curve}
    return Made(fitted, model, best.predicted, best.parameters, curves)


def measured(contract: Contract, actual: Numbers, predicted: Numbers) -> dict[str, float]:
    """Return the metrics that the contract's target allows."""
    return measure(actual, predicted, names_of(contract))
