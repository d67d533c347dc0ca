"""What became of the retrainings that monitoring asked for, and which ones people started: as MLflow knows it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from monitoring.retraining.past import Attempt, Kind, Outcome
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings

# What training leaves in MLflow: the run of a plan has these tags, and `gate` once the gate has spoken.
_PLANS = "tags.shift LIKE '%' AND tags.model_hash LIKE '%'"
_REFUSED = "Refused"  # how the gate's sentence on a refused challenger begins
_REPRODUCES = "reproduces"  # trains a version again, to compare: it is no training
_MOST = 200  # trainings that are looked at, newest first


class Request(Section):
    """A retraining that monitoring asked for."""

    asked: datetime
    kind: Kind
    data_version: str
    reason: str


class Training(Section):
    """A training as MLflow knows it."""

    began: datetime
    data_version: str
    reason: str
    outcome: Outcome
    version: int | None = None  # that passed the gate


def trainings(contract: Contract, settings: Settings) -> list[Training]:
    """Return the newest trainings, oldest first.

    Raises:
        ModelRegistryAwayError: when MLflow cannot be reached.
    """
    from mlflow.exceptions import MlflowException

    from pipeline.model_registry import ModelRegistryAwayError, connect

    client = connect(settings)
    try:
        experiment = client.get_experiment_by_name(contract.name)
        if experiment is None:
            return []
        runs = client.search_runs([experiment.experiment_id], _PLANS, max_results=_MOST, order_by=["start_time DESC"])
        newest_first = {"max_results": _MOST, "order_by": ["version_number DESC"]}
        versions = client.search_model_versions(f"name = '{contract.name}'", **newest_first)
    except MlflowException as error:
        raise ModelRegistryAwayError(f"{settings.place('mlflow_uri')}: {error}") from error
    made = {_key(version.tags): int(version.version) for version in reversed(versions)}
    return [_training(run, made) for run in reversed(runs) if _REPRODUCES not in run.data.tags]


def attempts(requests: Iterable[Request], known: list[Training], rows: Mapping[str, int]) -> tuple[Attempt, ...]:
    """Return what became of each request, and the trainings by hand among them, oldest first.

    A request that started no training of its own shares the fate of one on the same data: training refuses to do the
    same again.

    Args:
        requests: what monitoring asked for.
        known: trainings, oldest first.
        rows: how many rows of the newest data each data version has.
    """
    asked = list(requests)
    found = [_attempt(request, known, rows) for request in asked]
    own = {(request.data_version, request.reason) for request in asked}
    strangers = (one for one in known if (one.data_version, one.reason) not in own)
    found += [
        Attempt(asked=one.began, kind="by hand", **_fate(one), rows=rows.get(one.data_version, 0)) for one in strangers
    ]
    return tuple(sorted(found, key=lambda attempt: attempt.asked))


def _attempt(request: Request, known: list[Training], rows: Mapping[str, int]) -> Attempt:
    same_data = [one for one in known if one.data_version == request.data_version]
    own = [one for one in same_data if one.reason == request.reason]
    fate = _fate((own or same_data)[-1]) if same_data else {"data_version": request.data_version}
    return Attempt(asked=request.asked, kind=request.kind, rows=rows.get(request.data_version, 0), **fate)


def _fate(training: Training) -> dict[str, Any]:
    return {"data_version": training.data_version, "outcome": training.outcome, "version": training.version}


def _training(run: Any, made: Mapping[tuple[str, str], int]) -> Training:
    tags = run.data.tags
    version = made.get(_key(tags))
    return Training(
        began=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        data_version=tags.get("data_version", ""),
        reason=tags.get("reason", ""),
        outcome=_outcome(tags.get("gate", ""), run.info.status),
        version=version,
    )


def _outcome(gate: str, status: str) -> Outcome:
    if gate.startswith(_REFUSED):
        return "refused"
    if gate:
        return "released"  # it passed the gate, and its release follows
    return "failed" if status in ("FAILED", "KILLED") else "running"


def _key(tags: Mapping[str, str]) -> tuple[str, str]:
    return tags.get("data_version", ""), tags.get("reason", "")
