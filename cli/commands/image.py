"""`mlops image`: the model images that a cluster runs."""

from typing import Annotated

import typer

from cli.commands.options import Model
from cli.console import command, console, contract_of, table
from pipeline.settings import load_settings

app = typer.Typer(help="Make and see the images that a cluster runs.", no_args_is_help=True)


@app.command()
@command
def build(
    model: Model = None,
    version: Annotated[int | None, typer.Option(help="Without it, the newest challenger.")] = None,
) -> None:
    """Add a model version to the serving base image, in the registry, and print its name with its digest."""
    from serving.image import build_version

    settings = load_settings()
    console.print(build_version(settings, contract_of(settings, model), version))


@app.command()
@command
def show(
    image: Annotated[str | None, typer.Argument(help="Without it, the image of the release that Git names.")] = None,
    model: Model = None,
) -> None:
    """Say what an image is: its digest, layers, compressed size and labels."""
    from serving.image import describe

    settings = load_settings()
    told = describe(settings, contract_of(settings, model), image)
    console.print(table(str(told.pop("image")), ("what", ""), [(key, str(value)) for key, value in told.items()]))
