"""Evaluate: the best candidate by validation, once on the frozen test rows, beside what the median would do."""

import math

import numpy as np

from pipeline.bundle.format import Interval
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings
from training.candidates import DUMMY
from training.data import Part, load_parts
from training.errors import TrainingError
from training.fit import Fitted
from training.metrics import conformal_interval, coverage, measure
from training.plan import Plan
from training.proof import predictor
from training.tracking import Tracker


class Evaluated(Section):
    """The best candidate and how it does on test rows, which no choice has seen."""

    candidate: str
    run_id: str
    metrics: dict[str, float]
    dummy: dict[str, float]  # of the training rows' median, on the same rows
    rows: int
    interval: Interval
    coverage: float  # share of test rows inside of the interval


def evaluate(contract: Contract, settings: Settings, plan: Plan, fitted: list[Fitted]) -> Evaluated:
    """Choose the candidate with the least validation MAE and measure it on the test rows.

    Raises:
        TrainingError: when there is nothing to choose from, or too few validation rows for the interval.
    """
    best = choose(contract, fitted)
    tracker = Tracker(contract, settings)
    parts = load_parts(contract, settings, plan.data_version)
    predict = predictor(tracker.load_model(best.run_id))
    validation, test = parts["validation"], parts["test"]
    predicted = predict(test.matrix)
    interval = conformal_interval(
        validation.target, predict(validation.matrix), contract.training.interval, contract.target.transform
    )
    evaluated = Evaluated(
        candidate=best.candidate,
        run_id=best.run_id,
        metrics=measure(test.target, predicted),
        dummy=measure(test.target, _median(parts["train"], len(test))),
        rows=len(test),
        interval=interval,
        coverage=coverage(interval, test.target, predicted),
    )
    _record(tracker, plan, evaluated)
    return evaluated


def choose(contract: Contract, fitted: list[Fitted]) -> Fitted:
    """Return the candidate with the least validation MAE; the dummy only where there is no other.

    Raises:
        TrainingError: when no candidate has a validation MAE.
    """
    measured = [one for one in fitted if math.isfinite(one.metrics.get("mae", math.nan))]
    if not measured:
        raise TrainingError(f"no candidate of {contract.name} has a validation MAE: nothing to choose from")
    models = [one for one in measured if contract.training.candidates[one.candidate].kind != DUMMY]
    return min(models or measured, key=lambda one: (one.metrics["mae"], one.candidate))


def _median(train: Part, rows: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.full(rows, np.median(train.target))


def _record(tracker: Tracker, plan: Plan, evaluated: Evaluated) -> None:
    metrics = {f"test_{name}": value for name, value in evaluated.metrics.items()}
    metrics |= {f"dummy_{name}": value for name, value in evaluated.dummy.items()}
    metrics |= {"interval_coverage": evaluated.coverage, "interval_half_width": evaluated.interval.half_width}
    tracker.log_metrics(plan.parent_run_id, metrics | {"test_rows": float(evaluated.rows)})
    tracker.client.set_tag(plan.parent_run_id, "candidate", evaluated.candidate)
