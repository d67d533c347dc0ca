"""What goes into a backup: a folder as the archive will hold it, made while the stack may run.

First what points (git references, SQLite's rows), then what is pointed to (content, artifacts): what was finished when
the backup began is whole in it, whatever is written meanwhile.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from upath import UPath

from cli.backup.format import DATABASE, GIT, PLACES, STATE
from cli.backup.places import remote_places
from pipeline.git import git
from pipeline.prediction_log.database import database_of
from pipeline.settings import Settings

_SQLITE = b"SQLite format 3\x00"
_PASSING = (".pid", ".sock", ".lock", "-wal", "-shm", "-journal")  # of running processes; a database's are in its copy
Tell = Callable[[str], None]


def collect(settings: Settings, models: list[str], folder: Path, tell: Tell) -> None:
    """Copy the local state, and what the settings keep elsewhere, into an empty folder."""
    tell("git repositories and databases")
    pointers = list(_repositories(settings.state)) + list(_databases(settings.state))
    for path in pointers:
        _copy_pointer(path, folder / STATE / path.relative_to(settings.state))
    remote = remote_places(settings, models)
    for place in (one for one in remote if one.kind == GIT):
        _mirror(place.uri, folder / PLACES / place.name)
    _copy_predictions(settings, models, folder / DATABASE)
    tell("files")
    _copy_files(settings.state, folder / STATE, pointers)
    for place in (one for one in remote if one.kind != GIT):
        tell(place.uri)
        download(UPath(place.uri), folder / PLACES / place.name)


def download(source: UPath, target: Path) -> None:
    """Copy every file below an address, with its path."""
    root = source.path.rstrip("/")
    for path in source.fs.find(root) if source.fs.exists(root) else []:
        copy = target / str(path).removeprefix(root).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        source.fs.get_file(path, str(copy))


def _repositories(state: Path) -> Iterator[Path]:
    """Bare repositories only: those with a work tree are tasks' own, and none outlives its task."""
    for head in sorted(state.rglob("HEAD")):
        if (head.parent / "objects").is_dir() and (head.parent / "refs").is_dir() and head.parent.name != ".git":
            yield head.parent


def _databases(state: Path) -> Iterator[Path]:
    for path in sorted(state.rglob("*.db")):
        if path.is_file() and _begins_with(path, _SQLITE):
            yield path


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _copy_pointer(path: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        _mirror(str(path), copy)
        return
    where = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(where, uri=True, timeout=60)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file; whoever opens it next chooses its own


def _mirror(uri: str, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    git("clone", "--quiet", "--mirror", "--no-hardlinks", uri, str(copy))
    git("remote", "remove", "origin", cwd=copy)
    for own in ("config", "hooks"):  # a mirror has none of them
        _copy_own(Path(uri) / own, copy / own)


def _copy_own(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        shutil.copy2(source, target)


def _copy_files(state: Path, target: Path, done: list[Path]) -> None:
    copied = set(done)

    def skipped(folder: str, names: list[str]) -> list[str]:
        paths = [Path(folder) / name for name in names]
        return [path.name for path in paths if path in copied or _passing(path, state)]

    shutil.copytree(state, target, symlinks=True, ignore=skipped, dirs_exist_ok=True)


def _passing(path: Path, state: Path) -> bool:
    if path.is_symlink():  # such as `current`; one that leads out would not do so where it is restored
        return not path.resolve().is_relative_to(state) or path.readlink().is_absolute()
    return path.name.endswith(_PASSING) or not (path.is_file() or path.is_dir())


def _copy_predictions(settings: Settings, models: list[str], folder: Path) -> None:
    """Write the tables of the copy in PostgreSQL, as its own COPY writes them. Several models share a database."""
    for model in models:
        database = database_of(settings, model)
        if database is None:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with database.connect() as session, session.transaction(), session.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for table, chosen in _tables(model):
                with (folder / f"{model}.{table}.copy").open("wb") as file, cursor.copy(chosen) as rows:
                    for part in rows:
                        file.write(part)


def _tables(model: str) -> list[tuple[str, str]]:
    name = model.replace("'", "''")
    own = f"SELECT id FROM predictions WHERE model = '{name}'"  # noqa: S608 (a contract's name, quoted)
    queries = {
        "predictions": f"SELECT * FROM predictions WHERE model = '{name}'",  # noqa: S608
        "actuals": f"SELECT * FROM actuals WHERE prediction_id IN ({own})",  # noqa: S608
        "refusals": f"SELECT * FROM refusals WHERE model = '{name}'",  # noqa: S608
    }
    return [(table, f"COPY ({query}) TO STDOUT") for table, query in queries.items()]
