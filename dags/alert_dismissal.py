"""`<model>.alert_dismissal`: keep a condition silent, with a reason. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import wiring
from dags.wiring import stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Alert dismissal

Keeps the alert of a condition silent until the condition changes (it becomes graver, or concerns something else as
well), or until a day has passed. Who dismissed it, when and why is kept with the condition. Alerts link to this form.
"""


def build(contract: Contract) -> Any:
    """Return the contract's DAG that dismisses alerts."""
    params = {
        "condition": Param(
            "", type="string", minLength=1, title="Condition", description="As the alert names it, such as input drift"
        ),
        "reason": Param("", type="string", minLength=1, title="Reason", description="For whoever comes next"),
        "until": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Until",
            description="The last day of silence. Empty: until the condition changes",
        ),
    }

    @dag(
        dag_id=f"{contract.name}.alert_dismissal",
        schedule=None,
        params=params,
        **wiring.dag_options(contract, "Alert dismissal", DOC),
    )
    def alert_dismissal() -> None:
        @stage
        def dismiss(*, params: Any = None, dag_run: Any = None) -> Any:
            from monitoring.alerts import state

            who, at = dag_run.triggering_user_name or "somebody", dag_run.run_after
            given = state.Dismissal(who=who, reason=params["reason"], at=at, until=params["until"])
            return state.dismiss(load_settings(), contract.name, params["condition"], given)

        dismiss()

    return alert_dismissal()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
