"""What the DAG files share: assets, defaults, and the door between Airflow's world and the stages'."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronDataIntervalTimetable, CronTriggerTimetable, task
from airflow.sdk import Connection as AirflowConnection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException
from pydantic import BaseModel

from dags import notify
from pipeline.contract import Contract
from pipeline.errors import NothingToDo, PipelineError

log = logging.getLogger(__name__)


def data_asset(contract: Contract) -> Asset:
    """A new data version; its events carry `version`."""
    return Asset(name=f"{contract.name}.data")


def request_asset(contract: Contract) -> Asset:
    """A request to train; its events carry `reason` and `data_version`."""
    return Asset(name=f"{contract.name}.retraining_request")


def challenger_asset(contract: Contract) -> Asset:
    """A registered model version that passed the gate; its events carry `version`."""
    return Asset(name=f"{contract.name}.challenger")


def dag_options(contract: Contract, title: str, doc: str) -> dict[str, Any]:
    """Return what every DAG says of itself."""
    return {
        "dag_display_name": f"{contract.title or contract.name}: {title}",
        "description": f"{title} by contracts/{contract.name}.yaml",
        "doc_md": doc,
        "tags": ["mlops", contract.name],
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": timedelta(hours=6),
        "on_success_callback": notify.on_success(contract),
        "default_args": {
            "owner": contract.owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=10),
            "execution_timeout": timedelta(hours=2),
            "on_failure_callback": notify.on_failure(contract),
        },
    }


def each_interval(expression: str | None) -> Any:
    """Return a schedule whose runs have a data interval (those of a plain cron string have none in Airflow 3)."""
    return expression and CronDataIntervalTimetable(expression, timezone="UTC")


def on_asset_and_clock(asset: Asset, expression: str | None) -> Any:
    """Return a schedule of an asset's events and, where there is an expression, of points in time.

    Points, not intervals: an interval that ended before the DAG was there would be run as soon as it is, beside what
    is going on at that moment.
    """
    if expression is None:
        return [asset]
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(expression, timezone="UTC"), assets=[asset])


def stage(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a task of a function that calls a stage: references become JSON, expected errors become Airflow's."""
    if function is None:
        return lambda body: stage(body, **options)

    @wraps(function)
    def guarded(*arguments: Any, **named: Any) -> Any:
        with door():
            result = function(*arguments, **named)
        content = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
        log.info("result: %s", content)
        return content

    return task(multiple_outputs=False, **options)(guarded)


@contextmanager
def door() -> Iterator[None]:
    """Skip where there is nothing to do, fail at once where trying again cannot help, let Airflow retry the rest."""
    try:
        yield
    except NothingToDo as reason:
        log.info("skipped: %s", reason)
        raise AirflowSkipException(str(reason)) from None
    except PipelineError as error:
        if error.transient:
            raise
        raise AirflowFailException(str(error)) from None


def run_key(run_id: str) -> str:
    """Return a run's id in a form that is a file name and an object key everywhere."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", run_id)


def connection_of(contract: Contract) -> Any:
    """Return the Airflow connection that the contract names, as a `pipeline.connection.Connection`; in tasks only.

    None where the contract names none, or Airflow has none of that name: the settings may have it. What is called
    *Extra* in Airflow's form are the options.
    """
    from pipeline.connection import Connection

    if contract.ingestion.connection is None:
        return None
    try:
        found = AirflowConnection.get(contract.ingestion.connection)
    except AirflowNotFoundException:
        return None
    return Connection(login=found.login or "", password=found.password or "", options=found.extra_dejson)


def event_extra(events: Any, asset: Asset) -> dict[str, Any]:
    """Return what the newest event that triggered this run carries; empty in a manual run."""
    found = events[asset] if asset in events else []  # noqa: SIM401 (in a worker this is no dict and has no get)
    return dict(found[-1].extra) if found else {}
