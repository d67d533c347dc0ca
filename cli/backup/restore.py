"""Putting a backup back: the local state in one step, and what the settings keep elsewhere where nothing stands yet."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from upath import UPath

from cli.backup.format import DATABASE, GIT, PLACES, STATE, unpack
from cli.backup.places import Place, remote_places
from cli.errors import BackupError
from pipeline.git import git
from pipeline.prediction_log.database import database_of
from pipeline.prediction_log.migrate import migrate_database
from pipeline.settings import Settings

Tell = Callable[[str], None]


def restore(settings: Settings, models: list[str], source: Path, moment: datetime, tell: Tell) -> dict[str, Any]:
    """Put a backup back, and return its manifest. What the local state was is moved aside, never removed.

    Raises:
        BackupError: when the file is damaged, or a place elsewhere holds something; nothing is changed then.
    """
    settings.state.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.state.parent, prefix=".restoring-") as name:
        folder = Path(name)
        tell("checking the backup")
        manifest = unpack(source, folder)
        places = [place for place in remote_places(settings, models) if (folder / PLACES / place.name).exists()]
        for place in places:
            _check_empty(place)
        for place in places:
            tell(place.uri)
            _put_back(place, folder / PLACES / place.name)
        _put_back_predictions(settings, models, folder / DATABASE)
        tell("the local state")
        if settings.state.exists():
            settings.state.rename(settings.state.with_name(f"{settings.state.name}.before-{moment:%Y%m%dT%H%M%S}"))
        (folder / STATE).rename(settings.state)
    return manifest


def _check_empty(place: Place) -> None:
    if place.kind == GIT:
        held = bool(git("ls-remote", place.uri))
    else:
        target = UPath(place.uri)
        held = bool(target.fs.exists(target.path) and target.fs.find(target.path))
    if held:
        raise BackupError(f"{place.uri}: holds something already; restore into an empty place, or unset it")


def _put_back(place: Place, folder: Path) -> None:
    if place.kind == GIT:
        git("push", "--quiet", "--mirror", place.uri, cwd=folder)
        return
    target = UPath(place.uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            copy = target / path.relative_to(folder).as_posix()
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.fs.put_file(str(path), copy.path)


def _put_back_predictions(settings: Settings, models: list[str], folder: Path) -> None:
    """Rows that are there already stay: the outboxes may have been copied again meanwhile."""
    for model in models:
        database = database_of(settings, model)
        files = sorted(folder.glob(f"{model}.*.copy")) if database else []
        if database is None or not files:
            continue
        migrate_database(database)
        with database.connect() as session, session.transaction(), session.cursor() as cursor:
            for file in files:
                table = file.suffixes[-2].removeprefix(".")
                cursor.execute(f"CREATE TEMP TABLE restored (LIKE {table}) ON COMMIT DROP")
                with file.open("rb") as content, cursor.copy("COPY restored FROM STDIN") as rows:
                    shutil.copyfileobj(content, rows)
                cursor.execute(f"INSERT INTO {table} SELECT * FROM restored ON CONFLICT DO NOTHING")  # noqa: S608
                cursor.execute("DROP TABLE restored")
