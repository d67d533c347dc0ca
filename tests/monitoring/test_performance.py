"""Live performance: what is measured on truth that has arrived, and which rule speaks or stays silent."""

import copy
import re

import numpy as np
import pandas as pd
import pytest

from monitoring.findings import Drift, Findings
from monitoring.frames import HIGH, LATENCY_MS, LOW, VERSION, normal_form
from monitoring.measured import Performance
from monitoring.performance.certainty import ends_of, in_blocks
from monitoring.performance.live_errors import errors_of, judged
from monitoring.performance.measure import Known, performance
from monitoring.rules.performance import lacking, live_performance, undecided
from pipeline.contract import PREDICTION, Contract, parse_contract
from tests.conftest import SMALL, make_small_rows

SLICES = {"kind": {}, "area": {"edges": [60, 120]}, "lift": {}, "state": {}}
TYPICAL = 0.08  # relative error of the made-up model


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract({**copy.deepcopy(SMALL), "gate": {"slices": SLICES}})


def rows_of(contract: Contract, n: int, seed: int, factor: float | np.ndarray = 1.0, error: float = TYPICAL):
    """Return answers whose predictions are off by `error`, of a truth that is `factor` times what it was."""
    raw = make_small_rows(n, seed)
    expected = raw["rent"].to_numpy()
    prediction = expected * np.random.default_rng(seed).lognormal(0, error * np.sqrt(np.pi / 2), n)
    half = np.exp(1.645 * TYPICAL * np.sqrt(np.pi / 2))
    added = {PREDICTION: prediction, "rent": expected * factor, LOW: prediction / half, HIGH: prediction * half}
    return normal_form(contract, raw).assign(**added, **{LATENCY_MS: 2.0})


def known(contract: Contract, n: int = 400, seed: int = 10_000) -> Known:
    reference = rows_of(contract, n, seed)
    mae = float((reference[PREDICTION] - reference["rent"]).abs().mean())
    return Known(mae, reference.drop(columns=[LOW, HIGH, LATENCY_MS]), 3)


def judge(contract: Contract, measured: Performance, answers: int | None = None):
    drift = Drift(rows=answers or measured.truths, reference_rows=1, features=1, columns=[], quality=[])
    findings = Findings(version=3, live=drift, performance=measured)
    return [*live_performance(contract, findings), *lacking(contract, findings)]


def grave(reasons):
    return {reason.subject: reason.severity for reason in reasons if reason.severity != "note"}


def test_the_numbers_are_those_that_one_computes_by_hand(contract):
    live = rows_of(contract, 500, 1)
    live.loc[live.index[::5], "rent"] = np.nan
    measured = performance(contract, live, known(contract))
    rows = live.dropna(subset=["rent"])
    error, truth = rows[PREDICTION] - rows["rent"], rows["rent"]
    assert (measured.truths, measured.truth_share) == (400, 0.8)
    assert measured.mae == pytest.approx(error.abs().mean(), rel=1e-12)
    assert measured.rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    assert measured.bias == pytest.approx(error.mean(), rel=1e-12)
    assert measured.r2 == pytest.approx(1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum(), rel=1e-12)
    assert measured.coverage == rows["rent"].between(rows[LOW], rows[HIGH]).mean()
    assert set(measured.ends) == {"mae", "rmse", "bias", "r2", "coverage"}
    for name, ends in measured.ends.items():
        assert ends.low < getattr(measured, name) < ends.high
    assert Performance.model_validate(measured.model_dump(mode="json")) == measured


def test_an_interval_holds_the_true_error_as_often_as_it_says(contract):
    truth = float(np.abs(np.random.default_rng(0).normal(0, 1, 1_000_000)).mean())
    held = 0
    for seed in range(60):
        error = np.random.default_rng(seed).normal(0, 1, 300)
        frame = pd.DataFrame({PREDICTION: 100 + error, "rent": np.full(300, 100.0)})
        ends = ends_of(errors_of(contract, frame), seed)["mae"]
        held += ends.low <= truth <= ends.high
    assert 52 <= held <= 60  # 95 % of 60 are 57


def test_blocks_keep_sums_and_how_a_mean_spreads():
    values = np.random.default_rng(1).lognormal(0, 1, 200_000)
    rows, sums = in_blocks(values, seed=3)
    assert (rows.sum(), len(rows)) == (200_000, 2_000)
    assert sums.sum() == pytest.approx(values.sum())
    spread = np.std(sums - values.mean() * rows) * np.sqrt(len(rows)) / len(values)
    assert spread == pytest.approx(values.std() / np.sqrt(len(values)), rel=0.06)


