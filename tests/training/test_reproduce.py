import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cli.commands.train import app
from pipeline.contract import Contract, Window, parse_contract
from pipeline.data_registry import DataRegistry
from pipeline.git import git
from pipeline.model_registry import ModelRegistryError, challenger, connect, ensure_model, latest_version
from pipeline.settings import Settings
from tests.conftest import SMALL
from training.data import load_parts
from training.errors import TrainingError
from training.fit import fit_candidate, measured
from training.gate.decision import Decision
from training.lineage import origin
from training.plan import Plan, plan
from training.proof import predictor
from training.register import enforce
from training.reproduce import REPRODUCES, REPRODUCTION, reproduce
from training.reproducible import AnotherCheckoutError, Origin, check_checkout, differences
from training.reproduction import NotReproducedError, Reproduction, compare, require_equal
from training.tracking import Tracker
from training.vote import fit_vote

CONTRACT: dict[str, Any] = {
    **SMALL,
    "training": {
        "seed": 3,
        "tuning": {"trials": 3, "folds": 2},
        "candidates": {
            "ridge": {"kind": "ridge", "parameters": {"alpha": 1.0}, "search": {"alpha": [0.1, 10.0, 100.0]}},
            "boosting": {"kind": "gradient_boosting", "parameters": {"n_estimators": 20}},
            "both": {"kind": "vote", "of": ["ridge", "boosting"]},
        },
    },
}
ROOMS: dict[str, str] = {"code_hash": "c" * 64, "contract_data_hash": "d", "contract_model_hash": "m", "lock_hash": "l"}
HERE = {**ROOMS, "git_commit": "a" * 40, "python": "3.11.7", "libraries": "numpy 2.3.0, scipy 1.16.0"}


@dataclass(frozen=True)
class Made:
    """Where versions of one contract are registered: 1 is a ridge, 2 a vote, 3 a ridge that was cut short."""

    contract: Contract
    settings: Settings


def commit(folder: Path) -> None:
    git("add", "--all", cwd=folder)
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message", "x", cwd=folder)


def make_version(contract: Contract, settings: Settings, name: str, trials: int | None = None) -> None:
    """Fit one candidate and register it with the tags of a real version, whatever it is worth."""
    planned = plan(contract, settings, f"make {name} {trials}", None, "a test")
    candidate, tracker = contract.training.candidates[name], Tracker(contract, settings)
    fitted = [fit_candidate(contract, settings, planned, member, trials) for member in candidate.of or (name,)]
    best = fit_vote(contract, settings, planned, name, fitted) if candidate.of else fitted[0]
    test = load_parts(contract, settings, planned.data_version)["test"]
    metrics = measured(contract, test.target, predictor(tracker.load_model(best.run_id))(test.matrix))
    tracker.log_metrics(best.run_id, {f"test_{key}": value for key, value in metrics.items()})
    ensure_model(tracker.client, contract.name)
    source, tags = tracker.model_uri(best.run_id), origin(contract, settings)
    tracker.client.create_model_version(
        contract.name, source, run_id=best.run_id, tags=tags, model_id=source.rpartition("/")[2]
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small_rows: Callable[..., pd.DataFrame], publish: Any) -> Made:
    folder, contract = tmp_path_factory.mktemp("reproduce"), parse_contract(CONTRACT)
    project = folder / "project"
    for name in ("requirements", "contracts"):
        (project / name).mkdir(parents=True)
    (project / "requirements" / "core.txt").write_text("numpy==2.3\n")
    (project / "contracts" / "small.yaml").write_text(yaml.safe_dump(CONTRACT, allow_unicode=True, sort_keys=False))
    git("init", "--quiet", cwd=project)
    commit(project)
    settings = Settings(
        project_dir=project, state_dir=folder / "state", mlflow_uri=f"sqlite:///{folder}/mlflow.db", reports_uri=""
    )
    publish(contract, settings, small_rows(300, 0), Window())
    for name, trials in (("ridge", None), ("both", None), ("ridge", 2)):
        make_version(contract, settings, name, trials)
    return Made(contract, settings)


