"""Gathering from the real registries, release log and prediction log."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.validate import validate
from monitoring.analyse import analyse
from monitoring.errors import MonitoringError
from monitoring.frames import ID, read_frame
from monitoring.gather import Gathered, gather
from monitoring.verdict import verdict
from pipeline.batch_log import record_batch
from pipeline.bundle.load import Bundle, load_bundle
from pipeline.contract import PREDICTION, Contract, Window
from pipeline.data_registry import DataRegistry
from pipeline.errors import NothingToDo
from pipeline.model_registry import fetch_bundle
from pipeline.prediction_log import SMOKE_CALLER, Answer, Outbox, utc_text
from pipeline.release_log import Release, commit_release
from pipeline.settings import Settings
from training.evaluation.evaluate import evaluate
from training.fit import fit_candidate
from training.package import package
from training.plan import plan

NOW = datetime.now(UTC)  # refusals are counted when they happen
UNTIL = NOW + timedelta(hours=1)
FIRST, SECOND = Window(end=date(2021, 1, 1)), Window(start=date(2021, 1, 1))


@dataclass(frozen=True)
class Stage:
    """A model that is live, and the CSV file of which the first year is published."""

    contract: Contract
    settings: Settings
    source: str
    bundle: Bundle


@pytest.fixture(scope="module")
def stage(tmp_path_factory, small_contract, small_rows):
    folder = tmp_path_factory.mktemp("monitoring")
    (folder / "project" / "requirements").mkdir(parents=True)
    (folder / "project" / "requirements" / "core.txt").write_text("numpy==2.3\n")
    settings = Settings(
        project_dir=folder / "project",
        state_dir=folder / "state",
        mlflow_uri=f"sqlite:///{folder}/mlflow.db",
        reports_uri="",
        service_uri="http://127.0.0.1:9",  # nobody is there
    )
    source = folder / "rows.csv"
    small_rows(800, 5).to_csv(source, index=False)
    ingest(small_contract, settings, str(source), FIRST)
    packaged, metrics = train(small_contract, settings)
    commit_release(settings, release_of(small_contract, packaged, metrics))
    fetch_bundle(settings, packaged.run_id, packaged.digest, folder / "bundle")
    return Stage(small_contract, settings, str(source), load_bundle(folder / "bundle"))


def ingest(contract, settings, source, window):
    collected = collect(contract, settings, "ingest", window, source)
    return publish(contract, settings, validate(contract, settings, "ingest", collected)).version


def train(contract, settings):
    planned = plan(contract, settings, "train", None, "a test")
    evaluated = evaluate(contract, settings, planned, [fit_candidate(contract, settings, planned, "ridge")])
    return package(contract, settings, planned, evaluated), evaluated.metrics


def release_of(contract, packaged, metrics, version=3):
    return Release(
        model=contract.name,
        version=version,
        data_version="data-v1.0.0",
        run_id=packaged.run_id,
        bundle_digest=packaged.digest,
        metrics=metrics,
        approved_by="a test",
        reason="a test",
    )


def answer(stage, row, prediction_id, **changed):
    record = {name: row[name] for name in stage.contract.features}
    prediction = stage.bundle.predict(stage.bundle.encoder.record(record))
    low, high = stage.bundle.interval(prediction)
    said = {
        "id": prediction_id,
        "time": utc_text(NOW),
        "model": stage.contract.name,
        "version": 3,
        "features": {name: None if value != value else value for name, value in record.items()},
        "prediction": float(prediction[0]),
        "low": float(low[0]),
        "high": float(high[0]),
        "latency_ms": 2.5,
        "caller": "shop",
    }
    return Answer(**said | changed)


@pytest.fixture(scope="module")
def traffic(stage, small_rows):
    """Seventy answers that count, three that do not, truth for sixty of them, and a refusal."""
    rows = small_rows(73, 9).to_dict("records")
    unlike = {70: {"caller": SMOKE_CALLER}, 71: {"version": 2}, 72: {"time": utc_text(NOW - timedelta(days=31))}}
    box = Outbox(stage.settings.state / "predictions" / "small.db")
    written = [box.add(answer(stage, row, f"p{place}", **unlike.get(place, {}))) for place, row in enumerate(rows)]
    for future in written:
        future.result()
    box.add_actuals([(f"p{place}", row["rent"]) for place, row in enumerate(rows[:60])])
    box.refuse({("area", "range"): 1})
    box.close()
    return rows


def test_without_published_data_there_is_nothing_to_do(small_contract, settings):
    with pytest.raises(NothingToDo, match="no data version is published yet for small"):
        gather(small_contract, settings, "run", UNTIL, None)


def test_without_a_release_nothing_is_compared(small_contract, settings):
    gathered = gather(small_contract, settings, "run", UNTIL, "data-v1.0.0")
    assert (gathered.served, gathered.live_uri, gathered.reference_uri) == (None, None, None)
    judged = verdict(small_contract, analyse(small_contract, settings, "run", gathered))
    assert (judged.status, judged.sentences) == ("no model", ["small: no model is released yet."])


def test_a_time_without_zone_is_refused(small_contract, settings):
    with pytest.raises(MonitoringError, match="has no time zone"):
        gather(small_contract, settings, "run", datetime(2026, 1, 1), None)  # noqa: DTZ001 (that is the point)


def test_a_release_without_traffic_has_no_live_rows(stage):
    gathered = gather(stage.contract, stage.settings, "quiet", UNTIL - timedelta(days=400))
    assert (gathered.live_uri, gathered.live_rows) == (None, 0)
    judged = verdict(stage.contract, analyse(stage.contract, stage.settings, "quiet", gathered))
    assert judged.status == "not enough data"


@pytest.mark.usefixtures("traffic")
def test_live_traffic_is_that_of_the_served_version_without_smoke_tests(stage):
    gathered = gather(stage.contract, stage.settings, "run/1", UNTIL)
    live = read_frame(gathered.live_uri)
    assert gathered.live_rows == len(live) == 70
    assert live["rent"].count() == 60
    assert set(live["kind"]) == {"Flat", "Terraced House", "Villa"}  # however the client spelled them
    assert gathered.refusals == {"area": {"range": 1}}
    assert gathered.data_version == "data-v1.0.0"
    assert gathered.new_data_uri is None
    assert Gathered.model_validate(gathered.model_dump(mode="json")) == gathered


@pytest.mark.usefixtures("traffic")
def test_the_reference_carries_honest_predictions_and_the_chain_reaches_a_verdict(stage):
    gathered = gather(stage.contract, stage.settings, "run-2", UNTIL)
    reference = read_frame(gathered.reference_uri)
    assert gathered.reference_rows == len(reference)
    held_out = reference.dropna(subset=[PREDICTION])
    assert 0.08 < len(held_out) / len(reference) < 0.25
    error = float(np.abs(held_out[PREDICTION] - held_out["rent"]).mean())
    assert error == pytest.approx(gathered.served.metrics["mae"], rel=1e-4)
    findings = analyse(stage.contract, stage.settings, "run-2", gathered)
    assert findings.performance.truths == 60
    judged = verdict(stage.contract, findings)
    away = [reason for reason in judged.reasons if reason.subject == "service"]
    assert [reason.severity for reason in away] == ["watch"]
    assert "does not answer at http://127.0.0.1:9" in away[0].sentence
    unasked = gather(stage.contract, stage.settings, "run-2", UNTIL, ask=False)
    assert verdict(stage.contract, analyse(stage.contract, stage.settings, "run-2", unasked)).status == "healthy"


@pytest.mark.usefixtures("traffic")
def test_live_error_is_that_of_the_log_and_the_truth_to_the_cent(stage):
    """By hand: from the raw rows of the service's file."""
    log = stage.settings.state / "predictions" / "small.db"
    with closing(sqlite3.connect(log)) as connection:
        (mae, truths) = connection.execute(
            "SELECT AVG(ABS(prediction - actual)), COUNT(*) FROM predictions JOIN actuals ON prediction_id = id "
            "WHERE version = 3 AND caller != 'mlops-smoke' AND predictions.time >= ? AND predictions.time < ?",
            [utc_text(UNTIL - timedelta(days=30)), utc_text(UNTIL)],
        ).fetchone()
        raw = dict(connection.execute("SELECT id, prediction FROM predictions").fetchall())
    gathered = gather(stage.contract, stage.settings, "run-cent", UNTIL, ask=False)
    measured = analyse(stage.contract, stage.settings, "run-cent", gathered).performance
    assert measured.truths == truths == 60
    assert measured.mae == pytest.approx(mae, abs=0.001)
    live = read_frame(gathered.live_uri)
    assert dict(zip(live[ID], live[PREDICTION], strict=True)).items() <= raw.items()  # to the last digit


