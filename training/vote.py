"""The vote: members' predictions are averaged, on the scale that they are fitted on. Nothing is fitted again."""

import time
from collections.abc import Mapping
from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor

from pipeline.bundle.load import back
from pipeline.contract import Contract
from pipeline.settings import Settings
from training.data import load_parts
from training.errors import TrainingError
from training.estimator import forward, inner
from training.fit import FITTED, OUT_OF_FOLD, Fitted, Made, Parts, check_named, fit_candidate, measured, record
from training.metrics import Numbers
from training.plan import Plan
from training.proof import predictor
from training.sampling import shuffled
from training.tracking import Tracker


def fit_vote(contract: Contract, settings: Settings, plan: Plan, name: str, fitted: list[Fitted]) -> Fitted:
    """Make a vote of fitted candidates in a run below the plan's, unless that was done before.

    Raises:
        TrainingError: when the contract has no such candidate, or a member of it was not fitted.
    """
    check_named(contract, name)
    members = _members(contract, name, fitted)
    tracker = Tracker(contract, settings)
    run_id, finished = tracker.begin(contract, plan.parent_run_id, plan.data_version, name)
    if not finished:
        with tracker.recording(run_id):
            parts = load_parts(contract, settings, plan.data_version)
            record(contract, tracker, _vote(contract, tracker, parts, name, run_id, members), parts["train"].matrix)
    return tracker.read_document(run_id, FITTED, Fitted)


def fit_all(contract: Contract, settings: Settings, plan: Plan) -> list[Fitted]:
    """Fit all candidates of a plan one after the other, votes last; see `fit_candidate` and `fit_vote`."""
    votes = contract.training.votes
    fitted = [fit_candidate(contract, settings, plan, name) for name in plan.candidates if name not in votes]
    return fitted + [fit_vote(contract, settings, plan, name, fitted) for name in votes]


def assemble(models: Mapping[str, BaseEstimator]) -> BaseEstimator:
    """Return a fitted vote of fitted candidates of one contract."""
    inside = {name: inner(model) for name, model in models.items()}
    vote = VotingRegressor([(name, clone(model)) for name, model in inside.items()])
    vote.estimators_ = list(inside.values())
    first = next(iter(models.values()))
    if not isinstance(first, TransformedTargetRegressor):
        return vote
    whole = copy(first)  # with the target's transform, as it was fitted
    whole.regressor, whole.regressor_ = clone(vote), vote
    return whole


def _members(contract: Contract, name: str, fitted: list[Fitted]) -> list[Fitted]:
    there = {one.candidate: one for one in fitted}
    absent = [member for member in contract.training.candidates[name].of if member not in there]
    if absent:
        raise TrainingError(f"vote {name!r} needs {', '.join(absent)}, which was not fitted")
    return [there[member] for member in contract.training.candidates[name].of]


def _vote(contract: Contract, tracker: Tracker, parts: Parts, name: str, run_id: str, members: list[Fitted]) -> Made:
    start = time.perf_counter()
    model = assemble({one.candidate: tracker.load_model(one.run_id) for one in members})
    predicted = _out_of_fold(contract, tracker, members)
    target = shuffled(contract, parts["train"])[0].target[: len(predicted)]
    fitted = Fitted(
        candidate=name,
        run_id=run_id,
        metrics=measured(contract, target, predicted),
        validation=measured(contract, parts["validation"].target, predictor(model)(parts["validation"].matrix)),
        parameters={},
        trials=1,
        rows=max(one.rows for one in members),
        seconds=time.perf_counter() - start,
    )
    return Made(fitted, model, predicted, {"of": ", ".join(one.candidate for one in members)}, {})


def _out_of_fold(contract: Contract, tracker: Tracker, members: list[Fitted]) -> Numbers:
    """The average of what members said of rows that they were not fitted to: the vote's own cross-validation."""
    said = [np.frombuffer(tracker.read_file(one.run_id, OUT_OF_FOLD)) for one in members]
    rows = min(map(len, said))  # a smaller sample is the beginning of a larger one
    mean = np.mean([forward(contract)(one[:rows]) for one in said], axis=0)
    return back(mean, contract.target.transform)
