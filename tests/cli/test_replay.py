"""The replay: the loop lived through period by period, in a project of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date

import pytest
import yaml
from typer.testing import CliRunner

from cli.console import console
from cli.errors import ReplayError
from cli.main import app
from cli.replay.asked import asked_of
from cli.replay.live import PICTURE, RESULT, TABLE, live
from cli.replay.periods import periods_of, with_shift
from cli.replay.places import folder_of, opened, settings_of
from cli.replay.result import COURSES, Result
from cli.replay.show import recipe
from pipeline.contract import load_contract, parse_contract
from pipeline.settings import Settings
from tests.conftest import SMALL, make_small_rows

CANDIDATES = {
    "dummy": {"kind": "dummy"},
    "gradient_boosting": {"kind": "gradient_boosting", "parameters": {"n_estimators": 60}},
}
QUICK = {
    **SMALL,
    "ingestion": {"source": "small.csv"},
    "training": {"seed": 3, "candidates": CANDIDATES, "tuning": {"folds": 2}},
    "demo": {
        "history": {"start": "2020-01-01", "end": "2021-01-01"},
        "replay": {"start": "2021-01-01", "end": "2021-10-01"},
    },
    "gate": {"robustness": {"perturbed_change": 0.2}},  # a small tree model on few rows: steps are high
}


ROWS, ROWS_UNTIL_OCTOBER = 1600, 1401  # of 2020 and 2021, evenly


COMMAND = ["replay", "--period", "quarter"]


def make_project(folder, content=QUICK):
    """Return settings of a project with one contract and its data, and the contract."""
    (folder / "contracts").mkdir(parents=True)
    path = folder / "contracts" / "small.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    make_small_rows(ROWS).to_csv(folder / "small.csv", index=False)
    return Settings(project_dir=folder), load_contract(path)


def everything(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A replay from end to end: its project's folder and what the command said."""
    folder = tmp_path_factory.mktemp("unbroken")
    make_project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_PROJECT_DIR", str(folder))
        patch.setattr(console, "width", 200)
        before = everything(folder)
        told = CliRunner().invoke(app, COMMAND)
        again = CliRunner().invoke(app, COMMAND)
    return folder, told, again, everything(folder) - before


def result_in(folder, name="quarter"):
    return Result.model_validate_json((folder / ".mlops" / "replays" / "small" / name / RESULT).read_bytes())


def test_it_ends_with_a_table_of_every_period_and_all_courses(unbroken):
    folder, told, _, _ = unbroken
    assert told.exit_code == 0, told.output
    result = result_in(folder)
    assert [line.start for line in result.lines] == ["2021-01", "2021-04", "2021-07"]
    assert sum(line.rows for line in result.lines) + result.first_rows == ROWS_UNTIL_OCTOBER
    for line in result.lines:
        assert f"{line.start} " in told.output
        assert all(line.errors[course] > 0 for course in COURSES)
    assert result.winner == "gradient_boosting"
    assert result.sentence in told.output


def test_truth_is_learnt_one_period_later_and_retraining_every_period_uses_it(unbroken):
    result = result_in(unbroken[0])
    rows = [line.rows for line in result.lines]
    known = [result.first_rows + sum(rows[:number]) for number in range(3)]
    assert [line.labelled_rows for line in result.lines] == known
    first, second, third = result.lines
    assert first.errors["every"] == first.errors["frozen"] == first.errors["loop"]
    assert second.errors["every"] == second.errors["frozen"]  # no truth was known when its model was made
    assert third.errors["every"] != third.errors["frozen"]
    assert result.retrained["every"] == 1


def test_the_table_and_the_picture_are_kept_as_files(unbroken):
    place = unbroken[0] / ".mlops" / "replays" / "small" / "quarter"
    assert len((place / TABLE).read_text().splitlines()) == 1 + 3
    picture = (place / PICTURE).read_text()
    assert picture.startswith("<?xml")
    assert all(course in picture for course in COURSES)
    assert json.loads((place / RESULT).read_text())["unit"] == "EUR"


def test_a_recipe_without_parameters_is_no_vote(unbroken):
    alone = result_in(unbroken[0]).model_copy(update={"winner": "ridge", "parameters": {"ridge": {}}})
    vote = alone.model_copy(update={"winner": "both", "parameters": {"ridge": {}, "trees": {"a": 1}, "both": {}}})
    assert recipe(alone) == "ridge as scikit-learn has it"
    assert recipe(vote) == "ridge as scikit-learn has it; trees {'a': 1}; both their mean"


def test_a_second_run_says_that_it_is_done_and_shows_the_table_again(unbroken):
    folder, _, again, _ = unbroken
    assert again.exit_code == 0
    assert "done already" in again.output
    assert result_in(folder).sentence in again.output


def test_nothing_is_written_outside_of_its_folder(unbroken):
    mine = (".mlops/replays", ".mlops")
    assert all(path in mine or path.startswith(".mlops/replays/small") for path in unbroken[3])


def test_killed_and_interrupted_it_goes_on_and_ends_as_an_unbroken_one(unbroken, tmp_path):
    settings, contract = make_project(tmp_path)
    asked = asked_of(contract, period="quarter")
    folder = folder_of(settings, asked, None)
    _kill_when_there(tmp_path, folder / "steps" / "first.json")
    done = len(list((folder / "steps").iterdir()))
    assert not (folder / RESULT).exists()

    def interrupt(name):
        if name == "002-watch":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(folder, asked, fresh=False):
        live(contract, settings, asked, folder, interrupt)
    assert len(list((folder / "steps").iterdir())) > done
    with opened(folder, asked, fresh=False):
        resumed = live(contract, settings, asked, folder)
    assert resumed == result_in(unbroken[0])


