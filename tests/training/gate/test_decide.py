"""Each rule of the gate: a challenger that it stops, and one that it lets through."""

import math
from typing import Any

import numpy as np
import pytest

from pipeline.bootstrap import Estimate
from pipeline.bundle.format import Interval
from pipeline.contract import Contract, Limit
from pipeline.contract.gate_section import Slice
from training.errors import GateRefused
from training.evaluation.document import Evaluation
from training.gate.decide import decide
from training.gate.decision import Decision, require
from training.gate.evidence import Evidence, Rival
from training.package import Packaged
from training.rules import Rule, rule

ROWS = 300
RECENT = np.arange(ROWS) % 5 == 0
KINDS = np.repeat(["Flat", "Terraced House", "Villa"], ROWS // 3)
FEW = np.array(["lift"] * 29 + ["none"] * (ROWS - 29))
GOOD = {"mae": 40.0, "rmse": 60.0, "r2": 0.9}


def evidence(
    *,
    first: bool = False,
    rows: int = ROWS,
    saved: float = 0.2,
    doubled: Any = False,
    undefined: Any = False,
    recent: Any = RECENT,
    shift: bool = False,
    groups: dict[str, Any] | None = None,
    metrics: dict[str, float] | None = None,
    dummy: dict[str, float] | None = None,
    robustness: list[Rule] | None = None,
    incomparable: str = "",
    **packaged: float,
) -> Evidence:
    """A challenger that saves a share of the champion's errors, but for the rows where they are doubled."""
    rng = np.random.default_rng(1)
    champion, noise = 0.1 * rng.lognormal(0, 0.5, ROWS), rng.lognormal(0, 0.05, ROWS)
    challenger = champion * (1 - saved) * (noise if saved else 1) * np.where(doubled, 2, 1)
    challenger = np.where(undefined, np.nan, challenger)
    return Evidence(
        evaluation=evaluation(GOOD | (metrics or {}), {"mae": 100.0} if dummy is None else dummy, robustness or []),
        packaged=bundle(**packaged),
        errors=challenger[:rows],
        recent=np.asarray(recent)[:rows],
        shift=shift,
        groups={name: labels[:rows] for name, labels in ({"kind": KINDS} if groups is None else groups).items()},
        rival=None if first or incomparable else Rival(7, champion[:rows]),
        incomparable=incomparable,
    )


def evaluation(metrics: dict[str, float], dummy: dict[str, float], robustness: list[Rule]) -> Evaluation:
    # A NaN is what the gate has to bear, though no stage would hand it one.
    values = {
        name: Estimate.model_construct(value=value, low=None, high=None)
        for name, value in metrics.items()
        if value is not None
    }
    return Evaluation.model_construct(
        error="mean_abs_log_error",
        rows=150,
        metrics=values,
        dummy=dummy,
        interval=Interval(level=0.9, scale="log", half_width=0.2),
        robustness=robustness,
    )


def bundle(parity: float = 1e-6, latency_ms: float = 1.0, size: float = 1000) -> Packaged:
    return Packaged.model_construct(
        run_id="run", digest="d" * 64, bytes=size, parity=parity, latency_ms=latency_ms, rows={}
    )


def gated(contract: Contract, **changes: Any) -> Contract:
    return contract.model_copy(update={"gate": contract.gate.model_copy(update=changes)})


def judged(contract: Contract, found: dict[str, Any], gate: dict[str, Any]) -> Decision:
    return decide(gated(contract, **gate), evidence(**found))


def refusing(decision: Decision) -> list[str]:
    return [one.sentence for one in decision.rules if not one.passed]


R2 = {"limits": {"r2": Limit(minimum=0.8, maximum=0.98)}}
MAE = {"limits": {"mae": Limit(minimum=1, maximum=50)}}
SHAKY = rule("Change under perturbations", 0.2, "at most", 0.1)
STEADY = rule("Change under perturbations", 0.1, "at most", 0.1)
VILLA = {"slices": {"kind": Slice(required=("Villa",))}}
CASTLE = {"slices": {"kind": Slice(required=("Castle",))}}
# What is found and what the contract says: for a challenger that is stopped, for one that passes; and what is said.
RULES: dict[str, tuple[tuple[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]], str]] = {
    "held-out rows": (
        ({}, {"minimum_rows": 301}),
        ({}, {"minimum_rows": 300}),
        "the number of held-out rows is 300, and must be at least 301: 1 short",
    ),
    "held-out rows of a first model": (
        ({"first": True, "rows": 20}, {}),
        ({"first": True, "rows": 30}, {}),
        "the number of held-out rows is 20, and must be at least 30: 10 short",
    ),
    "first model, by far better than the dummy": (
        ({"first": True, "metrics": {"mae": 51.0}}, {"share_of_dummy": 0.5}),
        ({"first": True, "metrics": {"mae": 50.0}}, {"share_of_dummy": 0.5}),
        "dummy's is 51 %, and must be at most 50 %: 1 point too much (51 EUR against 100 EUR on 150 test rows)",
    ),
    "later model, better than the dummy": (
        ({"metrics": {"mae": 100.0}}, {"share_of_dummy": 0.5}),
        ({"metrics": {"mae": 99.9}}, {"share_of_dummy": 0.5}),
        "the MAE as a share of the dummy's is 100 %, and must be below 100 %",
    ),
    "limit from above": (
        ({"metrics": {"mae": 50.5}}, MAE),
        ({"metrics": {"mae": 50.0}}, MAE),
        "the MAE is 50.5 EUR, and must be at most 50 EUR: 0.5 EUR too much",
    ),
    "limit from below": (
        ({"metrics": {"r2": 0.75}}, R2),
        ({"metrics": {"r2": 0.8}}, R2),
        "the R2 is 0.75, and must be at least 0.8: 0.05 short",
    ),
    "limit on what is too good to be true": (
        ({"metrics": {"r2": 0.99}}, R2),
        ({"metrics": {"r2": 0.98}}, R2),
        "the R2 is 0.99, and must be at most 0.98: 0.01 too much",
    ),
    "limit of a first model": (
        ({"first": True, "metrics": {"r2": 0.75}}, R2),
        ({"first": True}, R2),
        "the R2 is 0.75, and must be at least 0.8",
    ),
    "gain that is sure": (
        ({"saved": 0.01}, {"minimum_gain": 0.1}),
        ({"saved": 0.2}, {"minimum_gain": 0.1}),
        "the lower bound of the gain over version 7 is",
    ),
    "gain that is above its least, and not at it": (
        ({"saved": 0.0}, {"minimum_gain": 0.0}),
        ({"saved": 0.02}, {"minimum_gain": 0.0}),
        "over version 7 is 0 %, and must be above 0 % (gain 0 %, 95 % interval 0 % to 0 %; mean |log error|",
    ),
    "recent rows": (
        ({"saved": 0.4, "doubled": RECENT}, {}),
        ({"saved": 0.6, "doubled": RECENT}, {}),
        "the lower bound of the worsening on the last windows is",
    ),
    "gain on recent rows after a shift": (
        ({"saved": 0.4, "doubled": RECENT, "shift": True}, {}),
        ({"saved": 0.4, "doubled": ~RECENT, "shift": True}, {}),
        "the lower bound of the gain over version 7 is",
    ),
    "enough recent rows after a shift": (
        ({"recent": np.arange(ROWS) < 59, "shift": True}, {}),
        ({"recent": np.arange(ROWS) < 60, "shift": True}, {}),
        "the number of rows of the last windows is 59, and must be at least 60: 1 short (a shift was found",
    ),
    "slices": (
        ({"saved": 0.45, "doubled": KINDS == "Villa"}, {}),
        ({"saved": 0.5, "doubled": KINDS == "Villa"}, {}),
        "the lower bound of the worsening on slice kind Villa is",
    ),
    "size of a slice that counts": (
        ({"doubled": FEW == "lift", "groups": {"lift": FEW}}, {"slice_rows": 29}),
        ({"doubled": FEW == "lift", "groups": {"lift": FEW}}, {"slice_rows": 30}),
        "the lower bound of the worsening on slice lift lift is",
    ),
    "required slices": (
        ({}, CASTLE),
        ({}, VILLA),
        "kind Castle is 0, and must be at least 1: 1 short (a required group; those with rows are: Flat, Terraced H",
    ),
    "required slices of a first model": (
        ({"first": True, "groups": {}}, VILLA),
        ({"first": True}, VILLA),
        "the number of rows of kind Villa is 0, and must be at least 1",
    ),
    "robustness": (
        ({"robustness": [SHAKY]}, {}),
        ({"robustness": [STEADY]}, {}),
        "Change under perturbations is 0.2, and must be at most 0.1",
    ),
    "robustness of a first model": (
        ({"first": True, "robustness": [SHAKY]}, {}),
        ({"first": True, "robustness": [STEADY]}, {}),
        "Change under perturbations is 0.2, and must be at most 0.1",
    ),
    "parity": (
        ({"parity": 1.1e-4}, {}),
        ({"parity": 1e-4}, {}),
        "the largest difference between ONNX and scikit-learn is 0.00011, and must be at most 0.0001: 1e-05 too much",
    ),
    "latency": (
        ({"latency_ms": 21.0}, {}),
        ({"latency_ms": 20.0}, {}),
        "the median latency of one row is 21 ms, and must be at most 20 ms: 1 ms too much",
    ),
    "size": (
        ({"size": 101_000_000}, {}),
        ({"size": 100_000_000}, {}),
        "the size of the ONNX model is 101 MB, and must be at most 100 MB: 1 MB too much",
    ),
    "champion that cannot be compared": (
        ({"incomparable": "version 7 needs columns that are gone: area"}, {}),
        ({"incomparable": "version 7 needs columns that are gone: area"}, {"incomparable": "limits"}),
        "version 7 needs columns that are gone: area; set gate.incomparable to `limits`",
    ),
}
CASES = {name: (found, gate, said) for name, ((found, gate), _, said) in RULES.items()}
PASSES = {name: passes for name, (_, passes, _) in RULES.items()}


