"""The report of one run: a page for people, JSON for programs, and a point in Evidently's history."""

from typing import Any

from upath import UPath

from monitoring.contents import contents
from monitoring.findings import Findings
from monitoring.gather import Gathered
from monitoring.trend import SUMMARY, trend
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes, write_json


class Reported(Section):
    """Where the report is."""

    html_uri: str
    json_uri: str
    ui_url: str | None  # the model's project in Evidently's UI service; None where no service is set


def report(
    contract: Contract, settings: Settings, run: str, gathered: Gathered, findings: Findings, verdict: Verdict
) -> Reported:
    """Write the report and add the run to the history; a repeated run replaces its report and adds nothing.

    Raises:
        MonitoringError: when Evidently's UI service cannot be reached. The report is stored by then.
    """
    from monitoring.history import add_to_history  # Evidently takes seconds to import
    from monitoring.snapshot import load, summarise

    folder = storage(settings, "reports", contract.name, run)
    snapshots = {what: load(UPath(uri).read_text(encoding="utf-8")) for what, uri in findings.snapshots.items()}
    # One page of Evidently's, of live traffic where there is any: each is 4 MB, and its history shows all of them.
    pages = {what: snapshot.get_html_str(as_iframe=False) for what, snapshot in list(snapshots.items())[:1]}
    page = contents(contract, run, gathered, findings, verdict, pages)
    html_uri = write_bytes(folder / "report.html", page.encode())
    json_uri = write_json(folder / "report.json", _summary(contract, run, gathered, findings, verdict))
    labels = {"timestamp": gathered.until, "tags": [SUMMARY], "metadata": {"run": run, "verdict": verdict.status}}
    summary = summarise(trend(contract, findings), labels)
    ui_url = add_to_history(settings, contract, [summary, *snapshots.values()])
    return Reported(html_uri=html_uri, json_uri=json_uri, ui_url=ui_url)


def _summary(
    contract: Contract, run: str, gathered: Gathered, findings: Findings, verdict: Verdict
) -> dict[str, str | dict[str, Any]]:
    parts = {"verdict": verdict, "gathered": gathered, "findings": findings}
    sections = {name: part.model_dump(mode="json") for name, part in parts.items()}
    return {"model": contract.name, "run": run, **sections}
