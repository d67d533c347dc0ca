"""`<model>.model_deployment`: release a model version and make what runs follow. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import wiring
from dags.wiring import stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Model deployment

Makes a registered model version what is live: `evidence` looks up what is known of it, `release` commits it to the
GitOps repository, `reconcile` makes the service follow, compares its answers on the bundle's smoke rows, and only then
moves the alias *champion*. Runs by itself on every challenger.

**Rollback**: trigger it with the number of an earlier version, and say why.
"""


def build(contract: Contract) -> Any:
    """Return the contract's deployment DAG."""
    challenger = wiring.challenger_asset(contract)
    params = {
        "version": Param(
            None, type=["null", "integer"], minimum=1, title="Model version", description="Empty: the newest challenger"
        ),
        "reason": Param("asked for by hand", type="string", title="Reason", description="Kept in the release commit"),
    }

    @dag(
        dag_id=f"{contract.name}.model_deployment",
        schedule=[challenger],
        params=params,
        **wiring.dag_options(contract, "Model deployment", DOC),
    )
    def model_deployment() -> None:
        @stage
        def evidence(*, params: Any = None, triggering_asset_events: Any = None) -> Any:
            from serving import release

            event = wiring.event_extra(triggering_asset_events, challenger)
            reason = None if event else params["reason"]  # a challenger is released for what its gate said
            return release.evidence(contract, load_settings(), event.get("version") or params["version"], reason)

        @stage
        def release(proposed: dict[str, Any]) -> Any:
            from pipeline.release_log import Release
            from serving import release

            return release.release(load_settings(), Release(**proposed))

        @stage
        def reconcile(committed: dict[str, Any]) -> Any:
            from serving import reconcile

            return reconcile.reconcile(load_settings(), committed["model"])

        reconcile(release(evidence()))

    return model_deployment()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
