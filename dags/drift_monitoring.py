"""`<model>.drift_monitoring`: what happened, against the training data of what is served. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import notify, wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Drift monitoring

Compares live traffic and newly ingested data with the training data **of the version that is served**, and live
predictions with the truth that has arrived. Ends with one verdict and its reasons, and a report (the *Report* tab of
the run).

`decide` says whether to ask for a retraining: performance first, drift second, growth of the labelled rows third, and
every guard of the contract must let it pass; `request_retraining` is *skipped* with the reason where none is asked for.
Where no model is released yet, a first training is asked for. *Dry run* says what would be asked for, and asks nothing.

`alert` tells people what is new: once when a condition opens, when it changes, and when it is gone.
"""


def build(contract: Contract) -> Any:  # noqa: C901 (it lists the tasks, one after the other)
    """Return the contract's monitoring DAG."""
    data, request = wiring.data_asset(contract), wiring.request_asset(contract)
    params = {
        "data_version": Param(None, type=["null", "string"], title="Data version", description="Empty: the newest one"),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Say what would be asked for, and ask for no retraining"
        ),
    }

    @dag(
        dag_id=f"{contract.name}.drift_monitoring",
        schedule=wiring.on_asset_and_clock(data, contract.monitoring.schedule),
        params=params,
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
        def decide(
            gathered: dict[str, Any], verdict_: dict[str, Any], *, params: Any = None, run_id: Any = None
        ) -> Any:
            from monitoring import gather, verdict
            from monitoring.retraining import recall

            refs = (run_key(run_id), gather.Gathered(**gathered), verdict.Verdict(**verdict_))
            return recall.settle(contract, load_settings(), *refs, dry_run=params["dry_run"])

        @stage
        def report(
            gathered: dict[str, Any],
            findings: dict[str, Any],
            verdict_: dict[str, Any],
            decision: dict[str, Any],
            *,
            run_id: Any = None,
            ti: Any = None,
        ) -> Any:
            from monitoring import findings as found
            from monitoring import gather, report, verdict
            from monitoring.retraining.decide import Decision

            refs = (gather.Gathered(**gathered), found.Findings(**findings), verdict.Verdict(**verdict_))
            decided = Decision(**decision)
            reported = report.report(contract, load_settings(), run_key(run_id), *refs, decided)
            ti.xcom_push("history_url", reported.ui_url)
            return reported

        @stage
        def alert(
            gathered: dict[str, Any], verdict_: dict[str, Any], *, run_id: Any = None, dag_run: Any = None
        ) -> Any:
            from monitoring import gather, verdict
            from monitoring.alerts import links, tell
            from monitoring.retraining import recall

            settings, at = load_settings(), gather.Gathered(**gathered)
            past = recall.recall(contract, settings, run_key(run_id), at)
            page = links.report_page(settings, dag_run.dag_id, run_id)
            refs = (at, verdict.Verdict(**verdict_), past, page)
            return tell.tell_of_run(contract, settings, notify.channels(settings), *refs)

        @stage(outlets=[request])
        def request_retraining(decision: dict[str, Any], *, outlet_events: Any = None) -> Any:
            from monitoring.retraining.decide import Decision, request_of

            decided = Decision(**decision)
            outlet_events[request].extra = request_of(decided)
            return decided.reason

        gathered = gather()
        findings = analyse(gathered)
        verdict = conclude(findings)
        decision = decide(gathered, verdict)
        report(gathered, findings, verdict, decision) >> [request_retraining(decision), alert(gathered, verdict)]

    return drift_monitoring()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
