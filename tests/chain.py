"""The chain of the demo, stage by stage and without Airflow, against the real service; for tests of all kinds."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.validate import Validated, validate
from monitoring.analyse import analyse
from monitoring.findings import Findings
from monitoring.gather import gather
from monitoring.report import Reported, report
from monitoring.verdict import Verdict, verdict
from pipeline.contract import Contract, Window
from pipeline.data_registry import DataVersion
from pipeline.records import to_record
from pipeline.settings import Settings
from serving.client import ServiceClient
from serving.reconcile import reconcile
from serving.release import evidence, release
from training.evaluation.evaluate import evaluate
from training.gate.judge import judge
from training.package import package
from training.plan import plan
from training.register import Challenger, register
from training.vote import fit_all


@dataclass(frozen=True)
class Lived:
    """What one turn of the loop left."""

    challenger: Challenger
    rows: pd.DataFrame
    findings: Findings
    verdict: Verdict
    reported: Reported


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def settings_for(project: Path) -> Settings:
    """Return the settings of a project folder: MLflow without a server, no reports UI, a free port."""
    return Settings(
        project_dir=project,
        mlflow_uri=f"sqlite:///{project}/mlflow.db",
        reports_uri="",
        serving_port=free_ports(1)[0],
        ready_seconds=40,
    )


@contextmanager
def served(settings: Settings, model: str) -> Iterator[ServiceClient]:
    """Run the real service, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")} | {
        "MLOPS_PROJECT_DIR": str(settings.project_dir),
        "MLOPS_SERVING_PORT": str(settings.serving_port),
    }
    process = subprocess.Popen([sys.executable, "-m", "serving.service", model], env=environment)
    try:
        with ServiceClient(settings.place("service_uri", model)) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)


def ingest(contract: Contract, settings: Settings, window: Window) -> tuple[Validated, DataVersion]:
    """Collect, validate and publish a window."""
    valid = validate(contract, settings, window.id, collect(contract, settings, window.id, window))
    return valid, publish(contract, settings, valid)


def train(contract: Contract, settings: Settings) -> Challenger:
    """Train on the newest data version and register the best candidate."""
    planned = plan(contract, settings, "run", None, "first")
    fitted = fit_all(contract, settings, planned)
    evaluated = evaluate(contract, settings, planned, fitted)
    packaged = package(contract, settings, planned, evaluated)
    decision = judge(contract, settings, planned, evaluated, packaged)
    return register(contract, settings, planned, evaluated, packaged, decision)


def deploy(contract: Contract, settings: Settings, challenger: Challenger) -> None:
    """Release a version and make the running service follow."""
    release(settings, evidence(contract, settings, challenger.version, None))
    reconcile(settings, contract.name)


def live_the_loop(contract: Contract, settings: Settings) -> Lived:
    """Ingest the history, train, deploy, replay live traffic with its truth, ingest it, monitor."""
    assert contract.demo is not None
    ingest(contract, settings, contract.demo.history)
    challenger = train(contract, settings)
    with served(settings, contract.name) as service:
        deploy(contract, settings, challenger)
        valid, second = ingest(contract, settings, contract.demo.replay)
        rows = pd.read_parquet(valid.uri)
        ids = [service.predict(to_record(contract, dict(row)))["id"] for row in rows.to_dict("records")]
        actual = rows[contract.target.name].astype(float)
        service.actuals([{"prediction_id": id_, "actual": value} for id_, value in zip(ids, actual, strict=True)])
    gathered = gather(contract, settings, "watch", datetime.now(UTC) + timedelta(seconds=1), second.version)
    findings = analyse(contract, settings, "watch", gathered)
    concluded = verdict(contract, findings)
    reported = report(contract, settings, "watch", gathered, findings, concluded)
    return Lived(challenger, rows, findings, concluded, reported)
