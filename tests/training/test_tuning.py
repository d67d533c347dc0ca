"""How candidates get their parameters, and which rows are used for it."""

import numpy as np
import pytest

from pipeline.contract import Candidate, Contract, ContractError
from tests.training.conftest import as_published
from training.check import check_training
from training.combinations import combinations
from training.data import Part, recent, split_parts
from training.errors import TrainingError
from training.estimator import build_estimator
from training.sampling import shuffled
from training.tune import fit_model, learning_curve, tune


def with_training(contract: Contract, **changes: object) -> Contract:
    return contract.model_copy(update={"training": contract.training.model_copy(update=changes)})


def with_tuning(contract: Contract, **changes: object) -> Contract:
    return with_training(contract, tuning=contract.training.tuning.model_copy(update=changes))


@pytest.fixture(scope="module")
def train(small_contract: Contract, small_rows) -> Part:
    return split_parts(small_contract, as_published(small_contract, small_rows(400, 0)), "a test")["train"]


SEARCHED = Candidate(kind="ridge", parameters={"alpha": 1.0}, search={"alpha": (1.0, 5.0, 9.0), "tol": (0.1, 0.01)})


def test_the_stated_parameters_are_tried_first_and_none_twice() -> None:
    found = combinations(SEARCHED, 100, 3)
    assert found[0] == {"alpha": 1.0}
    assert len(found) == 7, "the stated one, and three times two of the search"
    assert all(one not in found[:place] for place, one in enumerate(found))
    assert {(one["alpha"], one["tol"]) for one in found[1:]} == {(a, t) for a in (1.0, 5.0, 9.0) for t in (0.1, 0.01)}


def test_the_seed_decides_what_is_tried() -> None:
    assert combinations(SEARCHED, 4, 3) == combinations(SEARCHED, 4, 3)
    assert len({str(combinations(SEARCHED, 4, seed)) for seed in range(20)}) > 5
    assert combinations(SEARCHED, 1, 3) == [{"alpha": 1.0}]


def test_a_search_with_more_combinations_than_can_be_listed_is_drawn_from() -> None:
    wide = Candidate(kind="ridge", search={name: tuple(range(30)) for name in "abcd"})
    found = combinations(wide, 5, 0)
    assert found[0] == {}
    assert len(found) == 5
    assert all(set(one) == set("abcd") for one in found[1:])


def test_a_candidate_without_a_search_has_one_trial() -> None:
    assert combinations(Candidate(kind="ridge", parameters={"alpha": 2}), 8, 0) == [{"alpha": 2}]


def test_a_smaller_sample_is_part_of_a_larger_one_and_order_does_not_matter(small_contract, train) -> None:
    backwards = train.take(np.arange(len(train))[::-1])
    one, folds = shuffled(small_contract, train)
    other, other_folds = shuffled(small_contract, backwards)
    assert one.frame["flat id"].tolist() == other.frame["flat id"].tolist()
    assert folds.tolist() == other_folds.tolist()
    assert one.frame["flat id"].tolist() != train.frame["flat id"].tolist()
    few = train.take(np.arange(len(train)) % 2 == 0)
    kept = set(few.frame["flat id"])
    in_order = [name for name in one.frame["flat id"] if name in kept]
    assert shuffled(small_contract, few)[0].frame["flat id"].tolist() == in_order, "other rows moved them"


def test_rows_of_one_key_are_in_one_fold(small_contract, small_rows) -> None:
    frame = small_rows(300, 0)
    frame["flat id"] = [f"f{place // 3}" for place in range(300)]
    part = split_parts(small_contract, as_published(small_contract, frame), "a test")["train"]
    rows, folds = shuffled(small_contract, part)
    by_key = {key: set(folds[rows.frame["flat id"] == key]) for key in rows.frame["flat id"]}
    assert {len(found) for found in by_key.values()} == {1}
    sizes = np.bincount(folds, minlength=5)
    assert len(sizes) == small_contract.training.tuning.folds
    assert sizes.min() > len(rows) / 10


def test_every_row_is_judged_by_a_model_that_has_not_seen_its_fold(small_contract, train) -> None:
    """A forest of one deep tree repeats each row that it was fitted to: its error would be zero."""
    tree = Candidate(kind="gradient_boosting", parameters={"n_estimators": 1, "learning_rate": 1.0, "max_depth": 30})
    contract = with_training(small_contract, candidates={"tree": tree})
    rows, folds = shuffled(contract, train)
    best, tried = tune(contract, "tree", rows, folds)
    assert len(tried) == 1
    assert best.predicted.shape == (len(rows),)
    seen = fit_model(contract, "tree", best.parameters, rows).predict(rows.matrix)
    assert np.abs(np.log(seen / rows.target)).mean() < 1e-9
    assert best.error == pytest.approx(np.abs(np.log(best.predicted / rows.target)).mean())
    assert best.error > 0.05


