"""`mlops release trial`: a version beside the live one, by hand."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.options import Model, run_name
from cli.console import command, console, contract_of, table
from cli.machine import Json, machine_readable, write_json
from pipeline.contract import Contract, TrialPlan
from pipeline.errors import NothingToDo
from pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from serving.trial import Trial

app = typer.Typer(help="Try a version beside the live one: as a shadow, or as a canary.", no_args_is_help=True)


class Mode(StrEnum):
    """How a version is tried."""

    shadow = "shadow"
    canary = "canary"


@app.command()
@command
@machine_readable
def start(
    version: Annotated[int, typer.Argument(help="The model version to try.")],
    model: Model = None,
    mode: Annotated[Mode | None, typer.Option(help="Without it, the contract's; or else a shadow.")] = None,
    share: Annotated[float | None, typer.Option(min=0.0001, max=1, help="Of requests that a canary answers.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, max=10080, help="How long it is meant to take.")] = None,
    as_json: Json = False,
) -> None:
    """Try a version beside the live one until `end`, after checking that it loads. Nothing is released by that."""
    from serving import trials
    from serving.release import evidence

    settings = load_settings()
    contract = contract_of(settings, model)
    given = {"mode": mode and mode.value, "share": share, "minutes": minutes}
    plan = _plan(contract).model_copy(update={name: value for name, value in given.items() if value is not None})
    trial = trials.begin(settings, evidence(contract, settings, version, None), run_name("by-hand"), plan)
    _tell(contract, settings, trial, as_json)


@app.command()
@command
@machine_readable
def status(model: Model = None, as_json: Json = False) -> None:
    """Say what is on trial, and what the service has seen of it beside the contract's limits."""
    from serving import trials

    settings = load_settings()
    contract = contract_of(settings, model)
    _tell(contract, settings, trials.standing(settings, contract.name), as_json)


@app.command()
@command
@machine_readable
def end(model: Model = None, as_json: Json = False) -> None:
    """End the trial, whoever began it; a deployment that waits for it fails then, and what is live stays."""
    from serving import trials

    settings = load_settings()
    contract = contract_of(settings, model)
    trial = trials.standing(settings, contract.name)
    try:
        _tell(contract, settings, trial, as_json)
    finally:  # whatever the service says, or whoever does not wait for it
        trials.take_away(settings, contract.name)
    if trial and not as_json:
        console.print("it has ended")


def _plan(contract: Contract) -> TrialPlan:
    return contract.release.trial or TrialPlan(mode="shadow")


def _tell(contract: Contract, settings: Settings, trial: "Trial | None", as_json: bool) -> None:
    from serving import trials

    if trial is None:
        if as_json:
            write_json({"model": contract.name, "trial": None})
            return
        raise NothingToDo(f"{contract.name}: no version is on trial")
    seen = trials.look(settings, contract.name, trial, _plan(contract))
    told = {**trial.model_dump(mode="json"), "until": trials.until(trial).isoformat(), **seen.model_dump(mode="json")}
    if as_json:
        write_json({"model": contract.name, "trial": told})
        return
    rows: list[tuple[str, Any]] = [(name, value) for name, value in told.items() if name != "counts"]
    rows += [(name, value) for name, value in seen.counts.items() if name not in told]
    console.print(table(f"{contract.name}: {trial.folder} on trial", ("what", "is"), rows))
