import math

import pytest

from pipeline.bundle.format import Interval
from pipeline.contract import Contract, Limit
from training.errors import GateRefused
from training.evaluate import Evaluated
from training.gate import judge, require
from training.package import Packaged

GOOD = {"mae": 40.0, "rmse": 60.0, "r2": 0.9}
PACKAGED = Packaged(run_id="run", digest="d" * 64, bytes=1, parity=1e-6)


def evaluated(rows: int = 100, dummy_mae: float | None = 100.0, **metrics: float | None) -> Evaluated:
    merged = {name: value for name, value in {**GOOD, **metrics}.items() if value is not None}
    return Evaluated.model_construct(  # a NaN is what the gate has to bear, though no stage would hand it one
        candidate="mine",
        run_id="run",
        metrics=merged,
        dummy={} if dummy_mae is None else {"mae": dummy_mae},
        rows=rows,
        interval=Interval(level=0.9, scale="identity", half_width=1),
        coverage=0.9,
    )


@pytest.fixture
def contract(small_contract: Contract) -> Contract:
    limits = {
        "mae": Limit(minimum=1, maximum=50),
        "rmse": Limit(minimum=2, maximum=70),
        "r2": Limit(minimum=0.8, maximum=0.98),
    }
    gate = small_contract.gate.model_copy(
        update={"share_of_dummy": 0.5, "limits": limits, "minimum_rows": 50},
    )
    return small_contract.model_copy(update={"gate": gate})


def test_a_good_model_passes_every_rule(contract: Contract) -> None:
    decision = judge(contract, evaluated(), PACKAGED)
    assert decision.passed
    assert len(decision.rules) == 9
    assert decision.sentence.startswith("Passed all 9 rules: ")
    require(decision)


STOPPED = {
    "too few rows": ({"rows": 49}, "held-out rows is 49, and must be at least 50: 1 short"),
    "hardly better than the dummy": (
        {"dummy_mae": 79.0},
        "mae against 50% of the median dummy's is 40, and must be at most 39.5: 0.5 too much",
    ),
    "mae too large": ({"mae": 50.5, "dummy_mae": 200.0}, "mae is 50.5, and must be at most 50: 0.5 too much"),
    "mae too small": ({"mae": 0.5}, "mae is 0.5, and must be at least 1: 0.5 short"),
    "rmse too large": ({"rmse": 71.0}, "rmse is 71, and must be at most 70: 1 too much"),
    "rmse too small": ({"rmse": 1.0}, "rmse is 1, and must be at least 2: 1 short"),
    "r2 too small": ({"r2": 0.75}, "r2 is 0.75, and must be at least 0.8: 0.05 short"),
    "r2 too good to be true": ({"r2": 0.99}, "r2 is 0.99, and must be at most 0.98: 0.01 too much"),
    "rmse that is not there": ({"rmse": None}, "rmse is not defined, and must be at least 2"),
    "r2 that is no number": ({"r2": math.nan}, "r2 is not defined, and must be at least 0.8"),
    "mae that is not finite": ({"mae": math.inf}, "mae against 50% of the median dummy's is not defined"),
    "dummy that is not there": ({"dummy_mae": None}, "mae against 50% of the median dummy's: the dummy's is not def"),
    "dummy that is no number": ({"dummy_mae": math.nan}, "mae against 50% of the median dummy's: the dummy's is not"),
}


@pytest.mark.parametrize(("change", "sentence"), STOPPED.values(), ids=STOPPED.keys())
def test_each_rule_stops_a_model_and_says_by_how_much(
    contract: Contract, change: dict[str, float], sentence: str
) -> None:
    decision = judge(contract, evaluated(**change), PACKAGED)  # type: ignore[arg-type]
    assert not decision.passed
    assert decision.sentence.startswith("Refused: ")
    assert sentence in decision.sentence
    with pytest.raises(GateRefused) as refused:
        require(decision)
    assert str(refused.value) == decision.sentence


@pytest.mark.parametrize(
    "change",
    [{"rows": 50}, {"dummy_mae": 80.0}, {"mae": 50.0, "dummy_mae": 100.0}, {"rmse": 70.0}, {"r2": 0.8}, {"r2": 0.98}],
    ids=str,
)
def test_limits_are_inclusive(contract: Contract, change: dict[str, float]) -> None:
    assert judge(contract, evaluated(**change), PACKAGED).passed  # type: ignore[arg-type]


@pytest.mark.parametrize(("parity", "passed"), [(1e-4, True), (1.1e-4, False), (math.nan, False)])
def test_parity_is_a_rule_of_its_own(contract: Contract, parity: float, passed: bool) -> None:
    packaged = Packaged.model_construct(run_id="run", digest="d", bytes=1, parity=parity)
    decision = judge(contract, evaluated(), packaged)
    assert [rule.passed for rule in decision.rules if "parity" in rule.name] == [passed]
    assert decision.passed is passed


def test_the_gate_is_on_where_a_contract_says_nothing_of_it(small_contract: Contract) -> None:
    assert judge(small_contract, evaluated(), PACKAGED).passed
    assert not judge(small_contract, evaluated(dummy_mae=41.0), PACKAGED).passed
