"""`<model>.model_reproduction`: train a version again, and say whether that gives the same. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Model reproduction

Trains a registered model version again from exactly what it was made from: its data version, code, contract, lock, seed
and number of tuning trials. It succeeds where all metrics and all predictions of held-out rows are equal (relative
difference at most 1e-9), and fails with the difference where they are not. Nothing is registered: what was trained is
kept in MLflow, in a run that is called *reproduce version N*.

Where this Airflow's code, contract, lock or libraries are not those of the version, it **stops** before it trains, and
the log holds the commands that set the right checkout up and reproduce the version there. *Anyway* trains all the same,
and says so.
"""


def build(contract: Contract) -> Any:
    """Return the contract's reproduction DAG."""
    params = {
        "version": Param(
            type="integer", minimum=1, title="Model version", description="The registered version to train again"
        ),
        "anyway": Param(
            False,
            type="boolean",
            title="Anyway",
            description="Train here even where not all is as it was when the version was made",
        ),
    }

    @dag(
        dag_id=f"{contract.name}.model_reproduction",
        schedule=None,
        params=params,
        **wiring.dag_options(contract, "Model reproduction", DOC),
    )
    def model_reproduction() -> None:
        @stage
        def reproduce(*, params: Any = None, run_id: Any = None, ti: Any = None) -> Any:
            from pipeline.model_registry import run_url
            from training import reproduce, reproduction

            settings = load_settings()
            refs = (params["version"], run_key(run_id))
            found = reproduce.reproduce(contract, settings, *refs, anyway=params["anyway"])
            ti.xcom_push("mlflow_url", run_url(settings, found.run_id))
            return reproduction.require_equal(found)

        reproduce()

    return model_reproduction()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