@pytest.fixture(scope="module")
def again(made: Made) -> Reproduction:
    """Version 1, trained again in the run that is called `run`."""
    return reproduce(made.contract, made.settings, 1, "run")


@pytest.fixture
def elsewhere(made: Made, tmp_path: Path) -> Iterator[Settings]:
    """Another clone of the project, which sees the same versions and may be changed."""
    shutil.copytree(made.settings.project_dir, tmp_path / "clone")
    return made.settings.model_copy(update={"project_dir": tmp_path / "clone"})


def test_the_same_data_contract_lock_and_seed_give_the_same_model(made: Made, again: Reproduction) -> None:
    assert again.equal
    assert again.outcome.largest_difference is not None
    assert again.outcome.largest_difference <= 1e-9
    parts = load_parts(made.contract, made.settings, again.data_version)
    assert again.outcome.rows == len(parts["validation"]) + len(parts["test"])
    assert {"cv_mae", "validation_rmse", "test_r2"} < set(again.outcome.metrics)
    assert all(then == pytest.approx(now, rel=1e-9) for then, now in again.outcome.metrics.values())
    assert (again.outcome.parameters, again.caveats) == ({}, [])
    assert again.sentence.startswith("version 1 of small (ridge on data-v1.0.0) is reproduced: the predictions of ")
    assert require_equal(again) is again


def test_a_vote_is_made_of_its_members_fitted_again(made: Made) -> None:
    found = reproduce(made.contract, made.settings, 2, "run")
    assert (found.equal, found.candidate) == (True, "both"), found.sentence
    client = connect(made.settings)
    run = client.get_run(found.run_id)
    query = f"tags.`mlflow.parentRunId` = '{run.data.tags['mlflow.parentRunId']}'"
    fitted = client.search_runs([run.info.experiment_id], query)
    assert {one.data.tags["candidate"] for one in fitted} == {"ridge", "boosting", "both"}


def test_the_version_of_a_whole_training_is_reproduced(stock: Settings, small_contract: Contract, chain: Any) -> None:
    found = reproduce(small_contract, stock, chain.challenger.version, "run")
    assert found.equal, found.sentence
    assert found.candidate == chain.evaluated.candidate
    assert found.outcome.metrics["test_mae"][0] == chain.evaluated.metrics["mae"]


def test_a_reproduction_is_kept_in_mlflow_as_no_training_and_is_not_registered(made: Made, again: Reproduction) -> None:
    client = connect(made.settings)
    parent = client.get_run(client.get_run(again.run_id).data.tags["mlflow.parentRunId"])
    assert parent.data.tags[REPRODUCES] == "1"
    assert parent.data.tags["reproduction"] == again.sentence
    assert (parent.info.run_name, parent.info.status) == ("reproduce version 1", "FINISHED")
    assert parent.inputs.dataset_inputs[0].dataset.digest == "data-v1.0.0"
    tracker = Tracker(made.contract, made.settings)
    assert tracker.read_document(parent.info.run_id, REPRODUCTION, Reproduction) == again
    assert latest_version(client, "small") == 3
    assert challenger(made.settings, "small") is None


def test_a_reproduction_cannot_be_registered_by_mistake(made: Made, again: Reproduction) -> None:
    tracker = Tracker(made.contract, made.settings)
    parent = tracker.client.get_run(again.run_id).data.tags["mlflow.parentRunId"]
    planned = Plan(data_version="data-v1.0.0", run="run", parent_run_id=parent, candidates=[], reason="")
    passed = Decision(passed=True, rules=[], sentence="Promoted.", compared=None)
    with pytest.raises(TrainingError, match="trains a version again: what it makes is not registered"):
        enforce(made.contract, made.settings, planned, passed)


def test_the_same_run_finds_what_it_did_before(made: Made, again: Reproduction) -> None:
    assert reproduce(made.contract, made.settings, 1, "run") == again


