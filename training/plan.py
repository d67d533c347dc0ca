"""Plan: which data version a training run is about. Decided once, so that all candidates see the same rows."""

from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_registry import DataRegistry, VersionNote
from pipeline.errors import NothingToDo
from pipeline.model_registry import challenger, read_version
from pipeline.settings import Settings
from training.errors import TrainingError
from training.tracking import Tracker, key_of


class Plan(Section):
    """What a training run does. The parent run holds the candidates' runs and the result."""

    data_version: str
    parent_run_id: str
    candidates: list[str]
    reason: str


def plan(
    contract: Contract,
    settings: Settings,
    run: str,
    data_version: str | None,
    reason: str,
    *,
    requested: bool = False,
) -> Plan:
    """Plan a training run, or find again what was planned for it.

    Args:
        contract: what to train.
        settings: where things are.
        run: identifies the run, such as Airflow's run id; the same run has the same plan, whatever is newest by then.
        data_version: which data to train on; None is the newest there is now.
        reason: why, for people.
        requested: whether monitoring asks. It may ask twice before a model is live; a person gets what they ask for.

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
        return _plan(contract, tags["data_version"], found.info.run_id, tags["reason"])
    note = _resolve(DataRegistry(settings, contract), contract, data_version)
    if requested:
        _refuse_twice(contract, settings, note.version)
    tags = {"data_version": note.version, "reason": reason, "run": run, "model_hash": contract.model_hash}
    run_id = tracker.create(key, f"train on {note.version}", tags)
    source = {"repository": settings.place("data_registry_uri", contract.name), "tag": note.version}
    profile = {"num_rows": note.rows, "checksum": note.checksum}
    tracker.log_data(run_id, contract.name, note.version, source, profile)
    return _plan(contract, note.version, run_id, reason)


def _plan(contract: Contract, data_version: str, run_id: str, reason: str) -> Plan:
    candidates = list(contract.training.candidates)
    return Plan(data_version=data_version, parent_run_id=run_id, candidates=candidates, reason=reason)


def _refuse_twice(contract: Contract, settings: Settings, data_version: str) -> None:
    version = challenger(settings, contract.name)
    tags = read_version(settings, contract.name, version).tags if version else {}
    if (tags.get("data_version"), tags.get("contract_model_hash")) == (data_version, contract.model_hash):
        raise NothingToDo(
            f"version {version} of {contract.name} was trained on {data_version} under this contract already: "
            "the same again would be no better"
        )


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