@pytest.mark.parametrize(("found", "gate", "said"), CASES.values(), ids=CASES.keys())
def test_a_rule_stops_a_challenger_and_says_by_how_much(
    small_contract: Contract, found: dict[str, Any], gate: dict[str, Any], said: str
) -> None:
    decision = judged(small_contract, found, gate)
    assert not decision.passed
    assert len(refusing(decision)) == 1, "no other rule is in the way"
    assert said in refusing(decision)[0]
    assert refusing(decision)[0] in decision.sentence
    with pytest.raises(GateRefused) as refused:
        require(decision)
    assert str(refused.value) == decision.sentence
    assert ["When the gate refuses" in note for note in refused.value.__notes__] == [True]


@pytest.mark.parametrize(("found", "gate"), PASSES.values(), ids=PASSES.keys())
def test_the_same_rule_lets_a_challenger_through(
    small_contract: Contract, found: dict[str, Any], gate: dict[str, Any]
) -> None:
    decision = judged(small_contract, found, gate)
    assert refusing(decision) == []
    assert decision.passed
    assert decision.sentence.startswith("Promoted ")
    require(decision)


ALL = {"limits": {"mae": Limit(maximum=50), "r2": Limit(minimum=0.8)}}
MISSING: dict[str, tuple[dict[str, Any], str]] = {
    "a metric that is not there": ({"metrics": {"r2": None}}, "the R2 is not defined, and must be at least 0.8"),
    "a metric that is no number": ({"metrics": {"r2": math.nan}}, "the R2 is not defined"),
    "a metric that is not finite": ({"metrics": {"mae": math.inf}}, "the MAE is not defined, and must be at most 50"),
    "no MAE": (
        {"metrics": {"mae": None}},
        "dummy's is not defined, and must be below 100 % (undefined against 100 EUR",
    ),
    "no MAE of a first model": ({"first": True, "metrics": {"mae": None}}, "is not defined, and must be at most 80 %"),
    "no dummy": ({"dummy": {}}, "the dummy's is not defined, and must be below 100 % (40 EUR against undefined"),
    "a dummy that is no number": ({"dummy": {"mae": math.nan}}, "as a share of the dummy's is not defined"),
    "a dummy without error": ({"dummy": {"mae": 0.0}}, "the MAE as a share of the dummy's is not defined"),
    "parity that is no number": ({"parity": math.nan}, "between ONNX and scikit-learn is not defined"),
    "latency that is not there": ({"latency_ms": None}, "the median latency of one row is not defined"),
    "an error that is no number": ({"undefined": RECENT}, "gain over version 7 is not defined, and must be above"),
    "a slice's error that is no number": (
        {"undefined": KINDS == "Flat"},
        "worsening on slice kind Flat is not defined",
    ),
    "rows that are recent": ({"recent": np.zeros(ROWS, bool)}, "worsening on the last windows is not defined"),
    "rows at all": ({"rows": 0}, "the lower bound of the gain over version 7 is not defined"),
}


