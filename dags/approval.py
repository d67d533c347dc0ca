"""The form on which a person approves a version or refuses it."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from pipeline.contract import Contract

# As in serving/approval.py, which takes seconds to import; a test holds them together.
APPROVE, REFUSE, REASON = "Approve", "Refuse", "reason"


class Ask(HITLOperator):
    """Waits for a person's answer in the state `awaiting_input`; skipped where the proposal needs none."""

    def execute(self, context: Any) -> Any:
        """Show the form, unless nobody has to be asked."""
        if not context["ti"].xcom_pull(task_ids="evidence")["ask"]:
            raise AirflowSkipException("this version was live before: who asked for it answers for it")
        return super().execute(context)


def ask_for_approval(contract: Contract) -> Ask:
    """Return the task that asks by the contract: whom, and for how long; without an answer it is a refusal."""
    found = "ti.xcom_pull(task_ids='evidence')"
    who = [{"id": name, "name": name} for name in contract.release.approvers]
    reason = Param(
        "", type="string", title="Reason", description="Kept with the model version and in the release commit"
    )
    return Ask(
        task_id="ask",
        subject=f"Release {contract.name} version {{{{ {found}['release']['version'] }}}}?",
        body=f"{{{{ {found}['form'] }}}}",
        options=[APPROVE, REFUSE],
        defaults=REFUSE,
        params={REASON: reason},
        assigned_users=who or None,
        response_timeout=timedelta(hours=contract.release.timeout_hours),
    )