@pytest.mark.usefixtures("traffic")
def test_answers_of_other_versions_are_kept_apart_with_the_error_their_release_promised(stage):
    """Version 2 was never released here: its held-out error is not known, its answers are counted all the same."""
    gathered = gather(stage.contract, stage.settings, "run-versions", UNTIL, ask=False)
    assert (gathered.live_rows, gathered.other_rows, gathered.other_mae) == (70, 1, {})
    versions = analyse(stage.contract, stage.settings, "run-versions", gathered).performance.versions
    assert [(one.version, one.answers) for one in versions] == [(3, 70), (2, 1)]
    served = gathered.served
    commit_release(stage.settings, served.model_copy(update={"version": 2, "metrics": {"mae": 12.5}}))
    commit_release(stage.settings, served)
    again = gather(stage.contract, stage.settings, "run-versions", UNTIL, ask=False)
    assert (again.served, again.other_mae) == (served, {2: 12.5})


@pytest.mark.usefixtures("traffic")
def test_a_version_that_the_model_registry_has_lost_is_a_finding(stage, tmp_path):
    lost = stage.settings.model_copy(update={"mlflow_uri": f"sqlite:///{tmp_path}/empty.db"})
    gathered = gather(stage.contract, lost, "run-lost", UNTIL, ask=False)
    assert gathered.served.run_id in gathered.model_away
    assert read_frame(gathered.reference_uri)[PREDICTION].isna().all()
    findings = analyse(stage.contract, lost, "run-lost", gathered)
    assert findings.performance.mae is not None
    judged = verdict(stage.contract, findings)
    assert ("watch", "model registry") in [(reason.severity, reason.subject) for reason in judged.reasons]
    assert judged.status != "healthy"


