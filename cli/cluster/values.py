"""The secret values of a cluster, each once: what is random, what a person must give, and where it is kept."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOCAL, PRODUCTION = "local", "production"
Values = Mapping[str, str]


def _word() -> str:
    return secrets.token_hex(32)  # fit for addresses, for JSON, and as an argument: it never begins with a dash


def _cookie() -> str:
    return secrets.token_hex(16)  # oauth2-proxy wants exactly 16, 24 or 32 bytes


def _fernet() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _ssh_identity() -> str:
    options = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(*options).decode()


@dataclass(frozen=True)
class Value:
    """One secret value.

    Attributes:
        home: the secret that holds it as it is, as `namespace/name`, and the key there.
        make: makes a new one.
        asked: what a person is asked for in production, where somebody else makes it; empty: nobody is.
        always: whether that is so in the local cluster as well.
    """

    home: tuple[str, str]
    make: Callable[[], str] = _word
    asked: str = ""
    always: bool = False


VALUES: Mapping[str, Value] = {
    "airflow-database": Value(("postgres/postgres-airflow", "password")),
    "mlflow-database": Value(("postgres/postgres-mlflow", "password")),
    "predictions-database": Value(("postgres/postgres-predictions", "password")),
    "fernet": Value(("airflow/airflow-keys", "fernet-key"), _fernet),
    "api-secret": Value(("airflow/airflow-keys", "api-secret-key")),
    "jwt-secret": Value(("airflow/airflow-keys", "jwt-secret")),
    "airflow-admin": Value(("airflow/airflow-admin", "password")),
    "service-key": Value(("airflow/mlops", "MLOPS_SERVICE_KEY")),
    "ssh-identity": Value(("airflow/repositories", "identity"), _ssh_identity),
    "s3-id": Value(("airflow/object-store", "AWS_ACCESS_KEY_ID"), asked="the object store's access key id"),
    "s3-secret": Value(("airflow/object-store", "AWS_SECRET_ACCESS_KEY"), asked="the object store's secret access key"),
    "registry-host": Value(("airflow/registry", "host"), asked="the registry's host, such as ghcr.io", always=True),
    "registry-login": Value(("airflow/registry", "login"), asked="the registry's login", always=True),
    "registry-password": Value(("airflow/registry", "password"), asked="the registry's password", always=True),
    "client-id": Value(("mlflow/login", "client-id"), asked="the client id at the OpenID provider"),
    "client-secret": Value(("mlflow/login", "client-secret"), asked="the client secret at the OpenID provider"),
    "login-password": Value(("mlflow/login", "password")),
    "mlflow-cookie": Value(("mlflow/login", "cookie-secret"), _cookie),
    "evidently-cookie": Value(("evidently/login", "cookie-secret"), _cookie),
    "grafana-admin": Value(("monitoring/grafana-admin", "admin-password")),
}


def public_half(identity: str) -> str:
    """Return the public line of an SSH identity, for the servers of the git repositories."""
    key = serialization.load_ssh_private_key(identity.encode(), None).public_key()
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode() + " mlops"