def test_as_many_trials_are_made_as_the_version_had(made: Made) -> None:
    """Its tuning was stopped by the clock; another clock would have let it go on."""
    found = reproduce(made.contract, made.settings, 3, "run")
    assert connect(made.settings).get_run(found.run_id).data.params["trials"] == "2"
    assert found.equal
    assert found.outcome.parameters == {}


def test_a_version_that_is_not_there_is_named(made: Made) -> None:
    with pytest.raises(ModelRegistryError, match="model small has no version 99; the newest is 3"):
        reproduce(made.contract, made.settings, 99, "run")


def test_another_commit_stops_with_commands_that_set_the_right_one_up(made: Made, elsewhere: Settings) -> None:
    right = git("rev-parse", "HEAD", cwd=elsewhere.project_dir)
    (elsewhere.project_dir / "requirements" / "core.txt").write_text("numpy==2.4\n")
    commit(elsewhere.project_dir)
    with pytest.raises(AnotherCheckoutError) as refused:
        reproduce(made.contract, elsewhere, 1, "run")
    lines = [line.strip() for line in str(refused.value).splitlines()]
    start = lines.index(f"cd {elsewhere.project_dir}")
    assert lines[start + 3] == "make setup"
    assert lines[start + 4].endswith(" .venv/bin/mlops train reproduce 1 --model small")
    assert f"MLOPS_STATE_DIR={made.settings.state}" in lines[start + 4]
    assert f"MLOPS_MLFLOW_URI={made.settings.mlflow_uri}" in lines[start + 4]
    subprocess.run(["bash", "-ec", "\n".join(lines[start : start + 3])], check=True, capture_output=True)
    there = elsewhere.model_copy(update={"project_dir": elsewhere.project_dir.with_name(f"clone-{right[:12]}")})
    assert reproduce(made.contract, there, 1, "run").equal


@pytest.mark.parametrize("name", ["core.txt", "another.txt"])
def test_a_changed_lock_stops(made: Made, elsewhere: Settings, name: str) -> None:
    (elsewhere.project_dir / "requirements" / name).write_text("numpy==2.4\n")
    with pytest.raises(AnotherCheckoutError, match=r"- lock \(requirements/\*\.txt\): \w{12} then, \w{12} now") as stop:
        reproduce(made.contract, elsewhere, 1, "run")
    assert f"git worktree add ../clone-{git('rev-parse', 'HEAD', cwd=elsewhere.project_dir)[:12]} " in str(stop.value)


def test_a_changed_contract_stops(made: Made) -> None:
    with pytest.raises(AnotherCheckoutError, match=r"- contract: what a model is fitted to, and how: .* then, .* now"):
        reproduce(with_ridge(made.contract, 5.0), made.settings, 1, "run")


def test_changed_files_that_decide_nothing_do_not_stop(made: Made, elsewhere: Settings) -> None:
    (elsewhere.project_dir / "contracts" / "small.yaml").write_text("# the same contract, as the caller knows\n")
    assert origin(made.contract, elsewhere)["git_commit"].endswith("-dirty")
    assert reproduce(made.contract, elsewhere, 1, "run").equal


def test_anyway_trains_in_another_checkout_and_says_so(made: Made, elsewhere: Settings) -> None:
    (elsewhere.project_dir / "requirements" / "core.txt").write_text("numpy==2.4\n")
    found = reproduce(made.contract, elsewhere, 1, "anyway", anyway=True)
    assert found.equal
    assert [line.partition(":")[0] for line in found.caveats] == ["lock (requirements/*.txt)"]
    assert "although not all is as it was (lock (requirements/*.txt): " in found.sentence


def test_another_model_is_told_with_its_difference_and_parameters(made: Made) -> None:
    found = reproduce(with_ridge(made.contract, 500.0), made.settings, 1, "changed", anyway=True)
    assert not found.equal
    assert "alpha" in found.outcome.parameters
    assert found.outcome.largest_difference is not None
    assert found.outcome.largest_difference > 1e-4
    with pytest.raises(
        NotReproducedError, match=r"is not reproduced: the predictions of .* differ by up to .* metrics"
    ):
        require_equal(found)


