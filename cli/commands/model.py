"""`mlops monitor` and `mlops serve`: the stages that are about a model that is live, without Airflow."""

import sys
from datetime import UTC, datetime

from cli.commands.options import DataVersion, DryRun, Model, run_name
from cli.console import command, console, contract_of
from pipeline.settings import load_settings


@command
def monitor(model: Model = None, data_version: DataVersion = None, dry_run: DryRun = False) -> None:
    """Compare what happened with the training data of what is served, decide on a retraining, and write the report.

    Alerts go to the log alone, and a retraining is yours to start: `mlops train`.
    """
    from monitoring.alerts.tell import Log, tell_of_run
    from monitoring.analyse import analyse
    from monitoring.gather import gather
    from monitoring.report import report
    from monitoring.retraining.recall import recall, settle
    from monitoring.verdict import verdict

    settings = load_settings()
    contract, run = contract_of(settings, model), run_name("monitor")
    gathered = gather(contract, settings, run, datetime.now(UTC), data_version)
    findings = analyse(contract, settings, run, gathered)
    concluded = verdict(contract, findings)
    decision = settle(contract, settings, run, gathered, concluded, dry_run=dry_run)
    reported = report(contract, settings, run, gathered, findings, concluded, decision)
    console.print(f"{contract.name}: [bold]{concluded.status}[/]")
    for reason in concluded.reasons:
        console.print(f"  - {reason.view}: {reason.sentence}", markup=False)
    console.print(f"retraining: {decision.reason}", markup=False)
    console.print(f"report: {reported.html_uri}")
    past = recall(contract, settings, run, gathered)
    tell_of_run(contract, settings, [Log()], gathered, concluded, past, reported.html_uri)


@command
def serve(model: Model = None) -> None:
    """Run the prediction service in the foreground."""
    from serving.service.__main__ import main

    sys.argv = ["mlops serve", contract_of(load_settings(), model).name]
    main()
