import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KINDS = (
    "data_ingestion",
    "drift_monitoring",
    "model_training",
    "model_deployment",
    "model_reproduction",
    "alert_dismissal",
)
SECOND = {
    "name": "second",
    "columns": {"x": {"type": "number"}, "word": {"type": "category", "categories": ["a", "b"]}},
    "target": {"name": "y"},
    "ingestion": {"source": "nowhere.csv", "schedule": "0 4 * * *"},
    "training": {"candidates": {"dummy": {"kind": "dummy"}}},
    "monitoring": {"schedule": None},
    "release": {"trial": {"mode": "shadow", "minutes": 60}},
}


@pytest.fixture(scope="module")
def dags(tmp_path_factory):
    """The DAGs of two contracts, parsed from a copy of the folders as Airflow does it, with no database at hand."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "dags", project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "contracts").mkdir()
    shutil.copy(ROOT / "contracts" / "house_prices.yaml", project / "contracts")
    (project / "contracts" / "second.yaml").write_text(yaml.safe_dump(SECOND))
    patch = pytest.MonkeyPatch()
    patch.setenv("AIRFLOW_HOME", str(project / "airflow"))
    patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{project}/not-there/airflow.db")
    patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(project / "dags"))
    patch.undo()
    assert bag.import_errors == {}
    return bag.dags


def test_every_contract_has_its_dags(dags):
    assert set(dags) == {f"{model}.{kind}" for model in ("house_prices", "second") for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["house_prices", "second"])
def test_a_dag_says_who_owns_it_and_what_it_does(dags, model, kind):
    dag = dags[f"{model}.{kind}"]
    assert {"mlops", model} <= set(dag.tags)
    assert dag.doc_md
    waits = (model, kind) == ("second", "model_deployment")  # for its trials, which a rollback need not
    assert dag.max_active_runs == (16 if waits else 1)
    assert dag.dagrun_timeout
    for task in dag.tasks:
        assert task.retries == 2
        assert task.execution_timeout
        assert task.owner == ("data-team" if model == "house_prices" else "nobody yet")


def test_the_dags_are_chained_by_assets(dags):
    def starts(kind: str) -> set[str]:
        timetable = dags[f"house_prices.{kind}"].timetable
        return {asset.name for asset in timetable.asset_condition.objects}

    def emits(kind: str, task: str) -> set[str]:
        return {asset.name for asset in dags[f"house_prices.{kind}"].get_task(task).outlets}

    assert emits("data_ingestion", "announce") == starts("drift_monitoring") == {"house_prices.data"}
    assert emits("drift_monitoring", "request_retraining") == starts("model_training")
    assert emits("model_training", "register") == starts("model_deployment") == {"house_prices.challenger"}


def test_a_trial_stands_between_approval_and_release_holds_no_worker_and_is_taken_away(dags):
    dag = dags["second.model_deployment"]
    trial, end = dag.get_task("trial"), dag.get_task("end_trial")
    assert trial.upstream_task_ids == {"approve"}
    assert trial.downstream_task_ids == {"release", "end_trial"}
    assert (trial.mode, trial.poke_interval, trial.timeout) == ("reschedule", 30, 5 * 3600)
    assert (end.is_teardown, end.downstream_task_ids) == (True, set())
    assert dag.dagrun_timeout.total_seconds() > trial.timeout
    assert dag.params["trial"] is True
    assert not dags["house_prices.model_deployment"].has_task("trial")
    assert "trial" not in dags["house_prices.model_deployment"].params


def test_cron_schedules_have_data_intervals(dags):
    assert type(dags["second.data_ingestion"].timetable).__name__ == "CronDataIntervalTimetable"
    monitoring = dags["house_prices.drift_monitoring"].timetable
    assert type(monitoring).__name__ == "AssetOrTimeSchedule"
    assert type(monitoring.timetable).__name__ == "CronTriggerTimetable"  # which does not run at once when it is new
    assert type(dags["house_prices.data_ingestion"].timetable).__name__ == "CronDataIntervalTimetable"
    assert dags["house_prices.data_ingestion"].start_date is None  # else no back-fill could go before it


def test_the_form_of_a_window_is_typed_by_the_contract(dags):
    dated, counted = (dags[f"{model}.data_ingestion"].params for model in ("house_prices", "second"))
    assert dated.get_param("start").schema == {
        **dated.get_param("start").schema,
        "type": ["null", "string"],
        "format": "date",
    }
    assert dated["start"] == "2006-01-01"  # the contract's own history is what the form offers
    assert counted.get_param("start").schema["type"] == ["null", "integer"]
    assert counted["start"] is None
    for params in (dated, counted):
        for name in params:
            assert params.get_param(name).schema.get("title")
            assert params.get_param(name).description
    assert "data/ames_house_sales.csv" in dated.get_param("source").description


def test_candidates_are_mapped_tasks(dags):
    fit = dags["house_prices.model_training"].get_task("fit")
    assert fit.is_mapped
    assert "gradient_boosting" in fit.op_kwargs_expand_input.value["name"]


def test_parsing_opens_no_connection_and_imports_nothing_heavy(tmp_path):
    program = f"""
        import socket, sys
        def refuse(*args, **kwargs): raise AssertionError("a connection at parse time")
        socket.socket.connect = refuse
        sys.path.insert(0, {str(ROOT)!r})
        import importlib
        for kind in {KINDS!r}:
            importlib.import_module("dags." + kind)
        heavy = {{"mlflow", "sklearn", "evidently", "dvc", "pandera", "skl2onnx"}} & set(sys.modules)
        assert not heavy, heavy
    """
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow")}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_monitoring_decides_before_it_reports_and_asks_and_alerts_after(dags):
    dag = dags["house_prices.drift_monitoring"]
    assert dag.get_task("decide").upstream_task_ids == {"gather", "conclude"}
    for after in ("request_retraining", "alert"):
        assert {"report"} <= dag.get_task(after).upstream_task_ids
    assert dag.params["dry_run"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_fails_is_told_and_one_that_is_well_again_too(dags, kind):
    dag = dags[f"house_prices.{kind}"]
    assert dag.on_success_callback
    assert all(task.on_failure_callback for task in dag.tasks)
