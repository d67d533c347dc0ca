"""`mlops release`: what is live, since when, and how to change it."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.options import Model, run_name
from cli.commands.release_follow import follow
from cli.commands.release_tables import period_lines, periods_table
from cli.commands.release_trial import app as trial_app
from cli.console import command, console, contract_of
from cli.machine import Json, machine_readable, write_json
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from serving.reconcile import Reconciled

app = typer.Typer(help="See and change what is live: Git is the truth of it.", no_args_is_help=True)
By = Annotated[str | None, typer.Option(help="Who approves; without it, the user of this machine.")]


@app.command("list")
@command
@machine_readable
def list_(model: Model = None, as_json: Json = False) -> None:
    """List what was live when, newest first, from the Git history alone."""
    from pipeline.release_history import release_history

    settings = load_settings()
    contract = contract_of(settings, model)
    periods = release_history(settings, contract.name)
    if as_json:
        write_json([period.model_dump(mode="json") for period in periods])
        return
    console.print(periods_table(contract.name, periods))


@app.command()
@command
@machine_readable
def at(
    date: Annotated[str, typer.Argument(help="2026-11-21 (the end of that day, UTC) or 2026-11-21T14:30+02:00.")],
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Say what was live at a date, since when, by whose approval and why, from the Git history alone."""
    from pipeline.release_dates import moment_of
    from pipeline.release_history import live_at, release_history

    settings = load_settings()
    contract = contract_of(settings, model)
    moment = moment_of(date)
    period = live_at(release_history(settings, contract.name), moment)
    if as_json:
        found = period.model_dump(mode="json") if period else None
        write_json({"model": contract.name, "at": moment.isoformat(), "live": found})
        return
    for line in period_lines(contract.name, moment, period):
        console.print(line)


@app.command()
@command
def evidence(
    version: Annotated[int | None, typer.Argument(help="Without it, the newest challenger.")] = None,
    model: Model = None,
) -> None:
    """Show what an approver is shown: a version against what is live, as Markdown."""
    from serving.evidence import gather
    from serving.evidence_form import form
    from serving.release import evidence as look_up

    settings = load_settings()
    contract = contract_of(settings, model)
    proposed = look_up(contract, settings, version, None)
    console.print(form(contract, gather(contract, settings, proposed)), markup=False)


@app.command("commit")
@command
def commit_(
    model: Model = None,
    version: Annotated[int | None, typer.Option(help="Without it, the newest challenger.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; needed where the contract asks for a person.")] = None,
    by: By = None,
) -> None:
    """Commit a model version that passed the gate as what is live, and verify it."""
    contract = contract_of(load_settings(), model)
    if contract.release.approval == "manual" and not (reason or "").strip():
        raise typer.BadParameter(f"{contract.name} is approved by a person: say why", param_hint="--reason")
    if contract.release.trial:
        console.print("[yellow]released without the contract's trial:[/] `mlops release trial start` tries a version")
    _release(contract.name, version, reason, by)


@app.command()
@command
def rollback(
    version: Annotated[int, typer.Argument(help="The model version to go back to.")],
    reason: Annotated[str, typer.Option(help="Kept in the release commit.")],
    model: Model = None,
    by: By = None,
) -> None:
    """Commit an earlier model version as what is live, after checking that it still loads, and verify it."""
    if not reason.strip():
        raise typer.BadParameter("say why; it is kept in the release commit", param_hint="--reason")
    _release(model, version, reason, by)


@app.command()
@command
def reconcile(model: Model = None) -> None:
    """Make the local service follow what Git says."""
    from serving import reconcile as stage

    settings = load_settings()
    _tell(stage.reconcile(settings, contract_of(settings, model).name))


app.command()(follow)
app.add_typer(trial_app, name="trial")


def _release(model: str | None, version: int | None, reason: str | None, by: str | None) -> None:
    from serving import approval, proposal, release, verify

    settings = load_settings()
    contract = contract_of(settings, model)
    run, words, who = run_name("release"), reason and _words(reason), _words(by or "") or _user()
    proposed = proposal.propose(contract, settings, run, version, words, who)
    approved = approval.settle(settings, proposed, approval.implied(proposed, datetime.now(UTC)))
    released = release.deploy(contract, settings, approved, run)
    console.print(f"Git says: {released.model} version {released.version}")
    _tell(verify.verify(settings, released))


def _tell(done: "Reconciled") -> None:
    shown = f"{done.smoke_rows} smoke rows differ by at most {done.largest_difference:.1g}, {done.seconds:g} s"
    console.print(f"{done.model} version {done.version} is live: {shown}")


def _words(given: str) -> str:
    """Return what was typed, readable though the terminal does not write UTF-8."""
    return given.encode(errors="surrogateescape").decode(errors="replace").strip()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "operator"
