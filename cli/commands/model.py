"""`mlops train`, `monitor` and `serve`: the stages that are about one model, without Airflow."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.commands.options import Model, run_name
from cli.console import command, console, contract_of, table
from pipeline.settings import load_settings

DataVersion = Annotated[str | None, typer.Option(help="Such as data-v1.0.0; without it, the newest.")]


@command
def train(
    model: Model = None,
    data_version: DataVersion = None,
    reason: Annotated[str, typer.Option(help="Kept with the model version.")] = "asked for by hand",
) -> None:
    """Fit the candidates, prove the best one, let the gate judge, and register it as challenger."""
    from training.evaluate import evaluate
    from training.fit import fit_candidate
    from training.gate import judge
    from training.package import package
    from training.plan import plan
    from training.register import register

    settings = load_settings()
    contract = contract_of(settings, model)
    planned = plan(contract, settings, run_name("train"), data_version, reason)
    fitted = [fit_candidate(contract, settings, planned, name) for name in planned.candidates]
    columns = ("candidate", "MAE", "RMSE", "R2", "seconds")
    rows = [
        (one.candidate, *(one.metrics.get(name, "") for name in ("mae", "rmse", "r2")), one.seconds) for one in fitted
    ]
    console.print(table(f"{contract.name}: validation rows of {planned.data_version}", columns, rows))
    evaluated = evaluate(contract, settings, planned, fitted)
    packaged = package(contract, settings, planned, evaluated)
    decision = judge(contract, evaluated, packaged)
    registered = register(contract, settings, planned, evaluated, packaged, decision)
    console.print(f"{decision.sentence}\nregistered {registered.model} version {registered.version} as challenger")


@command
def monitor(model: Model = None, data_version: DataVersion = None) -> None:
    """Compare what happened with the training data of what is served, and write the report."""
    from monitoring.analyse import analyse
    from monitoring.gather import gather
    from monitoring.report import report
    from monitoring.verdict import verdict

    settings = load_settings()
    contract, run = contract_of(settings, model), run_name("monitor")
    gathered = gather(contract, settings, run, datetime.now(UTC), data_version)
    findings = analyse(contract, settings, run, gathered)
    concluded = verdict(contract, findings)
    reported = report(contract, settings, run, gathered, findings, concluded)
    console.print(f"{contract.name}: [bold]{concluded.status}[/]")
    for reason in concluded.reasons:
        console.print(f"  - {reason}", markup=False)
    console.print(f"report: {reported.html_uri}")


@command
def serve(model: Model = None) -> None:
    """Run the prediction service in the foreground."""
    from serving.service.__main__ import main

    sys.argv = ["mlops serve", contract_of(load_settings(), model).name]
    main()
