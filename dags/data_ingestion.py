"""`<model>.data_ingestion`: collect a window, validate it, publish it as a data version. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.errors import NothingToDo
from pipeline.settings import load_settings

DOC = """
### Data ingestion

Takes the rows of one **window** from the source, checks each against the contract, and publishes them as the next
version of the data registry (`data-vMAJOR.MINOR.PATCH`). One bad row refuses the batch; what is wrong stands at the end
of the log of `validate`. A window that was published already with the same content makes no new version.

A new version triggers *drift monitoring*.
"""


def build(contract: Contract) -> Any:
    """Return the contract's ingestion DAG."""
    data = wiring.data_asset(contract)
    source = Param(None, type=["null", "string"], title="Source", description=f"Empty: {contract.ingestion.source}")

    @dag(
        dag_id=f"{contract.name}.data_ingestion",
        schedule=wiring.each_interval(contract.ingestion.schedule),
        params={**wiring.window_params(contract), "source": source},
        **wiring.dag_options(contract, "Data ingestion", DOC),
    )
    def data_ingestion() -> None:
        @stage
        def collect(*, params: Any = None, dag_run: Any = None, run_id: Any = None) -> Any:
            from ingestion import collect

            window = wiring.window_of(contract, params, dag_run)
            return collect.collect(contract, load_settings(), run_key(run_id), window, params["source"])

        @stage
        def validate(collected: dict[str, Any], *, run_id: Any = None) -> Any:
            from ingestion import collect, validate

            given = collect.Collected(**collected)
            return validate.validate(contract, load_settings(), run_key(run_id), given)

        @stage
        def publish(validated: dict[str, Any]) -> Any:
            from ingestion import publish, validate

            return publish.publish(contract, load_settings(), validate.Validated(**validated))

        @stage(outlets=[data])
        def announce(version: dict[str, Any], *, outlet_events: Any = None) -> Any:
            if not version["created"]:
                raise NothingToDo(f"{version['version']} holds the same rows already: nothing new to announce")
            outlet_events[data].extra = {"version": version["version"], "rows": version["rows"]}
            return version["version"]

        announce(publish(validate(collect())))

    return data_ingestion()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
