"""`mlops backup` and `mlops restore`: everything that the pipeline keeps, as one file."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.stack import progress
from cli.console import command, console
from cli.errors import BackupError
from pipeline.contract import load_contracts
from pipeline.settings import load_settings


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
    with (
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
    with progress("restoring") as shown:
        manifest = put_back(
            settings, models, source, datetime.now(UTC), lambda what: shown.update(f"restoring: {what}")
        )
    console.print(f"restored what was kept at {manifest['made']}: {len(manifest['files']):,} files")
    for line in left_out(settings):
        console.print(f"[yellow]not in it:[/] {line}")
