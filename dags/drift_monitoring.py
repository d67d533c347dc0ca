"""`<model>.drift_monitoring`: what happened, against the training data of what is served. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.errors import NothingToDo
from pipeline.settings import load_settings

DOC = """
### Drift monitoring

Compares live traffic and newly ingested data with the training data **of the version that is served**, and live
predictions with the truth that has arrived. Ends with one verdict and its reasons, and a report (the *Report* tab of
the run).

Asks for a retraining where the verdict calls for one, or where no model is released yet; `request_retraining` is
*skipped* with its reason where none is asked for.
"""


def build(contract: Contract) -> Any:
    """Return the contract's monitoring DAG."""
    data, request = wiring.data_asset(contract), wiring.request_asset(contract)
    version = Param(None, type=["null", "string"], title="Data version", description="Empty: the newest one")

    @dag(
        dag_id=f"{contract.name}.drift_monitoring",
        schedule=wiring.on_asset_and_clock(data, contract.monitoring.schedule),
        params={"data_version": version},
        **wiring.dag_options(contract, "Drift monitoring", DOC),
    )
    def drift_monitoring() -> None:
        @stage
        def gather(
            *, params: Any = None, dag_run: Any = None, run_id: Any = None, triggering_asset_events: Any = None
        ) -> Any:
            from monitoring import gather

            version = wiring.event_extra(triggering_asset_events, data).get("version") or params["data_version"]
            return gather.gather(contract, load_settings(), run_key(run_id), dag_run.run_after, version)

        @stage
        def analyse(gathered: dict[str, Any], *, run_id: Any = None) -> Any:
            from monitoring import analyse, gather

            return analyse.analyse(contract, load_settings(), run_key(run_id), gather.Gathered(**gathered))

        @stage
        def conclude(findings: dict[str, Any]) -> Any:
            from monitoring import findings as found
            from monitoring import verdict

            return verdict.verdict(contract, found.Findings(**findings))

        @stage
        def report(
            gathered: dict[str, Any],
            findings: dict[str, Any],
            verdict_: dict[str, Any],
            *,
            run_id: Any = None,
            ti: Any = None,
        ) -> Any:
            from monitoring import findings as found
            from monitoring import gather, report, verdict

            refs = (gather.Gathered(**gathered), found.Findings(**findings), verdict.Verdict(**verdict_))
            reported = report.report(contract, load_settings(), run_key(run_id), *refs)
            ti.xcom_push("history_url", reported.ui_url)
            return reported

        @stage(outlets=[request])
        def request_retraining(verdict: dict[str, Any], gathered: dict[str, Any], *, outlet_events: Any = None) -> Any:
            if not verdict["retrain"]:
                raise NothingToDo(f"no retraining is asked for: the verdict is {verdict['status']!r}")
            outlet_events[request].extra = {
                "reason": verdict["retrain"],
                "data_version": gathered["data_version"],
                "shift": verdict["shift"],
            }
            return verdict["retrain"]

        gathered = gather()
        findings = analyse(gathered)
        verdict = conclude(findings)
        report(gathered, findings, verdict) >> request_retraining(verdict, gathered)

    return drift_monitoring()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