def test_slices_and_versions_each_have_their_own_error(contract):
    live, other = rows_of(contract, 600, 1), rows_of(contract, 80, 2, error=0.2)
    sides = known(contract)
    compared = Known(sides.mae, sides.reference, 3, other.assign(**{VERSION: [2] * 50 + [1] * 30}), {2: 77.0})
    measured = performance(contract, live, compared)
    for one in measured.slices:
        assert one.column in SLICES
    villas = next(one for one in measured.slices if (one.column, one.group) == ("kind", "Villa"))
    rows, before = live[live["kind"] == "Villa"], sides.reference[sides.reference["kind"] == "Villa"]
    assert villas.truths == len(rows)
    assert villas.mae == pytest.approx((rows[PREDICTION] - rows["rent"]).abs().mean())
    assert villas.held_out_mae == pytest.approx((before[PREDICTION] - before["rent"]).abs().mean())
    assert villas.mae_ends.low < villas.mae < villas.mae_ends.high
    groups = {one.group for one in measured.slices if one.column == "area"}
    assert groups == {"under 60", "60 to 120", "120 and more"}
    assert [(one.version, one.answers, one.held_out_mae) for one in measured.versions] == [
        (3, 600, sides.mae),
        (2, 50, 77.0),
        (1, 30, None),
    ]
    first = other.iloc[:50]
    assert measured.versions[1].mae == pytest.approx((first[PREDICTION] - first["rent"]).abs().mean())


def test_unchanged_windows_are_silent_and_prices_that_rose_are_noticed(contract):
    """The full counts are in benchmarks; here a few of each."""
    sides = known(contract)
    quiet = [grave(judge(contract, performance(contract, rows_of(contract, 1000, s), sides))) for s in range(15)]
    assert not any(quiet)
    dearer = [grave(judge(contract, performance(contract, rows_of(contract, 1000, s, 1.15), sides))) for s in range(15)]
    assert all(found.get("bias") == "act" for found in dearer)
    cheaper = performance(contract, rows_of(contract, 1000, 99, 1 / 1.15), sides)
    assert grave(judge(contract, cheaper))["bias"] == "act"
    sentence = next(reason.sentence for reason in judge(contract, cheaper) if reason.subject == "bias")
    assert "further above the truth" in sentence


def test_a_target_that_is_fitted_as_it_is_has_its_bias_in_its_own_unit():
    plain = copy.deepcopy(SMALL)
    plain["target"] = {"name": "rent", "unit": "EUR"}
    contract = parse_contract(plain)
    sides, live = known(contract), rows_of(contract, 500, 1)
    measured = performance(contract, live.assign(rent=live["rent"] + 200), sides)
    shifted = measured.shifted
    assert not shifted.relative
    sentence = next(reason.sentence for reason in judge(contract, measured) if reason.subject == "bias")
    assert re.match(r"Predictions lie \d\d\d(\.\d)? EUR further below the truth than on the held-out rows", sentence)
    unchanged = performance(contract, live, sides).shifted
    assert shifted.moved == pytest.approx(unchanged.moved - 200)


@pytest.mark.parametrize(
    ("rows", "error", "severity"),
    [(1000, TYPICAL, "note"), (1000, 1.2 * TYPICAL, "note"), (1000, 1.6 * TYPICAL, "act"), (60, 1.35 * TYPICAL, None)],
)
def test_a_larger_error_asks_to_act_where_the_rows_are_enough_to_tell(contract, rows, error, severity):
    measured = performance(contract, rows_of(contract, rows, 7, error=error), known(contract))
    reason = next(reason for reason in judge(contract, measured) if reason.subject == "error")
    assert reason.severity == (severity or reason.severity) != ("act" if severity is None else "")
    assert (reason.value, reason.limit) == (measured.mae, 1.25 * measured.held_out_mae)
    assert measured.growth.ends.low < measured.ratio < measured.growth.ends.high


def test_without_held_out_predictions_the_release_s_error_stands_alone(contract):
    sides = known(contract)
    alone = Known(sides.mae, sides.reference.assign(**{PREDICTION: np.nan}), 3)
    worse, same = (performance(contract, rows_of(contract, 1000, 5, error=x), alone) for x in (2 * TYPICAL, TYPICAL))
    assert (worse.growth, worse.shifted, worse.held_out_rows) == (None, None, 0)
    assert grave(judge(contract, worse))["error"] == "act"
    assert "error" not in grave(judge(contract, same))


