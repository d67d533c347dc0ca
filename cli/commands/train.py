"""`mlops train`: the stages of training without Airflow, and `reproduce`, which trains a version again."""

from typing import Annotated, Any

import typer

from cli.commands.options import DataVersion, Model, run_name
from cli.console import command, console, contract_of, table
from pipeline.contract import Contract
from pipeline.settings import Settings, load_settings

app = typer.Typer(invoke_without_command=True)

_METRICS = {"mean_abs_log_error": "mean |log error|", "mae": "MAE", "rmse": "RMSE", "r2": "R2"}


@app.callback()
@command
def train(
    context: typer.Context,
    model: Model = None,
    data_version: DataVersion = None,
    reason: Annotated[str, typer.Option(help="Kept with the model version.")] = "asked for by hand",
    shift: Annotated[
        bool, typer.Option("--shift", help="The world has changed: rows of the last windows alone decide in the gate.")
    ] = False,
) -> None:
    """Fit the candidates, prove the best one, let the gate judge, and register it as challenger."""
    context.obj = model  # it may stand before a subcommand as well
    if context.invoked_subcommand is None:
        settings = load_settings()
        _train(contract_of(settings, model), settings, data_version, reason, shift)


@app.command()
@command
def reproduce(
    context: typer.Context,
    version: Annotated[int, typer.Argument(help="The model version.", min=1)],
    model: Model = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Train here even where not all is as it was when the version was made.")
    ] = False,
) -> None:
    """Train a model version again from what it was made from, and say whether that gives the same."""
    from training.reproduce import reproduce as stage
    from training.reproduction import require_equal

    settings = load_settings()
    contract = contract_of(settings, model or context.obj)
    found = stage(contract, settings, version, run_name("reproduce"), anyway=anyway)
    title = f"{contract.name}: version {version} ({found.candidate} on {found.data_version})"
    rows = [(name, *_shown(pair), _equal(name, found)) for name, pair in found.outcome.metrics.items()]
    rows += [(name, *_shown(pair), "no") for name, pair in found.outcome.parameters.items()]
    console.print(table(title, ("", "then", "now", "equal"), rows))
    console.print(require_equal(found).sentence, markup=False)


def _train(contract: Contract, settings: Settings, data_version: str | None, reason: str, shift: bool) -> None:
    from training.evaluation.evaluate import evaluate
    from training.gate.judge import judge
    from training.package import package
    from training.plan import plan
    from training.register import register
    from training.vote import fit_all

    planned = plan(contract, settings, run_name("train"), data_version, reason, shift=shift)
    fitted = fit_all(contract, settings, planned)
    title = f"{contract.name}: candidates by cross-validation within the training rows of {planned.data_version}"
    names = [name for name in _METRICS if any(name in one.metrics for one in fitted)]
    rows = [(one.candidate, *(one.metrics.get(name, "") for name in names), one.trials, one.seconds) for one in fitted]
    columns = ("candidate", *(_METRICS[name] for name in names), "trials", "seconds")
    console.print(table(title, columns, rows))
    evaluated = evaluate(contract, settings, planned, fitted)
    packaged = package(contract, settings, planned, evaluated)
    decision = judge(contract, settings, planned, evaluated, packaged)
    registered = register(contract, settings, planned, evaluated, packaged, decision)
    console.print(decision.sentence, markup=False)
    console.print(f"registered {registered.model} version {registered.version} as challenger")


def _shown(pair: tuple[Any, Any]) -> tuple[str, ...]:
    return tuple("" if value is None else f"{value:.12g}" if isinstance(value, float) else value for value in pair)


def _equal(name: str, found: Any) -> str:
    return "no" if name in found.outcome.differing else "yes"
