"""The gate as a stage: with real bundles in MLflow, and a real release log."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.contract import Contract
from pipeline.model_registry import BUNDLE, ModelRegistryError, ensure_model
from pipeline.release_log import Release, commit_release
from pipeline.settings import Settings
from tests.training.gate.conftest import write_model
from training.data import join, load_parts
from training.errors import TrainingError
from training.evaluation.document import EVALUATION, Evaluation
from training.evaluation.evaluate import Evaluated
from training.gate.champion import IncomparableError, bundle_of, find_champion
from training.gate.decision import DECISION, Decision
from training.gate.judge import judge
from training.metrics import errors
from training.tracking import Tracker, key_of

Rows = Callable[..., pd.DataFrame]


@pytest.fixture
def own(stock: Settings, tmp_path: Path) -> Settings:
    """The stock, with a release log of the test's own."""
    return stock.model_copy(update={"gitops_uri": str(tmp_path / "gitops")})


@pytest.fixture
def evaluated(own: Settings, small_contract: Contract, chain: Any) -> Evaluated:
    """The chain's evaluation under a run of the test's own, which holds no decision yet."""
    tracker = Tracker(small_contract, own)
    run_id = tracker.create(key_of("gate", str(own.gitops_uri)), "a test", {})
    found = tracker.read_document(chain.evaluated.run_id, EVALUATION, Evaluation)
    tracker.log_document(run_id, EVALUATION, found)
    return Evaluated(**{**chain.evaluated.model_dump(), "run_id": run_id})


@pytest.fixture
def release(own: Settings, small_contract: Contract, small_rows: Rows, tmp_path: Path) -> Callable[..., Release]:
    """Fit a candidate on the stock's training rows and release its bundle as version 3."""

    def make(candidate: str = "dummy", **changes: Any) -> Release:
        tracker = Tracker(small_contract, own)
        run_id = tracker.create(key_of("champion", str(tmp_path)), "a champion", {})
        folder = tmp_path / BUNDLE
        digest = write_model(small_contract, small_rows(400, 0), folder, candidate, run_id)
        tracker.client.log_artifacts(run_id, str(folder), BUNDLE)
        values = {"model": "small", "version": 3, "data_version": "data-v1.0.0", "metrics": {}, "approved_by": "a test"}
        named = {"run_id": run_id, "bundle_digest": digest, "reason": "a test"}
        made = Release.model_validate({**values, **named, **changes})
        commit_release(own, made)
        return made

    return make


def test_before_the_first_release_there_is_no_champion(own: Settings, small_contract: Contract) -> None:
    assert find_champion(small_contract, own) is None


def test_the_champion_is_what_git_says(
    own: Settings, small_contract: Contract, release: Callable[..., Release]
) -> None:
    made = release()
    found = find_champion(small_contract, own)
    assert found is not None
    assert found.version == 3
    assert found.bundle.metadata.run_id == made.run_id


def test_a_first_model_is_judged_by_limits_and_the_decision_kept(
    own: Settings, small_contract: Contract, chain: Any, evaluated: Evaluated
) -> None:
    decision = judge(small_contract, own, chain.plan, evaluated, chain.packaged)
    assert decision.passed
    assert decision.compared is None
    assert decision == chain.decision
    assert Tracker(small_contract, own).read_document(evaluated.run_id, DECISION, Decision) == decision


def test_a_better_challenger_takes_over_on_rows_that_neither_was_fitted_on(
    own: Settings, small_contract: Contract, chain: Any, evaluated: Evaluated, release: Callable[..., Release]
) -> None:
    made = release("dummy")
    decision = judge(small_contract, own, chain.plan, evaluated, chain.packaged)
    assert decision.passed
    assert decision.sentence.startswith("Promoted over version 3: on ")
    parts = load_parts(small_contract, own, "data-v1.0.0")
    rows = join(parts["validation"], parts["test"])
    found = [
        errors(small_contract, rows.target, bundle_of(own, *one).predict(rows.matrix)).mean()
        for one in ((made.run_id, made.bundle_digest), (chain.packaged.run_id, chain.packaged.digest))
    ]
    assert decision.compared is not None
    assert decision.compared.rows == len(rows)
    assert decision.compared.champion_error == pytest.approx(found[0])
    assert decision.compared.challenger_error == pytest.approx(found[1])


