"""`mlops backup` and `mlops restore`: everything that the pipeline keeps, as one file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.stack import progress
from cli.console import command, console
from cli.errors import BackupError
from pipeline.contract import load_contracts
from pipeline.settings import load_settings


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Tell in one message what a disk or an object store refuses."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        raise BackupError(f"nothing was {what}: {error}") from error


@command
def backup(target: Annotated[Path, typer.Argument(help="The file to write, such as backup.tar.gz.")]) -> None:
    """Write everything that the pipeline keeps into one file; the stack may run meanwhile."""
    from cli.backup.collect import collect
    from cli.backup.format import pack
    from cli.backup.places import left_out

    settings = load_settings()
    if target.resolve().is_relative_to(settings.state):
        raise BackupError(f"{target}: is inside of what is backed up ({settings.state}); write it elsewhere")
    if not settings.state.exists():
        raise BackupError(f"{settings.state}: there is nothing to back up yet")
    models, now = list(load_contracts(settings.contracts_dir)), datetime.now(UTC)
    if target.is_dir():
        raise BackupError(f"{target}: is a folder; name the file to write, such as {target / 'backup.tar.gz'}")
    with (
        _said("backed up"),
        progress("copying") as shown,
        tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".backup-") as name,
    ):
        collect(settings, models, Path(name), lambda what: shown.update(f"copying {what}"))
        shown.update("packing")
        manifest = pack(Path(name), target, now, {"models": models})
    console.print(f"{target}: {len(manifest['files']):,} files, {target.stat().st_size / 1e6:,.1f} MB")
    for line in left_out(settings):
        console.print(f"[yellow]not in it:[/] {line}")


@command
def restore(source: Annotated[Path, typer.Argument(help="A file that `mlops backup` wrote.")]) -> None:
    """Put a backup back, after checking every file; what the local state was is moved aside."""
    from cli.backup.places import left_out
    from cli.backup.restore import restore as put_back
    from cli.stack import supervise

    settings = load_settings()
    if supervise.states(settings):
        raise BackupError("the local stack is running; stop it first: make down")
    models = list(load_contracts(settings.contracts_dir))
    with _said("restored"), progress("restoring") as shown:
        manifest = put_back(
            settings, models, source, datetime.now(UTC), lambda what: shown.update(f"restoring: {what}")
        )
    console.print(f"restored what was kept at {manifest['made']}: {len(manifest['files']):,} files")
    for line in left_out(settings):
        console.print(f"[yellow]not in it:[/] {line}")
