"""A vote is the average of its members, made without fitting anything again."""

import numpy as np
import pytest

from pipeline.bundle.convert import to_onnx
from pipeline.contract import Candidate, Contract
from pipeline.settings import Settings
from training.data import load_parts
from training.errors import TrainingError
from training.fit import fit_candidate
from training.plan import plan
from training.proof import predictor, prove
from training.sampling import shuffled
from training.tracking import Tracker
from training.tune import tune
from training.vote import assemble, fit_all, fit_vote

MEMBERS = {
    "ridge": Candidate(kind="ridge"),
    "vectors": Candidate(kind="support_vectors", max_rows=120),
    "boosting": Candidate(kind="gradient_boosting", parameters={"n_estimators": 30}),
}


@pytest.fixture(scope="module")
def contract(small_contract: Contract) -> Contract:
    candidates = MEMBERS | {"vote": Candidate(kind="vote", of=("ridge", "vectors", "boosting"))}
    return small_contract.model_copy(
        update={"training": small_contract.training.model_copy(update={"candidates": candidates})}
    )


@pytest.fixture(scope="module")
def voted(contract: Contract, stock: Settings):
    planned = plan(contract, stock, "run-vote", None, "a test")
    return planned, {one.candidate: one for one in fit_all(contract, stock, planned)}


def test_a_vote_says_the_mean_of_its_members_on_the_scale_that_they_are_fitted_on(contract, stock, voted) -> None:
    _, fitted = voted
    tracker = Tracker(contract, stock)
    rows = load_parts(contract, stock, "data-v1.0.0")["test"].matrix
    said = {name: predictor(tracker.load_model(one.run_id))(rows) for name, one in fitted.items()}
    expected = np.exp(np.mean([np.log(said[name]) for name in MEMBERS], axis=0))
    assert said["vote"] == pytest.approx(expected, rel=1e-6)  # some members answer in float32


def test_its_cross_validation_is_that_of_its_members(contract, stock, voted) -> None:
    _, fitted = voted
    rows, folds = shuffled(contract, load_parts(contract, stock, "data-v1.0.0")["train"])
    found = [
        tune(contract, name, rows.take(np.arange(fitted[name].rows)), folds[: fitted[name].rows])[0].predicted[:120]
        for name in MEMBERS
    ]
    assert fitted["vectors"].rows == 120
    expected = np.exp(np.mean(np.log(found), axis=0))
    assert fitted["vote"].metrics["mae"] == pytest.approx(np.abs(expected - rows.target[:120]).mean())


def test_onnx_carries_a_vote_exactly(contract, stock, voted) -> None:
    _, fitted = voted
    model = Tracker(contract, stock).load_model(fitted["vote"].run_id)
    parts = load_parts(contract, stock, "data-v1.0.0")
    content = to_onnx(model, len(contract.features))
    assert prove(contract, model, content, parts["train"].matrix, parts["test"].matrix) < 1e-5


def test_without_a_transform_it_is_the_plain_mean(contract, stock, voted) -> None:
    plain = contract.model_copy(update={"target": contract.target.model_copy(update={"transform": "none"})})
    planned = plan(plain, stock, "run-plain-vote", None, "a test")
    models = {}
    for name in ("ridge", "boosting"):
        models[name] = Tracker(plain, stock).load_model(fit_candidate(plain, stock, planned, name).run_id)
    rows = load_parts(contract, stock, "data-v1.0.0")["test"].matrix
    expected = np.mean([model.predict(rows) for model in models.values()], axis=0)
    assert assemble(models).predict(rows) == pytest.approx(expected)


def test_a_vote_that_is_repeated_is_found_again(contract, stock, voted) -> None:
    planned, fitted = voted
    assert fit_vote(contract, stock, planned, "vote", list(fitted.values())) == fitted["vote"]


def test_a_member_that_was_not_fitted_is_named(contract, stock, voted) -> None:
    planned, fitted = voted
    with pytest.raises(TrainingError, match="vote 'vote' needs vectors, boosting, which was not fitted"):
        fit_vote(contract, stock, planned, "vote", [fitted["ridge"]])