def test_an_equal_challenger_does_not(
    own: Settings, small_contract: Contract, chain: Any, evaluated: Evaluated, release: Callable[..., Release]
) -> None:
    release(chain.evaluated.candidate)
    decision = judge(small_contract, own, chain.plan, evaluated, chain.packaged)
    assert not decision.passed
    assert decision.sentence.startswith(
        "Refused, and version 3 stays live: the lower bound of the gain over version 3 is "
    )
    assert Tracker(small_contract, own).read_document(evaluated.run_id, DECISION, Decision) == decision


def test_a_shift_lets_the_last_windows_decide(
    own: Settings, small_contract: Contract, chain: Any, evaluated: Evaluated, release: Callable[..., Release]
) -> None:
    release("dummy")
    shifted = chain.plan.model_copy(update={"shift": True})
    decision = judge(small_contract, own, shifted, evaluated, chain.packaged)
    assert decision.compared is not None
    assert decision.compared.deciding == "recent"
    assert "the number of rows of the last windows" in [rule.name for rule in decision.rules]


def test_a_challenger_that_was_registered_keeps_the_decision_that_let_it(
    own: Settings, small_contract: Contract, chain: Any, release: Callable[..., Release]
) -> None:
    """Repeated after another version went live, its training ends as it did."""
    made = release(chain.evaluated.candidate)
    tracker = Tracker(small_contract, own)
    registered = Evaluated(**{**chain.evaluated.model_dump(), "run_id": made.run_id})
    tracker.log_document(made.run_id, DECISION, chain.decision)
    ensure_model(tracker.client, small_contract.name)
    tracker.client.create_model_version(small_contract.name, f"runs:/{made.run_id}/model", run_id=made.run_id)
    assert judge(small_contract, own, chain.plan, registered, chain.packaged) == chain.decision


GONE = {
    "no such run": ({"run_id": "0" * 32}, "version 3 is live, but its bundle cannot be had: the bundle of run 0000"),
    "no artifact": ({}, "cannot be fetched"),
    "other content": ({"bundle_digest": "0" * 64}, "but 000000000000 was registered"),
}


@pytest.mark.parametrize(("changes", "said"), GONE.values(), ids=GONE.keys())
def test_a_champion_whose_bundle_is_gone_refuses_or_leaves_it_to_the_limits(
    own: Settings,
    small_contract: Contract,
    chain: Any,
    evaluated: Evaluated,
    release: Callable[..., Release],
    changes: dict[str, str],
    said: str,
) -> None:
    made = release("dummy", **changes)
    if not changes:
        shutil.rmtree(next(own.state.glob(f"**/{made.run_id}/artifacts/{BUNDLE}")))
    with pytest.raises(IncomparableError):
        find_champion(small_contract, own)
    decision = judge(small_contract, own, chain.plan, evaluated, chain.packaged)
    assert not decision.passed
    assert said in decision.sentence
    assert "set gate.incomparable to `limits`" in decision.sentence
    lenient = small_contract.model_copy(
        update={"gate": small_contract.gate.model_copy(update={"incomparable": "limits"})},
    )
    decision = judge(lenient, own, chain.plan, evaluated, chain.packaged)
    assert decision.passed
    assert decision.sentence.startswith("Promoted without a comparison (version 3 is live, but")


def test_a_challenger_without_its_bundle_is_not_judged(
    own: Settings, small_contract: Contract, chain: Any, evaluated: Evaluated
) -> None:
    absent = chain.packaged.model_copy(update={"run_id": "0" * 32})
    with pytest.raises(ModelRegistryError, match="cannot be fetched"):
        judge(small_contract, own, chain.plan, evaluated, absent)


def test_a_challenger_without_an_evaluation_is_not_judged(
    own: Settings, small_contract: Contract, chain: Any, tmp_path: Path
) -> None:
    run_id = Tracker(small_contract, own).create(key_of("bare", str(tmp_path)), "bare", {})
    bare = Evaluated(**{**chain.evaluated.model_dump(), "run_id": run_id})
    with pytest.raises(TrainingError, match=r"has no evaluation\.json"):
        judge(small_contract, own, chain.plan, bare, chain.packaged)
