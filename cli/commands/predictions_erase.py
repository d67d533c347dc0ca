"""`mlops predictions erase` and `prune`: take predictions away, here and in the copy."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.options import Model
from cli.commands.predictions_places import chosen, places
from cli.console import command, console, table
from cli.machine import Json, machine_readable, write_json
from pipeline.contract import Contract
from pipeline.errors import PipelineError
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.prediction_log.choice import Choice
    from pipeline.prediction_log.erase import Erased

Yes = Annotated[bool, typer.Option("--yes", help="Erase it; without this, it is only counted.")]


@command
@machine_readable
def erase(
    model: Model = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="FIELD=VALUE", help="Several: all must hold.")
    ] = None,
    prediction: Annotated[list[str] | None, typer.Option("--id", help="A prediction's id; may be repeated.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase predictions and their actuals, from the outbox (also its bytes) and from PostgreSQL."""
    from pipeline.prediction_log.choice import choose
    from pipeline.prediction_log.erase import scrub

    settings, contract = chosen(model)
    choice = choose(contract, prediction or (), key or ())
    found = _erased(settings, contract, choice, yes)
    path, _ = places(settings, contract)
    if yes and path.exists():
        scrub(path)
    _tell(contract, found, yes, as_json)
    unknown = [field for field, _ in choice.features if field not in contract.features]
    if (
        unknown and not as_json and not any(erased.predictions for erased in found.values())
    ):  # a slip of the pen looks like success
        hint = f"{', '.join(unknown)}: no field of the contract, nor of any prediction; it has"
        console.print(f"{hint} {', '.join(contract.features)}", style="yellow", markup=False)


@command
@machine_readable
def prune(
    model: Model = None,
    days: Annotated[int | None, typer.Option(min=1, help="Else MLOPS_PREDICTIONS_KEEP_DAYS.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase what is older than so many days, copied or not."""
    from pipeline.prediction_log import utc_text
    from pipeline.prediction_log.choice import Choice

    settings, contract = chosen(model)
    kept = days or settings.predictions_keep_days
    if not kept:
        raise typer.BadParameter("say how many days are kept: --days, or MLOPS_PREDICTIONS_KEEP_DAYS")
    choice = Choice(before=utc_text(datetime.now(UTC) - timedelta(days=kept)))
    _tell(contract, _erased(settings, contract, choice, yes), yes, as_json)


def _erased(settings: Settings, contract: Contract, choice: "Choice", yes: bool) -> "dict[str, Erased]":
    """Erase, or count; the outbox first, so that nothing is copied anew."""
    from pipeline.prediction_log.erase import count_in_outbox, erase_in_outbox
    from pipeline.prediction_log.erase_copy import erase_in_database

    path, database = places(settings, contract)
    in_outbox: Callable[..., Erased] = erase_in_outbox if yes else count_in_outbox
    found = {"outbox": in_outbox(path, choice)}
    if database:
        try:
            found["database"] = erase_in_database(database, contract.name, choice, dry=not yes)
        except PipelineError as error:
            done = "erased from the outbox only" if yes else "counted in the outbox only"
            raise type(error)(f"{done}: {error}; do it again when it is back") from None
    return found


def _tell(contract: Contract, found: "dict[str, Erased]", yes: bool, as_json: bool) -> None:
    counts = {place: asdict(erased) for place, erased in found.items()}
    if as_json:
        write_json({"model": contract.name, "erased": yes, **counts})
        return
    title = f"{contract.name}: {'erased' if yes else 'would be erased'}"
    columns = ("where", "predictions", "actuals", "refusals")
    console.print(table(title, columns, [(place, *count.values()) for place, count in counts.items()]))
    if not yes and any(any(count.values()) for count in counts.values()):
        console.print("nothing is erased yet: add --yes")
