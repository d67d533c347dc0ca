"""The secrets of a cluster: which there are, and what they hold. A test holds that pods ask for no others."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.cluster.values import LOCAL, PRODUCTION, Values

_HOST = "postgres-rw.postgres.svc:5432"
IMAGES = ("images", "image_base")  # the connections by which model images are pushed, and what they are made of is read
Text = str | Callable[[Values], str]  # with the values' names in braces, or what makes it of the values


@dataclass(frozen=True)
class Entry:
    """One secret. The namespace MODEL stands for that of each model."""

    namespace: str
    name: str
    data: Mapping[str, Text]
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)
    overlays: tuple[str, ...] = (LOCAL, PRODUCTION)


def _connections(values: Values) -> str:
    return json.dumps({"predictions": {"login": "predictions", "password": values["predictions-database"]}})


def _pipeline_connections(values: Values) -> str:
    registry = {"login": values["registry-login"], "password": values["registry-password"]}
    return json.dumps(json.loads(_connections(values)) | dict.fromkeys(IMAGES, registry))


def _docker_config(values: Values) -> str:
    who = {"username": values["registry-login"], "password": values["registry-password"]}
    return json.dumps({"auths": {values["registry-host"]: who}})


def _api_keys(values: Values) -> str:
    return json.dumps({"pipeline": hashlib.sha256(values["service-key"].encode()).hexdigest()})


def _htpasswd(values: Values) -> str:
    # SHA-1 is what htpasswd can do without bcrypt; 256 random bits are guessed by nobody. Production has no such user.
    digest = hashlib.sha1(values["login-password"].encode(), usedforsecurity=False).digest()
    return f"admin:{{SHA}}{base64.b64encode(digest).decode()}\n" if values["overlay"] == LOCAL else ""


def _identities(values: Values) -> str:
    keys = [{"accessKey": values["s3-id"], "secretKey": values["s3-secret"]}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return json.dumps({"identities": [{"name": "mlops", "credentials": keys, "actions": actions}]})


def _role(name: str) -> Entry:
    data = {"username": name, "password": f"{{{name}-database}}"}
    return Entry("postgres", f"postgres-{name}", data, "kubernetes.io/basic-auth", {"cnpg.io/reload": "true"})


def _registry(namespace: str, parts: Mapping[str, Text] | None = None) -> Entry:
    data = {".dockerconfigjson": _docker_config, **(parts or {})}
    return Entry(namespace, "registry", data, "kubernetes.io/dockerconfigjson")


def _login(namespace: str) -> Entry:
    data: dict[str, Text] = {"client-id": "{client-id}", "client-secret": "{client-secret}", "htpasswd": _htpasswd}
    return Entry(
        namespace, "login", data | {"password": "{login-password}", "cookie-secret": f"{{{namespace}-cookie}}"}
    )


_OBJECT_STORE = {"AWS_ACCESS_KEY_ID": "{s3-id}", "AWS_SECRET_ACCESS_KEY": "{s3-secret}"}
_AIRFLOW_KEYS = {"fernet-key": "{fernet}", "api-secret-key": "{api-secret}", "jwt-secret": "{jwt-secret}"}
_MODEL: dict[str, Text] = {"MLOPS_API_KEYS": _api_keys, "MLOPS_CONNECTIONS": _connections}
_CONNECTION = f"postgresql://airflow:{{airflow-database}}@{_HOST}/airflow?sslmode=require"
_BACKEND = f"postgresql+psycopg2://mlflow:{{mlflow-database}}@{_HOST}/mlflow?sslmode=require"
TABLE = (
    _role("airflow"),
    _role("mlflow"),
    _role("predictions"),
    Entry("airflow", "airflow-keys", _AIRFLOW_KEYS),
    Entry("airflow", "airflow-metadata", {"connection": _CONNECTION}),
    Entry("airflow", "airflow-admin", {"password": "{airflow-admin}"}),
    Entry("airflow", "object-store", _OBJECT_STORE),
    # The pipeline answers to no keys, but production starts nothing without any.
    Entry(
        "airflow", "mlops", _MODEL | {"MLOPS_SERVICE_KEY": "{service-key}", "MLOPS_CONNECTIONS": _pipeline_connections}
    ),
    Entry("airflow", "repositories", {"identity": "{ssh-identity}"}),
    _registry("airflow", {"host": "{registry-host}", "login": "{registry-login}", "password": "{registry-password}"}),
    Entry("mlflow", "mlflow-database", {"MLFLOW_BACKEND_STORE_URI": _BACKEND}),
    Entry("mlflow", "object-store", _OBJECT_STORE),
    _login("mlflow"),
    _registry("mlflow"),
    _login("evidently"),
    _registry("evidently"),
    Entry("monitoring", "grafana-admin", {"admin-user": "admin", "admin-password": "{grafana-admin}"}),
    Entry("object-store", "object-store-identities", {"s3.json": _identities}, overlays=(LOCAL,)),
    Entry("MODEL", "mlops", _MODEL),
    _registry("MODEL"),
)


def entries(overlay: str, models: Iterable[str]) -> list[Entry]:
    """Return the secrets of an overlay, those of each model's namespace included."""
    of_models = [item for item in TABLE if item.namespace == "MODEL"]
    fixed = [item for item in TABLE if item.namespace != "MODEL" and overlay in item.overlays]
    return fixed + [Entry(model, item.name, item.data, item.type) for model in models for item in of_models]


def manifest(entry: Entry, values: Values) -> dict[str, Any]:
    """Return the Kubernetes Secret, in plain text: for sops only."""
    metadata: dict[str, Any] = {"name": entry.name, "namespace": entry.namespace}
    if entry.labels:
        metadata["labels"] = dict(entry.labels)
    data = {key: text(values) if callable(text) else text.format_map(values) for key, text in entry.data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": entry.type, "stringData": data}
