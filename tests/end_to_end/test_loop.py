"""The whole loop on the default data, as `make demo` runs it."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest

from cli.demo.replay import CALLER
from cli.errors import StackError
from cli.stack.airflow import USER, password
from pipeline import model_registry
from pipeline.contract import SPLIT
from pipeline.data_registry import DataRegistry
from pipeline.encode import Encoder
from pipeline.prediction_log import read_predictions
from pipeline.records import to_record
from pipeline.release_history import release_history
from pipeline.release_log import read_release
from pipeline.storage import read_json, storage
from serving.client import ServiceClient

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]


def wait_for(airflow, dag_id, run_id, seconds=120):
    deadline = time.monotonic() + seconds
    while (state := airflow.run(dag_id, run_id)["state"]) not in ("success", "failed"):
        assert time.monotonic() < deadline, f"{dag_id} is still {state}"
        time.sleep(0.3)
    return state, {task["task_id"]: task for task in airflow.tasks(dag_id, run_id)}


def test_the_demo_tells_versions_candidates_champion_error_and_verdict(told):
    for part in (
        "data-v1.0.0",
        "data-v1.1.0",
        "gradient_boosting",
        "champion: version",
        "verdict:",
        "live, 989 rows",
    ):
        assert part in told.output
    assert f"http://127.0.0.1:{told.settings.airflow_port}/" in told.output


def test_the_champion_is_as_good_live_as_was_promised(told, house_prices):
    """Trained on sales up to 2008 alone, over the 989 sales of 2009-2010."""
    report = read_json(newest_report(told, house_prices.name))
    performance = report["findings"]["performance"]
    assert performance["truths"] == 989
    assert performance["mae"] <= 15_600
    assert 0.91 <= performance["r2"] < 0.97  # above it, something that is known only afterwards has leaked in


def newest_report(told, model):
    folder = storage(told.settings, "reports", model)
    return str(max(folder.glob("*/report.json"), key=lambda path: path.stat().st_mtime))


def test_monitoring_compares_what_was_served(house_prices, airflow):
    newest = airflow.runs(f"{house_prices.name}.drift_monitoring")[0]
    verdict = airflow.result(newest["dag_id"], newest["dag_run_id"], "conclude")
    assert verdict["status"] in ("healthy", "watch", "act")
    assert verdict["reasons"]
    gathered = airflow.result(newest["dag_id"], newest["dag_run_id"], "gather")
    assert gathered["served"]["data_version"] == "data-v1.0.0"
    assert gathered["data_version"] == "data-v1.1.0"
    assert gathered["live_rows"] == 989


def test_git_mlflow_and_the_service_agree_on_the_champion(told, house_prices):
    release = read_release(told.settings, house_prices.name)
    assert release is not None
    assert model_registry.champion(told.settings, house_prices.name) == release.version
    with ServiceClient(told.settings.place("service_uri", house_prices.name)) as service:
        served = service.model()
    assert served is not None
    assert served["version"] == release.version
    assert served["data_version"] == release.data_version


def test_grown_data_asks_for_a_retraining_and_the_gate_decides(house_prices, airflow):
    """The two years of replayed sales are half as many again as the first model learnt from."""
    newest = airflow.runs(f"{house_prices.name}.drift_monitoring")[0]
    decision = airflow.result(newest["dag_id"], newest["dag_run_id"], "decide")
    assert (decision["asked"], decision["kind"]) == (True, "growth")
    (caused,) = airflow.runs_caused_by(f"{house_prices.name}.model_training", newest["dag_run_id"])
    assert wait_for(airflow, f"{house_prices.name}.model_training", caused)[0] in ("success", "failed")
    decided = airflow.result(f"{house_prices.name}.model_training", caused, "plan")
    assert decided["data_version"] == "data-v1.1.0"


def test_what_is_served_is_what_was_trained(told, house_prices):
    """Over every held-out row, whatever the case or spaces of its categories."""
    release = read_release(told.settings, house_prices.name)
    frame = DataRegistry(told.settings, house_prices).read(release.data_version)
    held_out = frame[frame[SPLIT] != "train"]
    assert len(held_out) > 500
    model_registry.connect(told.settings)
    outputs = mlflow.MlflowClient().get_run(release.run_id).outputs.model_outputs
    trained = mlflow.sklearn.load_model(f"models:/{outputs[0].model_id}")
    expected = trained.predict(Encoder(house_prices).columns(held_out))
    with ServiceClient(told.settings.place("service_uri", house_prices.name)) as service:
        records = [to_record(house_prices, dict(row)) for row in held_out.to_dict("records")]
        served = [
            service.predict(respelled(place, record), caller="test")["prediction"]
            for place, record in enumerate(records)
        ]
    np.testing.assert_allclose(served, expected, rtol=1e-4)


def respelled(place, record):
    spell = (str.upper, str.lower, str.title, lambda word: f"  {word.replace(' ', '   ')} ")[place % 4]
    return {name: spell(value) if isinstance(value, str) else value for name, value in record.items()}


def test_repeating_a_finished_window_makes_no_new_version(told, house_prices, airflow):
    registry = DataRegistry(told.settings, house_prices)
    before, dag_id = registry.versions(), f"{house_prices.name}.data_ingestion"
    window = house_prices.demo.history.model_dump(mode="json")
    state, tasks = wait_for(airflow, dag_id, airflow.trigger(dag_id, window))
    assert state == "success"
    assert tasks["announce"]["state"] == "skipped"  # so that nothing is triggered
    assert registry.versions() == before


def test_a_window_without_rows_is_skipped_with_its_reason(house_prices, airflow):
    dag_id = f"{house_prices.name}.data_ingestion"
    run_id = airflow.trigger(dag_id, {"start": "1999-01-01", "end": "1999-02-01"})
    state, tasks = wait_for(airflow, dag_id, run_id)
    assert state == "success"
    assert {task["state"] for task in tasks.values()} == {"skipped"}
    log = " ".join(str(line) for line in airflow.log(dag_id, run_id, tasks["collect"]))
    assert "Skipping task" in log


def test_a_bad_batch_fails_with_its_message_at_the_end_of_the_log(told, house_prices, airflow, tmp_path):
    source = pd.read_csv(told.settings.project_dir / house_prices.ingestion.source, dtype=str, keep_default_na=False)
    number = next(name for name, column in house_prices.features.items() if column.type == "integer")
    source.loc[source.index % 5 == 3, number] = "-7"  # more than the quarantine may hold
    source.to_csv(tmp_path / "bad.csv", index=False)
    before = DataRegistry(told.settings, house_prices).versions()
    dag_id = f"{house_prices.name}.data_ingestion"
    form = {**house_prices.demo.history.model_dump(mode="json"), "source": str(tmp_path / "bad.csv")}
    run_id = airflow.trigger(dag_id, form)
    state, tasks = wait_for(airflow, dag_id, run_id)
    assert state == "failed"
    assert tasks["validate"]["try_number"] == 1  # trying again would not mend it
    end = "\n".join(airflow.log(dag_id, run_id, tasks["validate"])[-8:])
    assert re.search(rf"{number}: .*-7.* is out of range .*allowed: a whole number of at least", end), end
    assert DataRegistry(told.settings, house_prices).versions() == before


def test_a_form_with_a_wrong_value_is_refused_before_anything_runs(house_prices, airflow):
    with pytest.raises(StackError, match="start"):
        airflow.trigger(f"{house_prices.name}.data_ingestion", {"start": 7})


def test_the_report_is_framed_in_the_airflow_ui(told, house_prices, airflow):
    newest = airflow.runs(f"{house_prices.name}.drift_monitoring")[0]
    address = f"http://127.0.0.1:{told.settings.airflow_port}/mlops/report"
    wanted = {"dag": newest["dag_id"], "run": newest["dag_run_id"]}
    login = {"username": USER, "password": password(told.settings)}
    token = httpx.post(f"http://127.0.0.1:{told.settings.airflow_port}/auth/token", json=login).json()["access_token"]
    page = httpx.get(address, params=wanted, headers={"Authorization": f"Bearer {token}"})
    assert page.status_code == 200
    assert "verdict" in page.text.lower()
    whole = httpx.get(
        address.replace("/report", "/file"),
        params=wanted | {"name": "evidently-live-traffic.html"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert len(whole.content) > 1_000_000  # Evidently's report, with its own scripts
    assert "sandbox" in whole.headers["content-security-policy"]
    nothing = httpx.get(address, params=wanted | {"run": "none"}, headers={"Authorization": f"Bearer {token}"})
    assert "no monitoring report" in nothing.text
    assert httpx.get(address, params=wanted).status_code == 401  # for those who are logged in only
    deployed = airflow.runs(f"{house_prices.name}.model_deployment")[-1]
    wanted = {"dag": deployed["dag_id"], "run": deployed["dag_run_id"]}
    page = httpx.get(address, params=wanted, headers={"Authorization": f"Bearer {token}"})
    assert ">live</strong>" in page.text
    assert "Proposed: version 1" in page.text


def test_a_second_demo_continues_from_what_is_there(told, house_prices):
    releases = release_history(told.settings, house_prices.name)
    again = told.mlops("demo", "--model", house_prices.name)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    assert "champion: version" in again.stdout
    assert release_history(told.settings, house_prices.name) == releases
    log = Path(told.settings.place("prediction_log", house_prices.name))
    ever = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
    replayed = [row for row in read_predictions(log, **ever) if row["caller"] == CALLER]
    assert len(replayed) == 989, "a repeated request is no second prediction"
    assert all(row["actual"] is not None for row in replayed)


def test_a_taken_port_is_named_with_its_setting(told):
    """A second stack of another state folder wants the ports of the first one."""
    refused = told.mlops("up", MLOPS_STATE_DIR=str(told.settings.state) + "-other")
    assert refused.returncode == 1
    assert f"port {told.settings.airflow_port} (airflow-api) is taken; set MLOPS_AIRFLOW_PORT" in refused.stdout


def test_repeating_the_tasks_of_a_finished_run_changes_nothing(told, house_prices, airflow):
    """Cleared in the UI, as an operator would: the same runs, the same version, no second release."""
    model = house_prices.name
    client = model_registry.connect(told.settings)
    before = release_history(told.settings, model), len(client.search_model_versions(f"name='{model}'"))
    run = airflow.runs(f"{model}.model_training")[-1]
    registered = airflow.result(run["dag_id"], run["dag_run_id"], "register")
    everything = {"dry_run": False, "dag_run_id": run["dag_run_id"], "only_failed": False, "reset_dag_runs": True}
    airflow._call("POST", f"/api/v2/dags/{run['dag_id']}/clearTaskInstances", json=everything)
    state, _ = wait_for(airflow, run["dag_id"], run["dag_run_id"], seconds=240)
    assert state == "success"
    assert airflow.result(run["dag_id"], run["dag_run_id"], "register") == registered
    deployment, deadline = f"{model}.model_deployment", time.monotonic() + 60
    while len(caused := airflow.runs_caused_by(deployment, run["dag_run_id"])) < 2:  # the first, and that of the repeat
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert [wait_for(airflow, deployment, one)[0] for one in caused] == ["success", "success"]
    after = release_history(told.settings, model), len(client.search_model_versions(f"name='{model}'"))
    assert after == before
