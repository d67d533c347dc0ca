"""Where a replay keeps its things: a folder of its own, with a registry, a log and a release repository in it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import ReplayError
from cli.replay.asked import Asked
from pipeline.settings import Settings

_KEPT = ("project_dir", "git_author", "connections", "source_max_bytes", "source_seconds")  # to read the source
_ASKED = "replay.json"


def folder_of(settings: Settings, asked: Asked, name: str | None) -> Path:
    """Return the replay's folder within the local state."""
    if name is not None and (not name.strip() or name != Path(name).name):
        raise ReplayError(f"--name {name!r}: a plain name, such as {asked.name}")
    return settings.state / "replays" / asked.model / (name or asked.name)


def settings_of(settings: Settings, folder: Path) -> Settings:
    """Return settings in which every place lies in the folder, whatever the environment says of the real ones."""
    kept = {name: getattr(settings, name) for name in _KEPT}
    # Without validation, which would read the environment again for every field that is not given.
    return Settings.model_construct(
        **kept, state_dir=folder, mlflow_uri=f"sqlite:///{folder}/mlflow.db", reports_uri="", predictions_uri=""
    )


@contextmanager
def opened(folder: Path, asked: Asked, *, fresh: bool) -> Iterator[Path]:
    """Take the folder for this process, to begin or to go on with what was asked for.

    Raises:
        ReplayError: when another process lives it just now, or it was begun with other options or another contract.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as owner:  # beside it: --fresh removes the folder
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ReplayError(f"{folder}: another process lives this replay; wait, or give another --name") from error
        if fresh and folder.exists():
            shutil.rmtree(folder)
        _check_same(folder / _ASKED, asked)
        yield folder


def _check_same(note: Path, asked: Asked) -> None:
    wanted = asked.model_dump(mode="json")
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(asked.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return
    found = Asked.model_validate_json(note.read_bytes()).model_dump(mode="json")
    others = [f"{name} was {found[name]}, now {wanted[name]}" for name in wanted if wanted[name] != found[name]]
    if others:
        raise ReplayError(
            f"{note.parent} was begun otherwise ({'; '.join(others)}): give this one another --name, or --fresh"
        )
