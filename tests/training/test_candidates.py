import numpy as np
import pytest

from pipeline.contract import Candidate, Contract, ContractError
from training.candidates import KINDS, specify
from training.check import check_training
from training.estimator import build_estimator


def with_candidates(contract: Contract, **candidates: Candidate) -> Contract:
    training = contract.training.model_copy(update={"candidates": candidates})
    return contract.model_copy(update={"training": training})


WRONG = {
    "unknown kind": (Candidate(kind="magic"), "training.candidates.mine.kind: 'magic' is not known; there are: dummy,"),
    "unknown parameter": (
        Candidate(kind="ridge", parameters={"alfa": 1}),
        "training.candidates.mine.parameters: 'alfa' is not known; there are: alpha,",
    ),
    "parameter that the pipeline sets": (
        Candidate(kind="random_forest", parameters={"random_state": 1}),
        "'random_state' is set by the pipeline to 3",
    ),
    "wrong value": (
        Candidate(kind="gradient_boosting", parameters={"n_estimators": -5}),
        "training.candidates.mine: The 'n_estimators' parameter",
    ),
    "converted wrongly": (
        Candidate(kind="hist_gradient_boosting", parameters={"categorical_features": [0, 1]}),
        "training.candidates.mine: ",
    ),
}


@pytest.mark.parametrize(("candidate", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_candidate_that_cannot_be_used_is_refused_with_the_way_out(
    small_contract: Contract, candidate: Candidate, message: str
) -> None:
    with pytest.raises(ContractError) as refused:
        check_training(with_candidates(small_contract, good=Candidate(kind="dummy"), mine=candidate))
    assert message in str(refused.value)
    assert "good" not in str(refused.value)


def test_each_wrong_candidate_has_its_line(small_contract: Contract) -> None:
    wrong = {"a": Candidate(kind="magic"), "b": Candidate(kind="ridge", parameters={"alpha": -1})}
    with pytest.raises(ContractError) as refused:
        check_training(with_candidates(small_contract, **wrong))
    lines = str(refused.value).splitlines()
    assert len(lines) == 2
    assert "training.candidates.a" in lines[0]
    assert "training.candidates.b" in lines[1]


def test_every_kind_and_a_passed_through_loss_is_convertible(small_contract: Contract) -> None:
    candidates = {kind: Candidate(kind=kind) for kind in KINDS}
    candidates["huber"] = Candidate(kind="gradient_boosting", parameters={"loss": "huber", "n_estimators": 20})
    check_training(with_candidates(small_contract, **candidates))


def test_the_default_contract_can_be_trained(house_prices: Contract) -> None:
    """As it is stated; `mlops contract check`, which `make lint` calls, tries the values of its searches as well."""
    candidates = house_prices.training.candidates
    check_training(
        with_candidates(
            house_prices, **{name: one.model_copy(update={"search": {}}) for name, one in candidates.items()}
        )
    )


def test_the_seed_is_the_contracts() -> None:
    candidate = Candidate(kind="gradient_boosting", parameters={"loss": "huber"})
    parameters = specify("mine", candidate, 42).regressor.get_params()
    assert parameters["random_state"] == 42
    assert parameters["loss"] == "huber"


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting", "hist_gradient_boosting", "ridge"])
def test_the_same_data_contract_and_seed_give_the_same_predictions(small_contract: Contract, kind: str) -> None:
    parameters = {"subsample": 0.5} if kind == "gradient_boosting" else {}
    contract = with_candidates(small_contract, mine=Candidate(kind=kind, parameters=parameters))
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (100, len(contract.features))).astype(np.float32)
    target = rng.uniform(1, 2, 100)
    first, second = (build_estimator(contract, "mine").fit(rows, target).predict(rows) for _ in range(2))
    assert np.array_equal(first, second)
    assert kind == "ridge" or len(np.unique(first)) > 1
