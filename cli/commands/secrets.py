"""`mlops secrets`: what a cluster's pods ask for and nobody may read."""

from typing import Annotated

import typer

from cli.console import command, console, table
from pipeline.settings import load_settings

app = typer.Typer(help="The secrets of a cluster, written encrypted only.", no_args_is_help=True)
Overlay = Annotated[str, typer.Option(help="Whose: local or production.")]


@app.command()
@command
def make(overlay: Overlay) -> None:
    """Make the secrets that an overlay lacks, and hand them to sops. What is there stays."""
    from cli.cluster.secrets import make as make_secrets
    from cli.cluster.values import public_half

    project = load_settings().project_dir
    values, written = make_secrets(project, overlay, lambda what: str(typer.prompt(what, hide_input=True)))
    for path in written:
        console.print(f"wrote {path.relative_to(project)}")
    if not written:
        console.print("all secrets are there; delete a file to have that one made anew")
        return
    typer.echo("\nThe public key of the pipeline, for write access to the data and the release repository:\n")
    typer.echo(f"  {public_half(values['ssh-identity'])}")


@app.command("list")
@command
def list_secrets(overlay: Overlay) -> None:
    """Show which secrets an overlay needs, their keys, and whether they are there. Shows no values."""
    from cli.cluster.secrets import models_of, path_of
    from cli.cluster.table import entries

    project = load_settings().project_dir
    rows = [
        (item.namespace, item.name, ", ".join(item.data), "yes" if path_of(project, overlay, item).exists() else "no")
        for item in entries(overlay, models_of(project, overlay))
    ]
    console.print(table(f"Secrets of {overlay}", ("namespace", "name", "keys", "there"), rows))
