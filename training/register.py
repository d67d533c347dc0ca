"""Register: the challenger as a version of the model, with all that makes it reproducible."""

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_registry import DataRegistry, VersionNote
from pipeline.model_registry import CHALLENGER, ensure_model, latest_version, version_of_run
from pipeline.settings import Settings
from training.card.store import write_card
from training.errors import TrainingError
from training.evaluation.evaluate import Evaluated
from training.gate.decision import Decision, require
from training.lineage import origin
from training.package import Packaged
from training.plan import REPRODUCES, Plan
from training.tracking import Tracker

_NAMED = 40  # windows


class Challenger(Section):
    """A model version that passed the gate."""

    model: str
    version: int
    run_id: str
    data_version: str
    bundle_digest: str
    metrics: dict[str, float]  # on the test rows


def register(
    contract: Contract,
    settings: Settings,
    plan: Plan,
    evaluated: Evaluated,
    packaged: Packaged,
    decision: Decision,
) -> Challenger:
    """Register the chosen model, unless its run was registered before, and call it the challenger.

    Raises:
        GateRefused: when the decision did not pass; nothing is registered then.
    """
    enforce(contract, settings, plan, decision)
    tracker = Tracker(contract, settings)
    tags = _tags(contract, settings, plan, evaluated, packaged, decision)
    version = _version(tracker, contract.name, evaluated.run_id, tags)
    write_card(contract, settings, plan.run, version)
    _name_challenger(tracker, contract.name, version)
    return Challenger(
        model=contract.name,
        version=version,
        run_id=evaluated.run_id,
        data_version=plan.data_version,
        bundle_digest=packaged.digest,
        metrics=evaluated.metrics,
    )


def enforce(contract: Contract, settings: Settings, plan: Plan, decision: Decision) -> Decision:
    """Keep the gate's sentence with the plan's run, whether it passed or not, and return the decision if it did.

    Raises:
        GateRefused: when it did not.
        TrainingError: when the plan trains a version again, which is never registered.
    """
    client = Tracker(contract, settings).client
    if REPRODUCES in client.get_run(plan.parent_run_id).data.tags:
        raise TrainingError(f"run {plan.parent_run_id} trains a version again: what it makes is not registered")
    client.set_tag(plan.parent_run_id, "gate", decision.sentence)
    require(decision)
    return decision


def _version(tracker: Tracker, model: str, run_id: str, tags: dict[str, str]) -> int:
    found = version_of_run(tracker.client, model, run_id)
    if found is not None:
        return found
    ensure_model(tracker.client, model)
    source = tracker.model_uri(run_id)
    model_id = source.rpartition("/")[2]  # an MLflow server asks for it beside the source
    made = tracker.client.create_model_version(model, source, run_id=run_id, tags=tags, model_id=model_id)
    return int(made.version)


def _name_challenger(tracker: Tracker, model: str, version: int) -> None:
    """Only forwards: an older run that is repeated does not take the alias from a newer version."""
    if version == latest_version(tracker.client, model):
        tracker.client.set_registered_model_alias(model, CHALLENGER, str(version))


def _tags(
    contract: Contract, settings: Settings, plan: Plan, evaluated: Evaluated, packaged: Packaged, decision: Decision
) -> dict[str, str]:
    return {
        "data_version": plan.data_version,
        "reason": plan.reason,
        "candidate": evaluated.candidate,
        "bundle_digest": packaged.digest,
        "gate": decision.sentence,
        "windows": _windows(DataRegistry(settings, contract).note(plan.data_version)),
        **{f"rows_{split}": str(rows) for split, rows in packaged.rows.items()},
        **origin(contract, settings),
    }


def _windows(note: VersionNote) -> str:
    """A tag has room for a text, not for a list of any length."""
    names = list(note.windows)
    return ", ".join(names if len(names) <= _NAMED else [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"])