def test_a_candidate_that_the_contract_lost_is_named(made: Made) -> None:
    training = made.contract.training.model_copy(
        update={"candidates": {"boosting": made.contract.training.candidates["boosting"]}}
    )
    contract = made.contract.model_copy(update={"training": training})
    with pytest.raises(TrainingError, match="small has no candidate 'ridge'; there are: boosting"):
        reproduce(contract, made.settings, 1, "lost", anyway=True)


def test_rows_that_were_changed_under_a_version_stop_it(
    made: Made, tmp_path: Path, small_rows: Callable[..., pd.DataFrame], publish: Any
) -> None:
    """A tag that was moved leads to another history under the same name."""
    moved = made.settings.model_copy(
        update={"data_registry_uri": str(tmp_path / "moved.git"), "data_remote_uri": str(tmp_path / "remote")}
    )
    publish(made.contract, moved, small_rows(300, 1), Window())
    assert DataRegistry(moved, made.contract).versions() == ["data-v1.0.0"]
    with pytest.raises(TrainingError, match=r"data-v1\.0\.0 of small holds other rows: checksum .* its tag was moved"):
        reproduce(made.contract, moved, 1, "moved")
    found = reproduce(made.contract, moved, 1, "moved", anyway=True)
    assert not found.equal
    assert any("holds other rows" in line for line in found.caveats)


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({}, {}, []),
        ({"python": "3.11.2"}, {}, []),
        ({"git_commit": "b" * 40}, {}, [f"git commit: {'b' * 40} then, {'a' * 40} now"]),
        ({"git_commit": "b" * 40, "code_hash": "e" * 64}, {}, [f"git commit: {'b' * 40} then, {'a' * 40} now"]),
        ({}, {"git_commit": "a" * 40 + "-dirty"}, []),
        ({"git_commit": "a" * 40 + "-dirty"}, {}, []),
        ({"git_commit": None}, {}, []),
        ({}, {"git_commit": None}, []),
        ({"code_hash": "e" * 64}, {}, ["code (pipeline/ and training/): eeeeeeeeeeee then, cccccccccccc now"]),
        ({"code_hash": None}, {}, []),
        (
            {"code_hash": None, "git_commit": None},
            {},
            [f"git commit: not known then, {'a' * 40} now, which does not say whether the code is the same"],
        ),
        ({"lock_hash": None}, {}, ["lock (requirements/*.txt): none then, l now"]),
        ({"contract_data_hash": "x"}, {}, ["contract: columns, target or split: x then, d now"]),
        ({"python": "3.12.2"}, {}, ["Python: 3.12.2 then, 3.11.7 now"]),
        (
            {"libraries": "numpy 2.2.0, scipy 1.16.0"},
            {},
            ["libraries: numpy 2.2.0 then, numpy 2.3.0 now"],
        ),
        ({"libraries": None, "python": None}, {}, []),
    ],
)
def test_what_differs_is_told_line_by_line(
    then: dict[str, str | None], now: dict[str, str | None], told: list[str]
) -> None:
    was, here = ({tag: value for tag, value in (HERE | side).items() if value} for side in (then, now))
    assert differences(Origin("small", 1, "run", was, here)) == told


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"git_commit": "b" * 40 + "-dirty"}, "no command can bring those back"),
        ({"git_commit": ""}, "trained without git history"),
    ],
)
def test_a_version_whose_code_no_commit_holds_says_so_and_where_its_contract_is(
    made: Made, tags: dict[str, str], words: str
) -> None:
    then = origin(made.contract, made.settings) | tags
    with pytest.raises(AnotherCheckoutError, match=words) as refused:
        check_checkout(made.settings, Origin("small", 3, "run-of-3", then, origin(made.contract, made.settings)), ["x"])
    assert "`bundle/contract.json` among the artifacts of MLflow run run-of-3" in str(refused.value)
    assert str(refused.value).endswith("\n  mlops train reproduce 3 --model small --anyway")


