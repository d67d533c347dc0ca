"""Plan: which data version a training run is about. Decided once, so that all candidates see the same rows."""

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_registry import DataRegistry, VersionNote
from pipeline.errors import NothingToDo
from pipeline.model_registry import challenger, read_version
from pipeline.release_log import read_release
from pipeline.settings import Settings
from training.errors import TrainingError
from training.gate.decision import REFUSED
from training.tracking import Tracker, key_of

REPRODUCES = "reproduces"  # the tag of a run that trains a version again: it is no training, and is never registered


class Plan(Section):
    """What a training run does. The parent run holds the candidates' runs and the result."""

    data_version: str
    run: str  # of whoever started it, such as Airflow's run id
    parent_run_id: str
    candidates: list[str]
    reason: str
    shift: bool = False  # monitoring has found that the world has changed: the last rows decide in the gate


def plan(
    contract: Contract,
    settings: Settings,
    run: str,
    data_version: str | None,
    reason: str,
    *,
    requested: bool = False,
    shift: bool = False,
) -> Plan:
    """Plan a training run, or find again what was planned for it.

    Args:
        contract: what to train.
        settings: where things are.
        run: identifies the run, such as Airflow's run id; the same run has the same plan, whatever is newest by then.
        data_version: which data to train on; None is the newest there is now.
        reason: why, for people.
        requested: whether monitoring asks. It may ask twice before a model is live; a person gets what they ask for.
        shift: whether the world has changed, so that the gate looks at the last rows alone.

    Raises:
        NothingToDo: when no data version is published, or what is requested was made already.
        TrainingError: when the version's rows do not mean what the contract says now.
        DataRegistryError: when there is no such version.
    """
    tracker = Tracker(contract, settings)
    key = key_of("plan", run, data_version or "", contract.model_hash)
    found = tracker.find(key)
    if found:
        tags = found.data.tags
        return _plan(contract, run, tags["data_version"], found.info.run_id, tags["reason"], tags.get("shift") == "yes")
    note = _resolve(DataRegistry(settings, contract), contract, data_version)
    tags = {"data_version": note.version, "model_hash": contract.model_hash, "shift": "yes" if shift else "no"}
    tags["champion"] = _champion(contract, settings)
    if requested:
        _refuse_twice(contract, settings, note.version)
        _refuse_in_vain(contract, tracker, tags)
    tags |= {"reason": reason, "run": run}
    run_id = tracker.create(key, f"train on {note.version}", tags)
    source = {"repository": settings.place("data_registry_uri", contract.name), "tag": note.version}
    profile = {"num_rows": note.rows, "checksum": note.checksum}
    tracker.log_data(run_id, contract.name, note.version, source, profile)
    return _plan(contract, run, note.version, run_id, reason, shift)


def _plan(contract: Contract, run: str, data_version: str, run_id: str, reason: str, shift: bool) -> Plan:
    return Plan(
        data_version=data_version,
        run=run,
        parent_run_id=run_id,
        candidates=list(contract.training.candidates),
        reason=reason,
        shift=shift,
    )


def _refuse_twice(contract: Contract, settings: Settings, data_version: str) -> None:
    version = challenger(settings, contract.name)
    tags = read_version(settings, contract.name, version).tags if version else {}
    if (tags.get("data_version"), tags.get("contract_model_hash")) == (data_version, contract.model_hash):
        raise NothingToDo(
            f"version {version} of {contract.name} was trained on {data_version} under this contract already: "
            "the same again would be no better"
        )


def _refuse_in_vain(contract: Contract, tracker: Tracker, tags: dict[str, str]) -> None:
    """The gate would say the same of the same challenger: while nothing changes, asking daily is no reason to train."""
    found = tracker.newest(tags, gate=f"{REFUSED}%")
    if found:
        raise NothingToDo(
            f"{contract.name} was trained on {tags['data_version']} under this contract against version "
            f"{tags['champion'] or 'none'} already, and the gate said: {found.data.tags['gate']}"
        )


def _champion(contract: Contract, settings: Settings) -> str:
    live = read_release(settings, contract.name)
    return str(live.version) if live else ""


def _resolve(registry: DataRegistry, contract: Contract, data_version: str | None) -> VersionNote:
    version = data_version or registry.latest()
    if version is None:
        raise NothingToDo(f"no data version of {contract.name} is published yet: ingest a window first")
    note = registry.note(version)
    if note.data_hash != contract.data_hash:
        raise TrainingError(
            f"{version} of {contract.name} was published under another contract (columns, target or split differ): "
            "ingest its windows again"
        )
    return note
