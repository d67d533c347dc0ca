"""Back-fill by Airflow's own command: one version per quarter that has sales, and what becomes of corrections."""

import csv
import io
import subprocess
import time
from itertools import pairwise

import pandas as pd
import pytest

from cli.stack.airflow import environment
from cli.stack.services import program
from pipeline.batch_log import read_batches
from pipeline.contract import SPLIT, load_contracts
from pipeline.data_registry import DataRegistry
from tests.end_to_end.conftest import QUARTERS, wait_for

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]

DAG = f"{QUARTERS}.data_ingestion"
MONITORING = f"{QUARTERS}.drift_monitoring"
# Sales end in July 2010: the last quarter has none.
WINDOWS = ["2009-10-01_2010-01-01", "2010-01-01_2010-04-01", "2010-04-01_2010-07-01", "2010-07-01_2010-10-01"]
VERSIONS = ["data-v1.0.0", "data-v1.1.0", "data-v1.2.0", "data-v1.3.0"]


@pytest.fixture(scope="module")
def contract(told):
    return load_contracts(told.settings.contracts_dir)[QUARTERS]


@pytest.fixture(scope="module")
def registry(told, contract):
    return DataRegistry(told.settings, contract)


@pytest.fixture(scope="module")
def filled(told):
    """The runs of a back-fill over five quarters, in the order of their windows."""
    from cli.airflow_client import AirflowClient

    with AirflowClient(told.settings) as client:
        client.wait_for_dags([DAG, MONITORING])
        client._call("PATCH", f"/api/v2/dags/{MONITORING}", json={"is_paused": True})  # else each version would train
        create_backfill(told)
        yield ended(client)


def create_backfill(told, attempts=5):
    """Where the scheduler holds SQLite's lock, Airflow takes back what it began, and leaves the rest to people."""
    dates = ("--from-date", "2009-10-01", "--to-date", "2010-12-31", "--max-active-runs", "1")
    command = [program("airflow"), "backfill", "create", "--dag-id", DAG, *dates]
    for _ in range(attempts):
        ran = subprocess.run(command, env=environment(told.settings), capture_output=True, text=True, check=False)
        if "database is locked" not in ran.stderr:
            break
    assert ran.returncode == 0, ran.stderr[-3000:]


def ended(client, seconds=120):
    deadline = time.monotonic() + seconds
    while True:
        runs = [run for run in client.runs(DAG) if run["run_type"] == "backfill"]
        if len(runs) == len(WINDOWS) + 1 and all(run["state"] in ("success", "failed") for run in runs):
            return sorted(runs, key=lambda run: run["logical_date"])
        assert time.monotonic() < deadline, [(run["dag_run_id"], run["state"]) for run in runs]
        time.sleep(0.3)


def test_each_quarter_with_sales_gives_one_version_in_order(filled, airflow, registry):
    assert [run["state"] for run in filled] == ["success"] * 5
    announced = [airflow.result(DAG, run["dag_run_id"], "announce") for run in filled]
    assert announced == [*VERSIONS, None]
    assert registry.versions()[:4] == VERSIONS
    notes = registry.notes()[:4]
    assert [note.window for note in notes] == WINDOWS
    assert [note.window_rows for note in notes] == [111, 100, 233, 8]
    assert list(notes[-1].windows) == WINDOWS


def test_one_run_came_after_the_other(filled):
    assert all(before["end_date"] <= after["start_date"] for before, after in pairwise(filled))


def test_the_quarter_without_sales_is_skipped_with_its_reason(filled, airflow):
    last = filled[-1]["dag_run_id"]
    tasks = {task["task_id"]: task for task in airflow.tasks(DAG, last)}
    assert {task["state"] for task in tasks.values()} == {"skipped"}
    said = "\n".join(airflow.log(DAG, last, tasks["collect"]))
    assert "has no rows in the window 2010-10-01_2011-01-01" in said


def test_the_clock_itself_ran_nothing_but_the_quarter_before_which_has_no_rows(told, airflow):
    """A new stack runs the last whole interval, as Airflow does; here it is skipped and starts nothing."""
    for model in ("house_prices", QUARTERS):
        clocked = [run for run in airflow.runs(f"{model}.data_ingestion") if run["run_type"] == "scheduled"]
        assert len(clocked) <= 1
        for run in clocked:
            state, tasks = wait_for(airflow, run["dag_id"], run["dag_run_id"])
            assert (state, {task["state"] for task in tasks.values()}) == ("success", {"skipped"})
            assert airflow.runs_caused_by(f"{model}.drift_monitoring", run["dag_run_id"]) == []


@pytest.mark.usefixtures("filled")
def test_an_old_window_with_corrections_gives_a_patch_that_replaces_its_rows(
    told, contract, registry, airflow, logged_in, tmp_path
):
    """Two of its rows break the contract: they are in quarantine, where the run's report tab shows them."""
    rows = pd.read_csv(told.settings.project_dir / contract.ingestion.source, dtype=str, keep_default_na=False)
    window = rows.index[rows[contract.event_time].between("2010-01", "2010-03")]
    target = contract.target.name
    rows.loc[window[0], target] = "123456"
    rows.loc[window[1], target] = "=1+1"
    rows.loc[window[2], target] = "-5"
    rows.to_csv(tmp_path / "corrected.csv", index=False)
    form = {"start": "2010-01-01", "end": "2010-04-01", "source": str(tmp_path / "corrected.csv")}
    run_id = airflow.trigger(DAG, form)
    assert wait_for(airflow, DAG, run_id)[0] == "success"
    assert airflow.result(DAG, run_id, "announce") == "data-v1.3.1"
    note = registry.note("data-v1.3.1")
    assert (note.kind, note.rows, note.window) == ("patch", 450, WINDOWS[1])
    assert (note.changes.added, note.changes.corrected, note.changes.gone) == (0, 1, 2)
    columns = [*contract.key, contract.event_time, SPLIT]
    before, after = (registry.read(version)[columns] for version in ("data-v1.3.0", "data-v1.3.1"))
    kept = before.merge(after, how="inner")
    assert len(kept) == len(after)  # no row has moved to another split
    (logged,) = (one for one in read_batches(told.settings, QUARTERS) if one.window == WINDOWS[1])
    assert (logged.quarantined, sum(logged.refused[target].values()), logged.published) == (2, 2, True)
    page = logged_in.get("/mlops/report", params={"dag": DAG, "run": run_id})
    assert "published</strong> as data-v1.3.1." in page.text
    assert "98 of 100 rows were accepted, 2 are in quarantine." in page.text
    download = logged_in.get("/mlops/quarantine", params={"dag": DAG, "run": run_id})
    lines = list(csv.DictReader(io.StringIO(download.text)))
    assert sorted(line[target] for line in lines) == ["'-5", "'=1+1"]
    assert all(line["reasons"].startswith(f"{target}: ") for line in lines)