def test_a_slice_that_got_much_worse_is_named_with_its_value_and_limit(contract):
    live = rows_of(contract, 1500, 3)
    villas = live["kind"] == "Villa"
    live.loc[villas, "rent"] = live.loc[villas, "rent"] * np.where(np.arange(villas.sum()) % 2, 1.2, 1 / 1.2)
    reasons = judge(contract, performance(contract, live, known(contract)))
    named = [reason for reason in reasons if reason.subject == "kind: Villa"]
    assert [reason.severity for reason in named] == ["watch"]
    assert named[0].value > named[0].limit > 0
    assert "Where kind is Villa" in named[0].sentence


def test_a_slice_of_few_rows_is_reported_and_not_judged(contract):
    live = rows_of(contract, 400, 3)
    few = live.index[live["kind"] == "Villa"][20:]
    measured = performance(contract, live.drop(index=few), known(contract))
    villas = next(one for one in measured.slices if one.group == "Villa")
    assert (villas.truths, villas.chance) == (20, None)
    assert villas.held_out_mae is not None


@pytest.mark.parametrize(("rows", "held", "fires"), [(1000, 0.82, True), (1000, 0.87, False), (60, 0.82, False)])
def test_the_interval_s_limit_knows_how_many_rows_there_are(contract, rows, held, fires):
    live = rows_of(contract, rows, 3)
    inside = np.arange(rows) < held * rows
    live = live.assign(**{LOW: np.where(inside, 0, 1e9), HIGH: np.full(rows, 2e9)})
    measured = performance(contract, live, known(contract))
    assert measured.coverage == pytest.approx(held, abs=1 / rows)
    assert (grave(judge(contract, measured)).get("interval") == "watch") == fires


def test_few_truths_are_said_to_be_few_with_the_error_to_expect(contract):
    live = rows_of(contract, 500, 3)
    live.loc[live.index[20:], "rent"] = np.nan
    reasons = judge(contract, performance(contract, live, known(contract)), 500)
    assert [(reason.subject, reason.severity, reason.value) for reason in reasons] == [("truth", "note", 20)]
    assert "To be expected of the others is" in reasons[0].sentence


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_truth_is_no_failure(contract, rows):
    live = rows_of(contract, 100, 3)
    live.loc[live.index[rows:], "rent"] = np.nan
    measured = performance(contract, live, known(contract))
    assert measured.truths == rows
    assert (measured.mae is None) == (rows == 0)
    assert Performance.model_validate(measured.model_dump(mode="json")) == measured


def test_equal_truths_columns_of_nulls_and_absent_slices_are_no_failure(contract):
    live = rows_of(contract, 200, 3).assign(rent=700.0, kind=None, area=np.nan).drop(columns=["lift"])
    measured = performance(contract, live, known(contract))
    assert measured.r2 is None
    assert {(one.column, one.group) for one in measured.slices} >= {("kind", "missing"), ("area", "missing")}
    assert "lift" not in {one.column for one in measured.slices}


def test_only_rows_with_prediction_and_truth_are_judged(contract):
    frame = pd.DataFrame({PREDICTION: [1.0, np.nan, 3.0], "rent": [1.0, 2.0, np.nan]})
    assert len(judged(contract, frame)) == 1
    assert len(judged(contract, frame.drop(columns=["rent"]))) == 0


def test_a_few_errors_at_the_largest_truths_leave_a_target_healthy_whose_errors_are_shares(contract):
    """Their mean in the unit of the target is over its limit; their mean share is hardly larger."""
    live = rows_of(contract, 300, 3)
    live.loc[live.index[:2], [PREDICTION, "rent"]] = [[90_000.0, 100_000.0], [110_000.0, 100_000.0]]
    measured = performance(contract, live, known(contract))
    assert measured.ratio > 1.5
    assert not undecided(contract, measured)
    (error,) = (reason for reason in judge(contract, measured) if reason.subject == "error")
    assert error.severity == "note"
    assert "As shares of the truth, errors are as before" in error.sentence
    off = live.assign(rent=live["rent"].where(live.index >= 2, live["rent"] * 1e6))
    assert undecided(contract, performance(contract, off, known(contract)))
