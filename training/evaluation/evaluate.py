"""Evaluate: choose the best candidate without looking at test rows, then measure it on them, once."""

import math

from pipeline.bundle.format import Interval
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings
from training.candidates import DUMMY
from training.conformal import conformal_interval
from training.data import load_parts
from training.errors import TrainingError
from training.evaluation.assess import assess
from training.evaluation.document import EVALUATION, Evaluation
from training.evaluation.plots import plots
from training.fit import Fitted
from training.metrics import error_name
from training.plan import Plan
from training.proof import predictor
from training.tracking import Tracker


class Evaluated(Section):
    """The best candidate and how it does on test rows, which no choice has seen; the whole is in `evaluation.json`."""

    candidate: str
    run_id: str
    metrics: dict[str, float]
    dummy: dict[str, float]  # of the training rows' median, on the same rows
    rows: int
    interval: Interval
    coverage: float | None  # share of test rows inside of the interval


def evaluate(contract: Contract, settings: Settings, plan: Plan, fitted: list[Fitted]) -> Evaluated:
    """Choose a candidate and measure it on the test rows.

    Raises:
        TrainingError: when there is nothing to choose from, or too few validation rows for the interval.
    """
    best = choose(contract, fitted)
    tracker = Tracker(contract, settings)
    parts = load_parts(contract, settings, plan.data_version)
    predict = predictor(tracker.load_model(best.run_id))
    validation, test = parts["validation"], parts["test"]
    interval = conformal_interval(
        validation.target, predict(validation.matrix), contract.training.interval, contract.target.transform
    )
    evaluation = assess(contract, predict, parts, interval)
    tracker.log_files(best.run_id, "plots", plots(contract, evaluation, test, predict(test.matrix)))
    tracker.log_document(best.run_id, EVALUATION, evaluation)
    evaluated = _summary(best, evaluation)
    _record(tracker, plan, evaluated)
    return evaluated


def choose(contract: Contract, fitted: list[Fitted]) -> Fitted:
    """Return the candidate with the least error on rows that it was not fitted to; the dummy only where it is alone.

    By cross-validation where that saw as many rows as the fits, so that validation rows stay fresh for the interval and
    the gate. With more rows than the tuning takes, by the validation rows: cross-validation does not see then what a
    candidate gains from the rest, and so many rows are not used up by a choice among a few.

    Raises:
        TrainingError: when no candidate has an error that is defined.
    """
    name = error_name(contract)
    many = any(one.rows > contract.training.tuning.rows for one in fitted)
    errors = {one.candidate: (one.validation if many else one.metrics).get(name, math.nan) for one in fitted}
    measured = [one for one in fitted if math.isfinite(errors[one.candidate])]
    if not measured:
        raise TrainingError(f"no candidate of {contract.name} has a {name} that is defined: nothing to choose from")
    models = [one for one in measured if contract.training.candidates[one.candidate].kind != DUMMY]
    return min(models or measured, key=lambda one: (errors[one.candidate], one.candidate))


def _summary(best: Fitted, evaluation: Evaluation) -> Evaluated:
    return Evaluated(
        candidate=best.candidate,
        run_id=best.run_id,
        metrics={name: one.value for name, one in evaluation.metrics.items()},
        dummy=evaluation.dummy,
        rows=evaluation.rows,
        interval=evaluation.interval,
        coverage=evaluation.coverage.value if evaluation.coverage else None,
    )


def _record(tracker: Tracker, plan: Plan, evaluated: Evaluated) -> None:
    metrics = {f"test_{name}": value for name, value in evaluated.metrics.items()}
    metrics |= {f"dummy_{name}": value for name, value in evaluated.dummy.items()}
    metrics |= {"interval_half_width": evaluated.interval.half_width, "test_rows": float(evaluated.rows)}
    if evaluated.coverage is not None:
        metrics["interval_coverage"] = evaluated.coverage
    for run_id in (plan.parent_run_id, evaluated.run_id):
        tracker.log_metrics(run_id, metrics)
    tracker.client.set_tag(plan.parent_run_id, "candidate", evaluated.candidate)
