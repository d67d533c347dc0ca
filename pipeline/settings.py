"""The settings: one frozen object, the only reader of the environment, built at the entry points and passed down."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from pipeline.alert_channel import AlertChannel, LogChannel
from pipeline.connection import Connection
from pipeline.errors import PipelineError

PREFIX = "MLOPS_"
PIPELINE_KEY = "pipeline"  # the name of the pipeline's own key among those of a service
# What must be named in production: the local default would be lost with its machine.
_NAMED_IN_PRODUCTION = (
    "storage_uri",
    "data_registry_uri",
    "data_remote_uri",
    "gitops_uri",
    "mlflow_uri",
    "service_uri",
    "api_keys",
)
# Settings that are JSON, and the page that shows how they are written.
_GUIDES = {"api_keys": "docs/safety.md", "alerts": "docs/monitoring.md", "connections": "docs/sources.md"}
_MAY_BE_EMPTY = (
    "mlflow_page_uri",
    "reports_uri",
    "reports_page_uri",
    "predictions_uri",
    "guide_uri",
    "gitops_overlay",
    "image_repository",
    "image_base",
    "releases_dir",
)
_PLACEHOLDERS = ("state", "model", "host", "port", "airflow_port", "mlflow_port", "reports_port")
KeyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}$")]
_KeyHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SettingsError(PipelineError):
    """Settings that cannot be used."""


class Settings(BaseSettings):
    """Where things are. `{model}` in a value stands for the contract's name, `{port}` for its local port."""

    named_in_production: ClassVar[tuple[str, ...]] = _NAMED_IN_PRODUCTION

    # What is given may hold a password, so errors do not repeat it.
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    environment: Literal["local", "production"] = "local"
    """`production` refuses to start while a place is left at its local default."""

    project_dir: Path = Path(__file__).resolve().parents[1]
    """The folder with `contracts/`, `data/` and `dags/`; relative sources start here."""

    state_dir: Path = Path(".mlops")
    """Everything that the local stack writes; relative to `project_dir`."""

    storage_uri: str = "file://{state}/storage"
    """Batches, reports and bundles between tasks; any fsspec address."""

    data_registry_uri: str = "{state}/data-registry/{model}.git"
    """The git repository whose tags are data versions."""

    data_remote_uri: str = "{state}/data-remote/{model}"
    """Where DVC keeps the content of data versions; a folder or `s3://`."""

    gitops_uri: str = "{state}/gitops.git"
    """The git repository that says what is live."""

    gitops_branch: str = "main"
    """The branch of it that is applied."""

    gitops_overlay: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9-]*)?$")
    """The cluster's folder under `gitops/apps` of it, which releases are committed to; empty: no cluster follows."""

    git_author: str = Field(default="mlops pipeline <mlops@localhost>", pattern=r"^[^<>]+ <[^<> ]+>$")
    """The author of data versions and releases, as `Name <address>`."""

    releases_dir: str = "{state}/releases/{model}"
    """Where the service looks for its `current` bundle, and reconcile puts it; empty: `mlops release follow` does."""

    prediction_log: str = "{state}/predictions/{model}.db"
    """The service's outbox of answered predictions (SQLite)."""

    predictions_uri: str = ""
    """The PostgreSQL that outboxes are copied to; empty: none. Who may write there: the connection `predictions`."""

    predictions_keep_days: int = Field(default=0, ge=0)
    """How many days `mlops predictions prune` leaves in the prediction log; 0: no limit."""

    mlflow_uri: str = "http://127.0.0.1:{mlflow_port}"
    """The MLflow tracking server."""

    mlflow_page_uri: str = ""
    """MLflow as people reach it, for links; empty: where the pipeline does."""

    reports_uri: str = "http://127.0.0.1:{reports_port}"
    """Evidently's UI service; empty: reports are stored but not shown there."""

    reports_page_uri: str = ""
    """Evidently's UI as people reach it, for links; empty: where the pipeline does."""

    reports_keep_days: int = Field(default=365, ge=0)
    """How many days reports of monitoring and their rows are kept; 0: for ever. The history keeps its points."""

    service_uri: str = "http://127.0.0.1:{port}"
    """The prediction service of a contract."""

    service_key: SecretStr | None = None
    """The pipeline's own key to the prediction service, where that asks for keys; there its name is `pipeline`."""

    airflow_port: int = Field(default=8080, ge=1, le=65535)
    """Airflow's UI and API on 127.0.0.1."""

    mlflow_port: int = Field(default=5000, ge=1, le=65535)
    """MLflow on 127.0.0.1."""

    serving_port: int = Field(default=8000, ge=1, le=65535)
    """The first contract's service on 127.0.0.1; the next one is at +10."""

    reports_port: int = Field(default=8001, ge=1, le=65535)
    """Evidently's UI on 127.0.0.1."""

    swap_seconds: float = Field(default=0.5, gt=0)
    """How often the service looks for a new release."""

    ready_seconds: float = Field(default=60, gt=0)
    """How long reconcile waits for the service to report the version."""

    connections: dict[str, Connection] = {}
    """Who may read sources, by the name that a contract gives: JSON with `login`, `password` and `options` for each."""

    source_max_bytes: int = Field(default=10 * 2**30, ge=1)
    """How many bytes of a source are fetched at most; files of this machine may be larger."""

    source_seconds: float = Field(default=600, gt=0)
    """How long a database may take for the first or the next rows of a query."""

    api_keys: dict[KeyName, _KeyHash] = {}
    """Who may ask the service: JSON with the SHA-256 of each key by its name; empty: everybody."""

    body_bytes: int = Field(default=2**20, ge=1)
    """How long the body of `/predict` may be."""

    batch_bytes: int = Field(default=16 * 2**20, ge=1)
    """How long the body of any other request may be."""

    batch_rows: int = Field(default=10_000, ge=1)
    """How many rows one batch may hold."""

    request_seconds: float = Field(default=20, gt=0)
    """How long a client may take to send its request, or to take its answer."""

    requests_at_once: int = Field(default=1000, ge=1)
    """How many requests are answered at the same time; more are told to come back."""

    airflow_uri: str = "http://127.0.0.1:{airflow_port}"
    """Airflow's UI as people reach it, for links in alerts."""

    guide_uri: str = ""
    """Where people read the guide, for links in alerts; empty: the folder `docs/` of the project."""

    alerts: tuple[AlertChannel, ...] = (LogChannel(),)
    """Which ways alerts go: JSON with a list of `log`, `mail` and `slack` channels; empty: none."""

    shadow_per_second: int = Field(default=200, ge=1)
    """How many requests a second a version on trial scores as a shadow; what comes beyond that is skipped."""

    log_requests: Literal["failed", "all"] = "failed"
    """Which requests the service's log tells of: failed and slow ones, or all."""

    log_features: bool = False
    """Whether the service's log may hold values of records."""

    image_repository: str = ""
    """Where model images are pushed, as `registry/name`; empty: none are made. Who may: the connection `images`."""

    image_base: str = ""
    """The serving base image that a model image adds its release to, `registry/name@sha256:...` or with a tag."""

    image_platform: str = Field(default="linux/amd64", pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$")
    """Which of the base image's platforms is taken, where it has several."""

    @field_validator("*", mode="before")
    @classmethod
    def _check_empty(cls, value_: Any, info: ValidationInfo) -> Any:
        if value_ == "" and info.field_name not in _MAY_BE_EMPTY:
            raise ValueError("is empty; leave it unset for its default")
        return value_

    @field_validator("*")
    @classmethod
    def _check_placeholders(cls, value: Any) -> Any:
        for name in re.findall(r"\{(.*?)\}", value) if isinstance(value, str) else ():
            if name not in _PLACEHOLDERS:
                raise ValueError(f"{{{name}}} stands for nothing; what does: {{{'}, {'.join(_PLACEHOLDERS)}}}")
        return value

    @field_validator("predictions_uri")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if value and not re.match(r"postgres(ql)?://", value):
            raise ValueError("is no PostgreSQL; write postgresql://host:port/database")
        if re.search(r"//[^/?@]*:.*@|[?&][^=]*pass[^=]*=", value):
            raise ValueError(f"holds a password; give it as that of `predictions` in {PREFIX}CONNECTIONS")
        return value

    @model_validator(mode="after")
    def _check_production(self) -> Self:
        named = {name for name in self.model_fields_set if getattr(self, name)}
        missing = [name for name in self.named_in_production if name not in named]
        if self.environment == "production" and missing:
            names = ", ".join(f"{PREFIX}{name.upper()}" for name in missing)
            raise ValueError(f"in production these must be set: {names}")
        return self

    @property
    def contracts_dir(self) -> Path:
        """The folder with the contracts."""
        return self.project_dir / "contracts"

    @property
    def state(self) -> Path:
        """The folder of the local state."""
        return (self.project_dir / self.state_dir).resolve()

    def place(self, field: str, model: str = "") -> str:
        """Return a setting that is a place, with its placeholders filled in for a contract."""
        filled = str(getattr(self, field)).replace("{state}", str(self.state)).replace("{model}", model)
        filled = filled.replace("{host}", model.replace("_", "-"))  # names of hosts have no underscores
        for port in ("airflow_port", "mlflow_port", "reports_port"):
            filled = filled.replace(f"{{{port}}}", str(getattr(self, port)))
        return filled.replace("{port}", str(self.port_of(model))) if "{port}" in filled else filled

    def port_of(self, model: str) -> int:
        """Return the local port of a contract's service: contracts are numbered in the order of their names."""
        names = sorted(path.stem for path in self.contracts_dir.glob("*.yaml"))
        if model not in names:
            raise SettingsError(f"{self.contracts_dir}: holds no contract {model!r}; there are: {', '.join(names)}")
        return self.serving_port + 10 * names.index(model)


class ServiceSettings(Settings):
    """The settings as the prediction service reads them: production asks it for what it uses only."""

    named_in_production: ClassVar[tuple[str, ...]] = ("api_keys",)


def load_settings(kind: type[Settings] = Settings) -> Settings:
    """Build the settings from the environment. Called by entry points only.

    Args:
        kind: whose settings these are.

    Raises:
        SettingsError: naming each variable that is unknown or wrong.
    """
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in Settings.model_fields
    )
    if unknown:
        raise SettingsError(f"unknown settings: {', '.join(unknown)}; docs/settings.md lists those there are")
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError("\n".join(_line(item) for item in error.errors())) from error
    except UnreadableError as error:  # it holds the text, passwords and all, and would be the context of what is raised
        field = next((name for name in _GUIDES if f'"{name}"' in str(error)), "connections")
    guide = _GUIDES[field]
    raise SettingsError(f"{PREFIX}{field.upper()}: is not valid JSON; {guide} shows how it is written")


def _line(item: object) -> str:
    loc = item["loc"]  # type: ignore[index]
    name = "".join([f"{PREFIX}{str(loc[0]).upper()}: ", *(f"{part}: " for part in loc[1:])]) if loc else ""
    return f"{name}{item['msg'].removeprefix('Value error, ')}"  # type: ignore[index]
