"""The model registry: MLflow's model versions, their aliases and the bundles that their runs carry."""

import pipeline.quiet  # noqa: F401 (before MLflow)

# isort: split
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from pipeline.bundle.format import FILES, BundleError, check_digest
from pipeline.errors import PipelineError
from pipeline.settings import Settings

CHAMPION = "champion"
CHALLENGER = "challenger"
BUNDLE = "bundle"  # the folder among a run's artifacts


class ModelRegistryError(PipelineError):
    """A model registry that does not have what is asked for."""


class ModelRegistryAwayError(ModelRegistryError):
    """A model registry that cannot be reached, or a store behind it."""

    transient = True


def connect(settings: Settings) -> MlflowClient:
    """Return a client of the settings' MLflow, which MLflow's own functions use from then on as well."""
    uri = settings.place("mlflow_uri")
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _asked(settings: Settings) -> Iterator[None]:
    """Tell what MLflow does not do, or the store behind it, by its address; it may be away."""
    try:
        yield
    except (MlflowException, OSError) as error:
        raise ModelRegistryAwayError(f"{settings.place('mlflow_uri')}: {error}") from error


def ensure_experiment(settings: Settings, client: MlflowClient, model: str) -> str:
    """Return the id of the model's experiment, made if it is not there; several callers at once are fine.

    Raises:
        ModelRegistryAwayError: when MLflow does not answer.
    """
    with _asked(settings):
        return _experiment(settings, client, model)


def _experiment(settings: Settings, client: MlflowClient, model: str) -> str:
    found = client.get_experiment_by_name(model)
    if found:
        return str(found.experiment_id)
    # A server knows where artifacts go. Without one they would go to a folder under the working directory.
    local = settings.place("mlflow_uri").startswith("sqlite:")
    place = (settings.state / "mlflow-artifacts" / model).as_uri() if local else None
    try:
        return str(client.create_experiment(model, artifact_location=place))
    except MlflowException:
        found = client.get_experiment_by_name(model)
        if found is None:
            raise
        return str(found.experiment_id)


def ensure_model(client: MlflowClient, model: str) -> None:
    """Make the registered model if it is not there; several callers at once are fine."""
    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def version_of_run(client: MlflowClient, model: str, run_id: str) -> int | None:
    """Return the version that was registered from a run, if any."""
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    return min((int(version.version) for version in versions if version.name == model), default=None)


def latest_version(client: MlflowClient, model: str) -> int | None:
    """Return the newest version, whatever its aliases."""
    versions = client.search_model_versions(f"name = '{model}'", max_results=1, order_by=["version_number DESC"])
    return int(versions[0].version) if versions else None


def read_version(settings: Settings, model: str, version: int) -> ModelVersion:
    """Return a version with its run id and tags.

    Raises:
        ModelRegistryError: when there is no such version.
    """
    client = connect(settings)
    try:
        return client.get_model_version(model, str(version))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise ModelRegistryAwayError(f"{settings.place('mlflow_uri')}: {error}") from error
        there = latest_version(client, model)
        raise ModelRegistryError(
            f"model {model} has no version {version}; the newest is {there or 'not there yet: train one first'}"
        ) from error


def run_url(settings: Settings, run_id: str) -> str:
    """Return the page of a run in MLflow's UI; empty where MLflow is a database without a server."""
    uri = settings.place("mlflow_uri")
    if not uri.startswith("http"):
        return ""
    with _asked(settings):
        experiment = connect(settings).get_run(run_id).info.experiment_id
    page = settings.place("mlflow_page_uri") or uri
    return f"{page.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


def champion(settings: Settings, model: str) -> int | None:
    """Return the version that reconcile has made live, or None before the first release."""
    return aliased(settings, model, CHAMPION)


def challenger(settings: Settings, model: str) -> int | None:
    """Return the newest version that passed the gate, or None before the first."""
    return aliased(settings, model, CHALLENGER)


def aliased(settings: Settings, model: str, alias: str) -> int | None:
    """Return the version that carries an alias, if any."""
    with _asked(settings):
        models = connect(settings).search_registered_models(f"name = '{model}'")
    found = models[0].aliases.get(alias) if models else None
    return None if found is None else int(found)


def set_champion(settings: Settings, model: str, version: int) -> None:
    """Say which version is live. Called by reconcile only: Git is the truth, this alias shows it.

    Raises:
        ModelRegistryError: when there is no such version.
    """
    read_version(settings, model, version)
    with _asked(settings):
        connect(settings).set_registered_model_alias(model, CHAMPION, str(version))


def withdraw_champion(settings: Settings, model: str) -> None:
    """Say that no version is live."""
    if champion(settings, model) is not None:
        with _asked(settings):
            connect(settings).delete_registered_model_alias(model, CHAMPION)


def tag_version(settings: Settings, model: str, version: int, tags: Mapping[str, str]) -> None:
    """Write tags of a version over what they said before."""
    client = connect(settings)
    with _asked(settings):
        for name, value in tags.items():
            client.set_model_version_tag(model, str(version), name, value)


def read_document(settings: Settings, run_id: str, name: str) -> Any:
    """Return a JSON document among a run's artifacts.

    Raises:
        ModelRegistryError: when the run has none of that name.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return json.loads(_download(settings, run_id, name, Path(scratch)).read_text(encoding="utf-8"))


def log_document(settings: Settings, run_id: str, name: str, content: Mapping[str, Any]) -> None:
    """Store a JSON document among a run's artifacts, over what was there under the name, such as `folder/file.json`."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    with _asked(settings):
        connect(settings).log_text(run_id, text, name)


def fetch_bundle(settings: Settings, run_id: str, digest: str, target: Path) -> None:
    """Put a run's bundle into a folder, unless it is there already.

    Raises:
        ModelRegistryError: when the run or its bundle is not there.
        BundleError: when the bundle is not the one with this digest; the folder is not touched then.
    """
    if _holds(target, digest):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        fetched = _download(settings, run_id, BUNDLE, Path(scratch))
        check_digest(fetched, digest)
        target.mkdir(exist_ok=True)
        for name in FILES:  # one by one, since the folder may hold other files, such as the release
            shutil.move(fetched / name, target / name)


def _holds(folder: Path, digest: str) -> bool:
    try:
        check_digest(folder, digest)
    except BundleError:
        return False
    return True


def _download(settings: Settings, run_id: str, name: str, scratch: Path) -> Path:
    try:
        return Path(connect(settings).download_artifacts(run_id, name, str(scratch)))
    except (MlflowException, OSError) as error:
        absent = getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"
        raise (ModelRegistryError if absent else ModelRegistryAwayError)(
            f"the {name} of run {run_id} cannot be fetched from {settings.place('mlflow_uri')}: {error}"
        ) from error
