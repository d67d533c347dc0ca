"""`<model>.model_deployment`: release a model version and make what runs follow. One DAG per contract."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import trial, wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Model deployment

Makes a registered model version what is live. Runs by itself on every challenger.

`evidence` checks that the version loads, and gathers challenger against champion; where the contract says
`approval: manual`, `ask` waits for a person to approve or refuse on that (*Required Actions*); `approve` keeps the
approval with the model version; where the contract has a `release.trial`, `trial` lets the version stand beside the
live one, as a shadow or a canary, and fails the run where a limit is exceeded; `release` packages it and commits it to
the GitOps repository; `verify` waits until the service reports the version, compares its answers on the bundle's smoke
rows, and only then moves the alias *champion*. What fails there is taken back by another commit, and the run fails with
the reason.

**Rollback**: trigger it with the number of an earlier version, and say why. A version that was live before needs no new
approval.
"""
_RUNS_AT_ONCE = 16  # where people or trials are waited for: a rollback must not queue behind them


def _form(contract: Contract) -> dict[str, Param]:
    version = Param(
        None, type=["null", "integer"], minimum=1, title="Model version", description="Empty: the newest challenger"
    )
    reason = Param("asked for by hand", type="string", title="Reason", description="Kept in the release commit")
    return {"version": version, "reason": reason} | (trial.FORM if contract.release.trial else {})


def _options(contract: Contract) -> dict[str, Any]:
    options = wiring.dag_options(contract, "Model deployment", DOC)
    if contract.release.approval == "manual":
        options["dagrun_timeout"] += timedelta(hours=contract.release.timeout_hours)
        options["max_active_runs"] = _RUNS_AT_ONCE
    if contract.release.trial:
        options["dagrun_timeout"] += trial.lasts(contract.release.trial)
        options["max_active_runs"] = _RUNS_AT_ONCE
    return options


def build(contract: Contract) -> Any:
    """Return the contract's deployment DAG."""
    challenger = wiring.challenger_asset(contract)

    @dag(
        dag_id=f"{contract.name}.model_deployment",
        schedule=[challenger],
        params=_form(contract),
        **_options(contract),
    )
    def model_deployment() -> None:
        @stage
        def evidence(
            *, params: Any = None, dag_run: Any = None, run_id: Any = None, triggering_asset_events: Any = None
        ) -> Any:
            from serving import proposal

            event = wiring.event_extra(triggering_asset_events, challenger)
            reason = None if event else params["reason"]  # a challenger is released for what its gate said
            who = (reason, dag_run.triggering_user_name or proposal.OPERATOR)
            version = event.get("version") or params["version"]
            return proposal.propose(contract, load_settings(), run_key(run_id), version, *who)

        @stage(trigger_rule="none_failed_min_one_success")  # `ask` is skipped where nobody has to be asked
        def approve(found: dict[str, Any], answer: Any, *, dag_run: Any = None) -> Any:
            from serving import approval, proposal

            proposed = proposal.Proposal(**found)
            given = approval.given(answer, proposed, dag_run.run_after)
            return approval.settle(load_settings(), proposed, given)

        @stage(trigger_rule="none_failed_min_one_success")  # `trial` is skipped where none is needed
        def release(approved: dict[str, Any], *, run_id: Any = None) -> Any:
            from pipeline.release_log import Release
            from serving import release

            return release.deploy(contract, load_settings(), Release(**approved), run_key(run_id))

        @stage
        def verify(released: dict[str, Any]) -> Any:
            from pipeline.release_log import Release
            from serving import verify

            return verify.verify(load_settings(), Release(**released))

        found, answer = evidence(), None
        if contract.release.approval == "manual":
            from dags.approval import ask_for_approval

            asked = ask_for_approval(contract)
            found >> asked
            answer = asked.output
        approved = approve(found, answer)
        released = release(approved)
        if contract.release.trial:
            trial.try_out(contract, contract.release.trial, approved) >> released
        verify(released)

    return model_deployment()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
