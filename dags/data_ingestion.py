"""`<model>.data_ingestion`: collect a window, validate it, publish it as a data version. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import dag

from dags import form, wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.errors import NothingToDo
from pipeline.settings import load_settings

DOC = """
### Data ingestion

Takes the rows of one **window** from the source, checks each against the contract, and publishes those that keep it as
the next version of the data registry (`data-vMAJOR.MINOR.PATCH`). Rows that break it go to **quarantine**, each with
its reasons; when they are too many (`ingestion.quarantine_limit` of the contract), the run fails in `validate` and
publishes nothing. The *Report* tab of the run shows what came in and what was refused, and has the quarantine as CSV.

| what happens | what you see |
|---|---|
| new rows | the next minor version, which triggers *drift monitoring* |
| a window that was published already, with the same rows | the same version; `announce` is skipped |
| a window that was published already, with other rows | a patch version that replaces its rows |
| no rows in the window | all tasks are skipped; the log of `collect` has the reason; the run succeeds |

**By hand**: *Trigger*, with a window and, if you like, another source. **By the clock**: each run takes its data
interval. **Back-fill**, one run at a time, from the oldest window on:

    airflow backfill create --dag-id <this DAG> --from-date 2006-01-01 --to-date 2010-12-31 --max-active-runs 1

Credentials are the Airflow connection that the contract names under `ingestion.connection`.
"""


def build(contract: Contract) -> Any:
    """Return the contract's ingestion DAG."""
    data = wiring.data_asset(contract)

    @dag(
        dag_id=f"{contract.name}.data_ingestion",
        schedule=wiring.each_interval(contract.ingestion.schedule),
        params={**form.window_params(contract), "source": form.source_param(contract)},
        **wiring.dag_options(contract, "Data ingestion", DOC),
    )
    def data_ingestion() -> None:
        @stage
        def collect(*, params: Any = None, dag_run: Any = None, run_id: Any = None) -> Any:
            from ingestion import collect

            window = form.window_of(contract, params, dag_run)
            refs = (run_key(run_id), window, params["source"])
            return collect.collect(contract, load_settings(), *refs, connection=wiring.connection_of(contract))

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
