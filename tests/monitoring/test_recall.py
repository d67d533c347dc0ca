"""What monitoring remembers: decisions of earlier runs, what became of requests, and labelled rows."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.validate import validate
from monitoring.gather import Gathered
from monitoring.inputs.data_rows import new_rows
from monitoring.page.retraining import retraining_section
from monitoring.reasons import Reason
from monitoring.retraining.decide import Decision, request_of
from monitoring.retraining.memory import DECISION
from monitoring.retraining.outcomes import Request, Training, attempts
from monitoring.retraining.past import Past
from monitoring.retraining.recall import _rows, recall, settle
from monitoring.verdict import Verdict
from pipeline.contract import Window
from pipeline.data_registry import DataRegistry
from pipeline.errors import NothingToDo
from pipeline.model_registry import connect, ensure_model
from pipeline.release_log import Release
from pipeline.settings import Settings
from pipeline.storage import storage
from training.errors import GateRefused
from training.gate.decision import Decision as Judgement
from training.plan import plan
from training.register import enforce

NOW = datetime(2027, 3, 10, 6, tzinfo=UTC)
FIRST = "data-v1.0.0"
YEARS = [Window(end=date(2021, 1, 1)), Window(start=date(2021, 1, 1))]
REASON = Reason(view="input drift", severity="act", subject="area", sentence="area moved.", value=0.4, limit=0.3)
DRIFT = Verdict(status="act", reasons=[REASON], shift=True)
NEW = 400  # rows that the served version's data does not have
HEALTHY = Verdict(status="healthy", reasons=[], shift=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_contract, small_rows):
    """Two published windows, the first of which is what the served version was made from."""
    folder = tmp_path_factory.mktemp("recall")
    settings = Settings(
        project_dir=folder,
        state_dir=folder / "state",
        mlflow_uri=f"sqlite:///{folder}/mlflow.db",
        reports_uri="",
    )
    source = folder / "rows.csv"
    small_rows(900, 5).to_csv(source, index=False)
    for window in YEARS:
        collected = collect(small_contract, settings, window.id, window, str(source))
        publish(small_contract, settings, validate(small_contract, settings, window.id, collected))
    return settings


@pytest.fixture
def here(world, tmp_path):
    """The same registries, and a storage of the test's own."""
    return world.model_copy(update={"storage_uri": tmp_path.as_uri()})


def gathered(days=0.0, version=3):
    served = version and Release(
        model="small",
        version=version,
        data_version="data-v1.0.0",
        run_id="0" * 32,
        bundle_digest="0" * 64,
        metrics={"mae": 20.0},
        approved_by="a test",
        reason="a test",
    )
    until = NOW + timedelta(days=days)
    window = {"since": until - timedelta(days=30), "until": until}
    return Gathered(**window, data_version="data-v1.1.0", served=served, new_data_rows=NEW if served else 0)


def lives(contract, settings, verdicts):
    """Run after run, a day apart."""
    return [settle(contract, settings, f"run-{day}", gathered(day), verdict) for day, verdict in enumerate(verdicts)]


@pytest.fixture
def without_growth(small_contract):
    limits = small_contract.monitoring.retraining.model_copy(update={"growth": 9.0})
    return small_contract.model_copy(
        update={"monitoring": small_contract.monitoring.model_copy(update={"retraining": limits})}
    )


def test_the_second_window_asks_and_the_third_is_held_back_by_what_the_second_did(without_growth, here):
    decisions = lives(without_growth, here, [DRIFT, DRIFT, DRIFT])
    assert [decision.asked for decision in decisions] == [False, True, False]
    assert {guard.name for guard in decisions[2].held_back} == {"cool-down"}
    stored = storage(here, "reports", "small", "run-1", DECISION)
    assert Decision.model_validate_json(stored.read_bytes()) == decisions[1]


def test_a_repeated_run_decides_the_same_and_replaces_its_own_decision(without_growth, here):
    decisions = lives(without_growth, here, [DRIFT, DRIFT, HEALTHY])
    assert settle(without_growth, here, "run-1", gathered(1), DRIFT) == decisions[1]
    assert len(list(storage(here, "decisions", "small").iterdir())) == 3


def test_labelled_rows_are_counted_against_those_of_the_served_version(small_contract, here):
    registry = DataRegistry(here, small_contract)
    rows = registry.note("data-v1.1.0").rows
    past = recall(small_contract, here, "run", gathered())
    assert (past.served_rows, past.labelled_rows) == (rows - NEW, rows)
    decision = settle(small_contract, here, "run", gathered(), HEALTHY)
    assert (decision.asked, decision.kind) == (True, "growth")