@pytest.mark.parametrize(("found", "said"), MISSING.values(), ids=MISSING.keys())
def test_what_is_not_defined_never_passes(small_contract: Contract, found: dict[str, Any], said: str) -> None:
    decision = judged(small_contract, found, ALL)
    assert not decision.passed
    assert any(said in sentence for sentence in refusing(decision))
    Decision.model_validate_json(decision.model_dump_json())


def test_a_small_slice_is_reported_and_does_not_count(small_contract: Contract) -> None:
    decision = judged(small_contract, {"doubled": FEW == "lift", "groups": {"lift": FEW}}, {})
    assert decision.passed
    (report,) = [one for one in decision.rules if one.name == "slices of fewer than 30 rows"]
    assert report.sentence.startswith(
        "slices of fewer than 30 rows do not count: 1 (how their mean |log error| changes: "
    )
    assert "lift lift (29) grows by 58.5 %)" in report.sentence


def test_the_more_slices_there_are_the_surer_a_harm_must_be(small_contract: Contract) -> None:
    rng = np.random.default_rng(3)
    unlucky = rng.lognormal(0, 0.6, ROWS) * np.where(KINDS == "Villa", 1.5, 1)
    one = Evidence(
        evaluation=evaluation(GOOD, {"mae": 100.0}, []),
        packaged=bundle(),
        errors=unlucky,
        recent=RECENT,
        shift=False,
        groups={"kind": np.where(KINDS == "Villa", "Villa", "other")},
        rival=Rival(7, rng.lognormal(0, 0.6, ROWS)),
    )
    many = {f"column {place}": np.roll(KINDS, place) for place in range(12)}
    bounds = [
        next(
            one.value
            for one in decide(small_contract, found).rules
            if one.name == "the lower bound of the worsening on slice kind Villa"
        )
        for found in (one, replace_groups(one, many))
    ]
    assert bounds[0] > bounds[1]


