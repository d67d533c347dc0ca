"""Register: the challenger as a version of the model, with all that makes it reproducible."""

import hashlib
from contextlib import suppress
from pathlib import Path

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.git import GitError, git
from pipeline.model_registry import CHALLENGER, ensure_model, latest_version, version_of_run
from pipeline.settings import Settings
from training.evaluate import Evaluated
from training.gate import Decision, require
from training.package import Packaged
from training.plan import Plan
from training.tracking import Tracker


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
    """
    Tracker(contract, settings).client.set_tag(plan.parent_run_id, "gate", decision.sentence)
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
        "seed": str(contract.training.seed),
        "contract_data_hash": contract.data_hash,
        "contract_model_hash": contract.model_hash,
        "bundle_digest": packaged.digest,
        "gate": decision.sentence,
        **_origin(settings.project_dir),
    }


def _origin(project: Path) -> dict[str, str]:
    """The commit of the code (with `-dirty` where it was changed) and the hash of the locks, where there are any."""
    origin = {}
    with suppress(GitError):  # an image carries the code without its history
        origin["git_commit"] = git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", cwd=project)
    locks = sorted((project / "requirements").glob("*.txt"))
    if locks:
        content = b"".join(path.name.encode() + b"\n" + path.read_bytes() for path in locks)
        origin["lock_hash"] = hashlib.sha256(content).hexdigest()
    return origin
