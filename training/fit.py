"""Fit: one candidate on the training rows, measured on the validation rows."""

import time

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings
from training.data import load_parts
from training.errors import TrainingError
from training.estimator import build_estimator
from training.metrics import measure
from training.plan import Plan
from training.proof import one_thread, predictor
from training.tracking import Tracker, key_of

_SECONDS = "fit_seconds"
_VALIDATION = "validation_"


class Fitted(Section):
    """A fitted candidate: its run, and its metrics on the validation rows."""

    candidate: str
    run_id: str
    metrics: dict[str, float]
    seconds: float


def fit_candidate(contract: Contract, settings: Settings, plan: Plan, name: str) -> Fitted:
    """Fit a candidate in a run below the plan's, unless that was done before.

    Raises:
        TrainingError: when the contract has no such candidate, or it cannot be fitted.
        ContractError: when the candidate's kind or parameters are wrong.
    """
    if name not in contract.training.candidates:
        there = ", ".join(contract.training.candidates)
        raise TrainingError(f"{contract.name} has no candidate {name!r}; there are: {there}")
    tracker = Tracker(contract, settings)
    key = key_of("fit", plan.parent_run_id, name, contract.model_hash)
    found = tracker.find(key)
    if found and found.info.status == "FINISHED":
        return _fitted(tracker, name, found.info.run_id)
    if found:  # a worker was lost with it
        tracker.client.set_terminated(found.info.run_id, "KILLED")
    tags = {"mlflow.parentRunId": plan.parent_run_id, "data_version": plan.data_version, "candidate": name}
    run_id = tracker.create(key, name, tags)
    with tracker.recording(run_id):
        _fit(contract, settings, tracker, plan, name, run_id)
    return _fitted(tracker, name, run_id)


def _fit(contract: Contract, settings: Settings, tracker: Tracker, plan: Plan, name: str, run_id: str) -> None:
    estimator = build_estimator(contract, name)
    parts = load_parts(contract, settings, plan.data_version)
    train, validation = parts["train"], parts["validation"]
    candidate = contract.training.candidates[name]
    stated = {"kind": candidate.kind, "seed": contract.training.seed, **candidate.parameters}
    tracker.log_parameters(run_id, stated)
    start = time.perf_counter()
    try:
        with one_thread():
            estimator.fit(train.matrix, train.target)
    except ValueError as error:  # scikit-learn's word for a parameter's wrong value
        raise TrainingError(f"candidate {name!r} cannot be fitted: {error}") from error
    seconds = time.perf_counter() - start
    metrics = measure(validation.target, predictor(estimator)(validation.matrix))
    tracker.log_model(estimator, train.matrix[:5])
    tracker.log_metrics(run_id, {_SECONDS: seconds} | {_VALIDATION + key: value for key, value in metrics.items()})


def _fitted(tracker: Tracker, name: str, run_id: str) -> Fitted:
    logged = dict(tracker.client.get_run(run_id).data.metrics)
    metrics = {key.removeprefix(_VALIDATION): value for key, value in logged.items() if key.startswith(_VALIDATION)}
    return Fitted(candidate=name, run_id=run_id, metrics=metrics, seconds=logged[_SECONDS])