def replace_groups(found: Evidence, more: dict[str, Any]) -> Evidence:
    return Evidence(**{**vars(found), "groups": {**found.groups, **more}})


def test_after_a_shift_old_rows_neither_decide_nor_count_in_slices(small_contract: Contract) -> None:
    recent = np.arange(ROWS) >= ROWS - 90
    old = {"saved": 0.3, "doubled": ~recent, "recent": recent}
    assert not judged(small_contract, old, {}).passed
    decision = judged(small_contract, {**old, "shift": True}, {})
    assert decision.passed
    assert decision.compared is not None
    assert (decision.compared.deciding, decision.compared.rows) == ("recent", 90)
    assert [one.name for one in decision.rules if "kind" in one.name] == [
        "the lower bound of the worsening on slice kind Villa"
    ]
    assert decision.sentence.startswith(
        "Promoted over version 7: on 90 held-out rows of the last windows, after a shift"
    )


def test_a_promotion_says_over_whom_by_how_much_and_on_how_many_rows(small_contract: Contract) -> None:
    decision = judged(small_contract, {}, {})
    assert decision.compared is not None
    found = decision.compared
    assert (found.champion, found.error, found.deciding, found.rows) == (7, "mean_abs_log_error", "all", 300)
    assert found.gain.value == pytest.approx(1 - found.challenger_error / found.champion_error)
    assert found.gain.low < found.gain.value < found.gain.high
    assert decision.sentence.startswith(
        "Promoted over version 7: on 300 held-out rows the mean |log error| falls by 19.6 %, 95 % interval 19."
    )
    assert decision.sentence.endswith(f"; all {len(decision.rules)} rules passed.")