def test_a_window_that_is_published_again_with_a_few_rows_more_has_not_grown_by_all_of_them(
    small_contract, small_rows, tmp_path
):
    """A source that is one file is one window, whose content differs with each row that is added."""
    settings = Settings(
        project_dir=tmp_path, state_dir=tmp_path / "state", mlflow_uri=f"sqlite:///{tmp_path}/mlflow.db", reports_uri=""
    )
    source = tmp_path / "rows.csv"
    for rows in (400, 410):
        small_rows(410, 5).iloc[:rows].to_csv(source, index=False)
        collected = collect(small_contract, settings, f"all-{rows}", Window(), str(source))
        publish(small_contract, settings, validate(small_contract, settings, f"all-{rows}", collected))
    newest = DataRegistry(settings, small_contract).latest()
    added = len(new_rows(small_contract, *(DataRegistry(settings, small_contract).read(at) for at in (newest, FIRST))))
    at = gathered().model_copy(update={"data_version": newest, "new_data_rows": added})
    past = recall(small_contract, settings, "run", at)
    assert (newest, added, past.labelled_rows, past.served_rows) == ("data-v1.0.1", 10, 410, 400)
    asked = Request(asked=NOW, kind="drift", data_version=FIRST, reason="drift")
    notes = DataRegistry(settings, small_contract).notes()
    assert attempts([asked], [], _rows(notes, newest))[0].rows == 400


def test_without_a_model_nothing_is_recalled_and_a_first_one_is_asked_for(small_contract, here):
    none = gathered(version=None)
    assert recall(small_contract, here, "run", none) == Past(until=NOW, data_version="data-v1.1.0")
    assert settle(small_contract, here, "run", none, Verdict(status="no model", reasons=[])).asked


def test_a_damaged_file_is_left_out_with_a_note(without_growth, here):
    lives(without_growth, here, [DRIFT, DRIFT])
    damaged = min(storage(here, "decisions", "small").iterdir(), key=lambda file: file.name)
    damaged.write_text("{")
    past = recall(without_growth, here, "later", gathered(9))
    assert len(past.windows) == 1
    assert past.notes[0].startswith(f"{damaged.name} cannot be read")


def trained(contract, settings, reason, passed):
    """What a training leaves in MLflow: its plan, the gate's word, and a version where it passed."""
    planned = plan(contract, settings, reason, "data-v1.1.0", reason)
    sentence = "It is better." if passed else "Refused: it is worse."
    judgement = Judgement(passed=passed, rules=[], sentence=sentence, compared=None)
    if not passed:
        with pytest.raises(GateRefused):
            enforce(contract, settings, planned, judgement)
        return None
    enforce(contract, settings, planned, judgement)
    client = connect(settings)
    ensure_model(client, contract.name)
    tags = {"data_version": planned.data_version, "reason": planned.reason}
    made = client.create_model_version(contract.name, (settings.state / "model").as_uri(), tags=tags)
    return int(made.version)


def test_what_became_of_a_request_is_read_from_what_training_left(without_growth, here, tmp_path):
    here = here.model_copy(update={"mlflow_uri": f"sqlite:///{tmp_path}/mlflow.db"})  # else others would see it
    asked = lives(without_growth, here, [DRIFT, DRIFT])[1]
    before = recall(without_growth, here, "before", gathered(2)).retrainings
    assert [(one.kind, one.outcome) for one in before] == [("drift", "running")]
    trained(without_growth, here, asked.reason, passed=False)
    by_hand = trained(without_growth, here, "asked for by hand", passed=True)
    found = recall(without_growth, here, "after", gathered(3)).retrainings
    rows = DataRegistry(here, without_growth).note("data-v1.1.0").rows
    told = sorted((one.kind, one.outcome, one.version, one.rows) for one in found)
    assert told == [("by hand", "released", by_hand, rows), ("drift", "refused", None, rows)]


def test_a_request_that_training_refused_to_repeat_shares_the_fate_of_the_first():
    first = Training(began=NOW, data_version="data-v1.1.0", reason="first", outcome="refused")
    request = Request(asked=NOW, kind="drift", data_version="data-v1.1.0", reason="second")
    assert [one.outcome for one in attempts([request], [first], {}) if one.kind == "drift"] == ["refused"]


def test_a_request_carries_what_training_reads_and_why_it_was_made(without_growth, here):
    first, second = lives(without_growth, here, [DRIFT, DRIFT])
    extra = request_of(second)
    assert (extra["reason"], extra["data_version"], extra["shift"]) == (second.reason, "data-v1.1.0", True)
    assert {guard["name"] for guard in extra["guards"]} >= {"drift", "cool-down"}
    with pytest.raises(NothingToDo, match="No retraining is asked for"):
        request_of(first)


def test_the_report_shows_every_guard_with_its_value_and_limit(without_growth, here):
    shown = retraining_section(lives(without_growth, here, [DRIFT, DRIFT, DRIFT])[2])
    for guard in ("performance", "drift", "growth", "under way", "cool-down", "new labelled rows", "without gain"):
        assert f"guard: {guard}" in shown or f"condition: {guard}" in shown
    assert "holds back" in shown
    assert "A retraining is held back: " in shown


def test_without_the_model_registry_a_run_decides_and_asks_for_nothing(without_growth, here, monkeypatch):
    lives(without_growth, here, [DRIFT])
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = here.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    held = settle(without_growth, away, "run-1", gathered(1), DRIFT)
    assert (held.asked, held.kind) == (False, "drift")
    assert [guard.name for guard in held.held_back] == ["earlier retrainings"]
    assert "A retraining is held back: what became of them is not known: http://127.0.0.1:9" in held.reason
    assert settle(without_growth, here, "run-2", gathered(2), DRIFT).asked
