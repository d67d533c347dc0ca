"""Fitting a model version's candidate once more, as it was fitted then."""

from mlflow.entities import Run

from pipeline.contract import VOTE, Contract
from pipeline.settings import Settings
from training.errors import TrainingError
from training.fit import Fitted, check_named, fit_candidate
from training.plan import Plan
from training.tracking import Tracker
from training.vote import fit_vote

PARENT = "mlflow.parentRunId"


def fit_again(contract: Contract, settings: Settings, tracker: Tracker, planned: Plan, before: Run) -> Fitted:
    """Fit the candidate of the version's run below a plan, and the members of a vote.

    With as many trials as the version had: how many fit into a budget of seconds is luck.

    Raises:
        TrainingError: when the contract has no such candidate, it cannot be fitted, or a member's run is gone.
    """
    name = before.data.tags["candidate"]
    check_named(contract, name)
    candidate = contract.training.candidates[name]
    if candidate.kind != VOTE:
        return fit_candidate(contract, settings, planned, name, _trials(before))
    members = {member: _member(tracker, before, member) for member in candidate.of}
    fitted = [fit_candidate(contract, settings, planned, member, _trials(run)) for member, run in members.items()]
    return fit_vote(contract, settings, planned, name, fitted)


def _trials(run: Run) -> int | None:
    made = run.data.params.get("trials")
    return None if made is None else int(made)


def _member(tracker: Tracker, vote: Run, name: str) -> Run:
    parent = vote.data.tags[PARENT]
    query = f"tags.`{PARENT}` = '{parent}' and tags.candidate = '{name}' and attributes.status = 'FINISHED'"
    found = tracker.client.search_runs([vote.info.experiment_id], query)
    if not found:
        raise TrainingError(f"the run of {name!r}, which the vote of run {vote.info.run_id} is made of, is gone")
    return found[0]