@pytest.mark.usefixtures("traffic")
def test_new_data_are_the_rows_that_the_served_version_does_not_have(stage):
    version = ingest(stage.contract, stage.settings, stage.source, SECOND)
    known, newest = (len(DataRegistry(stage.settings, stage.contract).read(one)) for one in ("data-v1.0.0", version))
    gathered = gather(stage.contract, stage.settings, "run-3", UNTIL, version, ask=False)
    assert gathered.new_data_rows == len(read_frame(gathered.new_data_uri)) == newest - known > 0
    again = gather(stage.contract, stage.settings, "run-3", UNTIL, version, ask=False)
    assert again == gathered
    old = gather(stage.contract, stage.settings, "run-4", UNTIL, "data-v1.0.0")
    assert old.new_data_rows == 0


def test_refused_rows_count_where_the_served_version_does_not_have_their_window(stage):
    """So do those of a batch that was refused as a whole, even if its window was published before."""
    base = {"run": "other", "rows": 50, "published": True}
    batches = {
        FIRST.id: {"refused": {"area": {"range": 1}}},
        "2030-01-01_2031-01-01": {"refused": {"area": {"range": 2, "type": 3}}},
        "2031-01-01_2032-01-01": {"refused": {"area": {"range": 4}, "lift": {"missing": 5}}, "published": False},
    }
    for window, said in batches.items():
        record_batch(stage.settings, "small", base | said | {"window": window})
    gathered = gather(stage.contract, stage.settings, "run-5", UNTIL, "data-v1.0.0")
    assert gathered.batch_refusals == {"area": {"range": 6, "type": 3}, "lift": {"missing": 5}}
    record_batch(stage.settings, "small", base | batches[FIRST.id] | {"window": FIRST.id, "published": False})
    again = gather(stage.contract, stage.settings, "run-6", UNTIL, "data-v1.0.0")
    assert again.batch_refusals["area"] == {"range": 7, "type": 3}
    assert Gathered.model_validate(again.model_dump(mode="json")) == again
