"""Places that the settings keep outside of the local state."""

from dataclasses import dataclass

from upath import UPath

from cli.backup.format import FILES, GIT
from pipeline.settings import Settings

_KINDS = {"storage_uri": FILES, "data_remote_uri": FILES, "data_registry_uri": GIT, "gitops_uri": GIT}


@dataclass(frozen=True)
class Place:
    """One place, by the setting that names it and, where each contract has its own, the contract."""

    name: str
    uri: str
    kind: str


def remote_places(settings: Settings, models: list[str]) -> list[Place]:
    """Return the places that a backup copies beside the local state."""
    found = {}
    for field, kind in _KINDS.items():
        for model in models if "{model}" in getattr(settings, field) else [""]:
            uri = settings.place(field, model)
            if not _is_inside(settings, uri):
                name = f"{field}.{model}" if model else field
                found[name] = Place(name, uri, kind)
    return list(found.values())


def left_out(settings: Settings) -> list[str]:
    """Say what the settings keep where this command cannot reach it."""
    if "{" in settings.mlflow_uri or settings.mlflow_uri.startswith(("sqlite:", "file:")):
        return []
    return [f"MLflow at {settings.mlflow_uri}: back up its database and its artifact store where they are"]


def _is_inside(settings: Settings, uri: str) -> bool:
    path = UPath(uri)
    if path.protocol not in ("", "file", "local"):
        return False
    return UPath(path.path).absolute().is_relative_to(UPath(str(settings.state)))
