"""The report of one run: a page for people, Evidently's pages and JSON beside it, and a point in the history."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from upath import UPath

from monitoring.alerts.conditions import VIEWS, Condition
from monitoring.alerts.links import runbook
from monitoring.alerts.state import read_known
from monitoring.evidently.trend import TAG, trend
from monitoring.findings import Findings
from monitoring.gather import Gathered
from monitoring.leftovers import forget
from monitoring.page.contents import REPORT, SUMMARY, contents
from monitoring.page.parts import Run
from monitoring.retraining.decide import Decision
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes, write_json

if TYPE_CHECKING:  # Evidently takes seconds to import
    from monitoring.evidently.snapshot import Snapshot


class Reported(Section):
    """Where the report is."""

    html_uri: str
    json_uri: str
    ui_url: str | None  # the model's project in Evidently's UI service; None where no service is set


def report(
    contract: Contract,
    settings: Settings,
    run: str,
    gathered: Gathered,
    findings: Findings,
    verdict: Verdict,
    decision: Decision | None = None,
) -> Reported:
    """Write the report and add the run to the history; a repeated run replaces its report and adds nothing.

    Reports that are older than the settings keep them go.

    Raises:
        MonitoringError: when Evidently's UI service cannot be reached. The report is stored by then.
    """
    from monitoring.evidently.history import add_to_history
    from monitoring.evidently.snapshot import load, summarise

    folder = storage(settings, "reports", contract.name, run)
    snapshots = {what: load(UPath(uri).read_text(encoding="utf-8")) for what, uri in findings.snapshots.items()}
    told = Run(contract, run, gathered, findings, verdict, decision, _evidently(folder, snapshots))
    told = _with_links(told, settings)
    html_uri = write_bytes(folder / REPORT, contents(told).encode())
    json_uri = write_json(folder / SUMMARY, _summary(told))
    labels = {"timestamp": gathered.until, "tags": [TAG], "metadata": {"run": run, "verdict": verdict.status}}
    summary = summarise(trend(contract, findings, verdict), labels)
    ui_url = add_to_history(settings, contract, [summary, *snapshots.values()])
    forget(settings, contract.name)
    return Reported(html_uri=html_uri, json_uri=json_uri, ui_url=ui_url)


def _evidently(folder: UPath, snapshots: "dict[str, Snapshot]") -> dict[str, str]:
    """Write Evidently's own pages, which load nothing, and return their names by what was compared."""
    names = {what: f"evidently-{what.replace(' ', '-')}.html" for what in snapshots}
    for what, snapshot in snapshots.items():
        write_bytes(folder / names[what], snapshot.get_html_str(as_iframe=False).encode())
    return names


def _with_links(run: Run, settings: Settings) -> Run:
    conditions = {view: Condition(key=view, severity="watch", sentence="") for view in VIEWS}
    known = read_known(settings, run.contract.name)
    silent = {view: one.dismissal for view, one in known.items() if one.dismissal and one.silent(run.gathered.until)}
    return replace(
        run,
        runbook={view: runbook(settings, condition) for view, condition in conditions.items()},
        dismissed={view: f"{given.who}: {given.reason}" for view, given in silent.items()},
    )


def _summary(run: Run) -> dict[str, Any]:
    gathered = run.gathered
    parts = {"verdict": run.verdict, "retraining": run.decision, "gathered": gathered, "findings": run.findings}
    return {
        "model": run.contract.name,
        "run": run.name,
        "version": gathered.served.version if gathered.served else None,
        "window": {"since": gathered.since.isoformat(), "until": gathered.until.isoformat()},
        "evidently": dict(run.pages),
        **{name: part.model_dump(mode="json") for name, part in parts.items() if part is not None},
    }