def _kill_when_there(project, path, seconds=120):
    """Start the command in a process and kill it a moment after a step is done: it is in the midst of the next."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    command = [sys.executable, "-c", "import sys; from cli.main import main; sys.argv[1:] = " + f"{COMMAND}; main()"]
    process = subprocess.Popen(
        command, env=environment | {"MLOPS_PROJECT_DIR": str(project)}, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + seconds
        while not path.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        assert path.exists(), "the replay ended, or took too long, before the step was done"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_after_a_shift_of_the_target_the_loop_ends_below_the_frozen_model(tmp_path):
    settings, contract = make_project(tmp_path)
    shift = {"target_shift": 1.5, "shift_from": date(2021, 1, 1), "delay": 0}
    asked = asked_of(contract, period="quarter", start=date(2020, 7, 1), **shift)
    folder = folder_of(settings, asked, None)
    result = live(contract, settings, asked, folder)
    assert folder.name == "quarter-target-x1.5"
    assert all(line.shifted for line in result.lines)
    first, *_, last = result.lines
    assert (first.verdict, first.asked, first.retraining) == ("act", True, "released")
    assert first.errors["loop"] == first.errors["frozen"]  # nobody can know before the truth comes
    assert last.errors["loop"] < 0.8 * last.errors["frozen"]
    assert result.error("loop") < result.error("frozen")


def test_other_options_or_another_process_are_refused_by_name(tmp_path):
    settings, contract = make_project(tmp_path)
    asked = asked_of(contract)
    folder = folder_of(settings, asked, "mine")
    with opened(folder, asked, fresh=False), pytest.raises(ReplayError, match="another process"):
        opened(folder, asked, fresh=False).__enter__()
    with pytest.raises(ReplayError, match="delay was 1, now 2"):
        opened(folder, asked_of(contract, delay=2), fresh=False).__enter__()
    (folder / "old").touch()
    with opened(folder, asked_of(contract, delay=2), fresh=True):
        assert not (folder / "old").exists()


def test_its_settings_point_nowhere_but_to_its_folder(tmp_path):
    real = Settings(
        project_dir=tmp_path,
        data_registry_uri="/elsewhere/{model}.git",
        gitops_uri="/elsewhere/gitops.git",
        predictions_uri="postgresql://127.0.0.1/real",
        mlflow_uri="http://127.0.0.1:1",
    )
    own = settings_of(real, tmp_path / "replay")
    places = [own.place(name, "m") for name in ("data_registry_uri", "data_remote_uri", "gitops_uri", "storage_uri")]
    places += [own.place(name, "m") for name in ("mlflow_uri", "prediction_log", "releases_dir")]
    assert all(str(tmp_path / "replay") in place for place in places)
    assert (own.predictions_uri, own.reports_uri) == ("", "")


def test_periods_are_those_of_the_calendar_and_the_last_may_be_short():
    contract = parse_contract(QUICK)
    asked = asked_of(contract, period="quarter", first_until=date(2020, 11, 15), end=date(2021, 5, 1), target_shift=2.0)
    periods = with_shift(asked, periods_of(asked))
    edges = [(str(one.window.start), str(one.window.end)) for one in periods]
    assert edges == [("2020-11-15", "2021-01-01"), ("2021-01-01", "2021-04-01"), ("2021-04-01", "2021-05-01")]
    assert [one.shifted for one in periods] == [False, True, True]
    assert all(one.since.isoformat() == f"{one.window.start}T00:00:00+00:00" for one in periods)


def test_without_an_event_time_periods_count_rows():
    columns = {name: column for name, column in QUICK["columns"].items() if name != "sold"}
    demo = {"history": {"start": 0, "end": 100}, "replay": {"start": 100, "end": 180}}
    contract = parse_contract({**QUICK, "columns": columns, "demo": demo})
    assert [one.window.id for one in periods_of(asked_of(contract))][:2] == ["rows-100_118", "rows-118_136"]
    periods = periods_of(asked_of(contract, period="50"))
    assert [one.window.id for one in periods] == ["rows-100_150", "rows-150_180"]
    assert periods[0].until == periods[1].since
    with pytest.raises(ReplayError, match="a number of rows"):
        asked_of(contract, period="quarter")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "week"}, "one of month, quarter, year"),
        ({"first_until": date(2022, 2, 1)}, "must follow each other"),
    ],
)
def test_what_cannot_be_replayed_is_refused(options, message):
    with pytest.raises(ReplayError, match=message):
        asked_of(parse_contract(QUICK), **options)


def test_without_a_demo_section_the_edges_must_be_given():
    contract = parse_contract({name: value for name, value in QUICK.items() if name != "demo"})
    with pytest.raises(ReplayError, match="--start and --end"):
        asked_of(contract, start=date(2020, 1, 1))


def test_without_a_demo_section_the_first_model_learns_from_a_fifth_up_to_where_a_period_begins():
    contract = parse_contract({name: value for name, value in QUICK.items() if name != "demo"})
    edges = {"start": date(2020, 1, 1), "end": date(2021, 10, 1)}
    assert asked_of(contract, **edges).first_until == date(2020, 6, 1)
    assert asked_of(contract, **edges, period="quarter").first_until == date(2020, 7, 1)