def test_the_best_parameters_win_and_the_budget_holds(small_contract, train) -> None:
    ridge = Candidate(kind="ridge", parameters={"alpha": 1e6}, search={"alpha": (1e5, 1.0, 1e4)})
    contract = with_training(small_contract, candidates={"mine": ridge})
    rows, folds = shuffled(contract, train)
    best, tried = tune(contract, "mine", rows, folds)
    assert (best.parameters, len(tried)) == ({"alpha": 1.0}, 4)
    assert best.error == min(trial.error for trial in tried)
    assert len(tune(with_tuning(contract, trials=2), "mine", rows, folds)[1]) == 2
    hurried = with_tuning(contract, seconds=1e-9)
    assert len(tune(hurried, "mine", rows, folds)[1]) == 1, "the stated parameters are always tried"
    assert len(tune(hurried, "mine", rows, folds, trials=3)[1]) == 3, "a reproduction makes as many as there were"


def test_more_rows_help_and_the_curve_says_how_much(small_contract, train) -> None:
    rows, folds = shuffled(small_contract, train)
    curve = learning_curve(small_contract, "gradient_boosting", {"n_estimators": 60}, rows, folds)
    fitted = int(np.sum(folds != folds[0]))
    assert list(curve) == [round(fitted * share) for share in (0.25, 0.5, 0.75, 1.0)]
    assert curve[fitted] < curve[round(fitted / 4)]


def test_too_few_rows_to_cross_validate_are_named(small_contract, train) -> None:
    rows, folds = shuffled(small_contract, train)
    with pytest.raises(TrainingError, match="1 training rows are too few for cross-validation"):
        tune(small_contract, "ridge", rows.take(np.arange(1)), folds[:1])


@pytest.mark.parametrize("factor", [100.0, 1e-6], ids=["cents", "millions"])
def test_support_vectors_mean_the_same_in_every_unit(small_contract, train, factor) -> None:
    """A rent in cents is the same rent: C, epsilon and where fitting stops are given in spreads of the target."""
    plain = small_contract.model_copy(update={"target": small_contract.target.model_copy(update={"transform": "none"})})
    contract = with_training(plain, candidates={"mine": Candidate(kind="support_vectors", parameters={"C": 5.0})})
    parameters = contract.training.candidates["mine"].parameters
    euros = fit_model(contract, "mine", parameters, train).predict(train.matrix)
    other = Part(train.frame, train.matrix, train.target * factor, train.windows)
    found = fit_model(contract, "mine", parameters, other).predict(train.matrix)
    assert found / factor == pytest.approx(euros, rel=1e-3)
    spread = float(np.std(train.target))
    regressor = build_estimator(contract, "mine", parameters, train.target).named_steps["model"]
    assert (regressor.C, regressor.epsilon) == (5 * spread, 0.1 * spread)


def test_a_value_of_the_search_that_cannot_be_used_is_refused_before_any_training(small_contract) -> None:
    wrong = Candidate(kind="ridge", search={"alpha": (1.0, -1.0), "magic": (3,)})
    with pytest.raises(ContractError) as refused:
        check_training(with_training(small_contract, candidates={"mine": wrong}))
    lines = str(refused.value).splitlines()
    assert len(lines) == 2
    assert "training.candidates.mine.search.alpha: -1.0 cannot be used" in lines[0]
    assert "training.candidates.mine.search.magic: 3 cannot be used" in lines[1]
    assert "'magic' is not known" in lines[1]


def test_a_vote_is_checked_with_its_members_and_does_not_repeat_what_is_wrong_with_them(small_contract) -> None:
    members = {
        "ridge": Candidate(kind="ridge"),
        "vectors": Candidate(kind="support_vectors"),
        "vote": Candidate(kind="vote", of=("ridge", "vectors")),
    }
    check_training(with_training(small_contract, candidates=members))
    wrong = members | {"ridge": Candidate(kind="ridge", parameters={"alpha": -1})}
    with pytest.raises(ContractError) as refused:
        check_training(with_training(small_contract, candidates=wrong))
    assert len(str(refused.value).splitlines()) == 1


def test_recent_rows_are_those_of_the_last_windows(train) -> None:
    windows = np.repeat([0, 1, 2, 10], [100, 50, 20, len(train) - 170])
    part = Part(train.frame, train.matrix, train.target, windows)
    last = len(train) - 170
    assert recent(part, last).sum() == last
    assert recent(part, last + 1).sum() == last + 20
    assert recent(part, 10_000).sum() == len(train)
    assert set(part.windows[recent(part, last + 21)]) == {1, 2, 10}