def test_a_first_model_is_promoted_by_its_distance_from_the_dummy(small_contract: Contract) -> None:
    decision = judged(small_contract, {"first": True}, {})
    assert decision.compared is None
    assert decision.sentence == (
        "Promoted as the first model: the MAE as a share of the dummy's is 40 %, and must be at most 80 % "
        "(40 EUR against 100 EUR on 150 test rows); all 5 rules passed."
    )


def test_a_model_without_a_comparison_says_so(small_contract: Contract) -> None:
    decision = judged(small_contract, {"incomparable": "version 7 is of old"}, {"incomparable": "limits"})
    assert decision.compared is None
    assert decision.sentence.startswith("Promoted without a comparison (version 7 is of old): the MAE as a share")
    assert "judged as the first model would be" in decision.rules[0].sentence
    refused = judged(small_contract, {"incomparable": "version 7 is of old"}, {})
    assert refused.sentence.startswith("Refused, and what is live stays live: version 7 is of old; set gate.incompar")
    harsher = judged(
        small_contract, {"incomparable": "version 7 is of old", "metrics": {"mae": 81.0}}, {"incomparable": "limits"}
    )
    assert not harsher.passed, "it must pass the limits of a first model then"


def test_a_refusal_names_every_rule_the_gravest_first(small_contract: Contract) -> None:
    found = {"saved": 0.0, "doubled": KINDS == "Villa", "latency_ms": 30.0, "metrics": {"r2": math.nan}}
    decision = judged(small_contract, found, {"limits": {"r2": Limit(minimum=0.8)}})
    said = ("the R2 is not defined", "of the gain", "worsening on the last windows", "kind Villa", "latency")
    places = [decision.sentence.index(word) for word in said]
    assert places == sorted(places)
    assert decision.sentence.startswith("Refused, and version 7 stays live: ")
    assert len(refusing(decision)) == len(said)


def test_several_slices_share_a_sentence(small_contract: Contract) -> None:
    decision = judged(small_contract, {"saved": 0.0, "doubled": True, "groups": {"kind": KINDS}}, {})
    shared = "the lower bound of the worsening must be at most 5 %, and on 3 slices it is more: "
    assert f"{shared}kind Flat 100 %, kind Terraced House 100 %, kind Villa 100 %" in decision.sentence
    assert decision.sentence.count("kind") == 3


def test_the_same_evidence_gives_the_same_decision(small_contract: Contract) -> None:
    assert judged(small_contract, {}, {}) == judged(small_contract, {}, {})


def test_numbers_are_written_for_people(small_contract: Contract) -> None:
    decision = judged(small_contract, {"metrics": {"mae": 1_234_567.8}, "dummy": {"mae": 2e6}}, MAE)
    assert "the MAE is 1,234,568 EUR, and must be at most 50 EUR: 1,234,518 EUR too much" in decision.sentence


def test_the_gate_is_on_where_a_contract_says_nothing_of_it(small_contract: Contract) -> None:
    assert judged(small_contract, {"first": True, "metrics": {"mae": 80.0}}, {}).passed
    assert not judged(small_contract, {"first": True, "metrics": {"mae": 80.1}}, {}).passed
    assert not judged(small_contract, {"saved": 0.0}, {}).passed
