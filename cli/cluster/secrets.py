"""Making the secrets of an overlay: each value once, kept where it is there already, and written encrypted only."""

from collections.abc import Callable
from pathlib import Path

from cli.cluster import sops
from cli.cluster.table import Entry, entries, manifest
from cli.cluster.values import PRODUCTION, VALUES, Value, Values
from cli.errors import ClusterError


def models_of(project: Path, overlay: str) -> list[str]:
    """Return the namespaces of an overlay's models, one for each folder under its `predictions`.

    Raises:
        ClusterError: when there is no such overlay.
    """
    folder = project / "gitops" / "apps" / overlay / "predictions"
    if not folder.is_dir():
        there = sorted(
            path.parent.name for path in folder.parents[1].glob("*/predictions") if path.parent.name != "base"
        )
        raise ClusterError(f"{overlay}: is no overlay; there are: {', '.join(there)}")
    return sorted(path.parent.name for path in folder.glob("*/kustomization.yaml"))


def path_of(project: Path, overlay: str, entry: Entry) -> Path:
    """Return the file of a secret."""
    return project / "gitops" / "secrets" / overlay / f"{entry.namespace}.{entry.name}.yaml"


def make(project: Path, overlay: str, ask: Callable[[str], str]) -> tuple[Values, list[Path]]:
    """Write the secrets that are not there yet. Values that existing ones hold are read from them, by sops.

    Args:
        project: the folder with `gitops/` and `.sops.yaml`.
        overlay: `local` or `production`.
        ask: answers with what somebody else made, such as the object store's keys.

    Returns:
        The values by name, and the files that were written.

    Raises:
        ClusterError: when there is no such overlay, or sops does not do its part.
    """
    wanted = entries(overlay, models_of(project, overlay))
    missing = [entry for entry in wanted if not path_of(project, overlay, entry).exists()]
    if not missing:
        return {}, []
    sops.program()  # before anybody is asked for anything
    values = {"overlay": overlay} | _values(project, overlay, ask)
    for entry in missing:
        sops.encrypt(project, path_of(project, overlay, entry), manifest(entry, values))
    return values, [path_of(project, overlay, entry) for entry in missing]


def _values(project: Path, overlay: str, ask: Callable[[str], str]) -> dict[str, str]:
    read: dict[Path, dict[str, str]] = {}
    found = {}
    for name, value in VALUES.items():
        home, key = value.home
        path = project / "gitops" / "secrets" / overlay / f"{home.replace('/', '.')}.yaml"
        if path.exists():
            if path not in read:
                read[path] = sops.decrypt(project, path)
            found[name] = read[path][key]
        else:
            found[name] = _new(value, overlay, ask)
    return found


def _new(value: Value, overlay: str, ask: Callable[[str], str]) -> str:
    others_make_it = value.always or (overlay == PRODUCTION and value.asked)
    return ask(value.asked) if others_make_it else value.make()