def test_a_password_is_not_printed(made: Made, elsewhere: Settings) -> None:
    (elsewhere.project_dir / "requirements" / "core.txt").write_text("numpy==2.4\n")
    secret = Settings(
        project_dir=elsewhere.project_dir,
        state_dir=made.settings.state_dir,
        mlflow_uri=made.settings.mlflow_uri,
        data_registry_uri="https://me:hunter2@example.org/{model}.git",
    )
    with pytest.raises(AnotherCheckoutError) as refused:
        reproduce(made.contract, secret, 1, "run")
    assert "hunter2" not in str(refused.value)
    assert "# MLOPS_DATA_REGISTRY_URI may hold a password and is not shown" in str(refused.value)


@pytest.mark.parametrize(
    ("now", "metrics", "equal"),
    [
        ([100.0, 200.0], {"test_mae": 5.0}, True),
        ([100.0, 200.0 * (1 + 9e-10)], {"test_mae": 5.0}, True),
        ([100.0, 200.0 * (1 + 2e-9)], {"test_mae": 5.0}, False),
        ([100.0, np.nan], {"test_mae": 5.0}, False),
        ([100.0, np.inf], {"test_mae": 5.0}, False),
        ([100.0, 200.0], {"test_mae": 5.00001}, False),
        ([100.0, 200.0], {}, False),
        ([100.0, 200.0], {"test_mae": 5.0, "test_r2": 0.5}, False),
    ],
)
def test_equal_is_every_prediction_and_every_metric(now: list[float], metrics: dict[str, float], equal: bool) -> None:
    outcome = compare((np.array([100.0, 200.0]), np.array(now)), ({"test_mae": 5.0}, metrics), ({}, {}))
    assert outcome.equal is equal


def test_without_any_metric_nothing_is_shown_to_be_equal() -> None:
    assert not compare((np.ones(2), np.ones(2)), ({}, {}), ({}, {})).equal


@pytest.fixture
def command(made: Made, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`mlops train …` with settings from the environment, as for a user."""
    for name in [name for name in os.environ if name.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(made.settings.project_dir))
    monkeypatch.setenv("MLOPS_STATE_DIR", str(made.settings.state_dir))
    monkeypatch.setenv("MLOPS_MLFLOW_URI", made.settings.mlflow_uri)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("arguments", [("reproduce", "1"), ("--model", "small", "reproduce", "1")])
def test_the_command_shows_both_sides_and_ends_well_when_they_are_equal(
    command: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    told = command(*arguments)
    assert told.exit_code == 0, told.output
    assert "test_mae" in told.output
    assert "is reproduced: the predictions of" in told.output


def test_the_command_fails_where_the_checkout_is_another(
    command: Callable[..., Any], elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere.project_dir / "requirements" / "core.txt").write_text("numpy==2.4\n")
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(elsewhere.project_dir))
    told = command("reproduce", "1", "--model", "small")
    assert told.exit_code == 1
    assert "git worktree add" in told.output
    assert "Traceback" not in told.output
    assert command("reproduce", "1", "--anyway").exit_code == 0


def test_the_command_fails_where_training_again_gives_another_model(
    command: Callable[..., Any], elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {**CONTRACT["training"], "candidates": {"ridge": {"kind": "ridge", "parameters": {"alpha": 500.0}}}}
    path = elsewhere.project_dir / "contracts" / "small.yaml"
    path.write_text(yaml.safe_dump(CONTRACT | {"training": training}, allow_unicode=True, sort_keys=False))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(elsewhere.project_dir))
    told = command("reproduce", "1", "--anyway")
    assert told.exit_code == 1
    assert "is not reproduced" in told.output
    assert "alpha" in told.output


def with_ridge(contract: Contract, alpha: float) -> Contract:
    """Return the contract with another ridge."""
    ridge = contract.training.candidates["ridge"].model_copy(update={"parameters": {"alpha": alpha}, "search": {}})
    candidates = {**contract.training.candidates, "ridge": ridge}
    return contract.model_copy(update={"training": contract.training.model_copy(update={"candidates": candidates})})
