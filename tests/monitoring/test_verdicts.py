"""From gathered rows to the verdict: each finding is shown firing and silent."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from monitoring.findings import Findings
from monitoring.frames import LATENCY_MS
from monitoring.verdict import verdict
from pipeline.contract import PREDICTION

GARDEN = "größe des gartens"


def sentences(look) -> str:
    return "\n".join(look.verdict.reasons)


def test_other_rows_of_the_same_population_are_healthy(look, reference, live):
    seen = look(reference, live)
    assert seen.verdict.status == "healthy"
    assert seen.verdict.retrain is None
    assert seen.findings.live.changed == []
    assert {item.column for item in seen.findings.live.columns} == set(live.columns[: seen.findings.live.features])
    assert not seen.findings.prediction.drifted
    assert "None of 7 columns of live traffic drifted, over 300 answers." in seen.verdict.reasons


def test_small_samples_of_the_same_population_do_not_drift(look, reference, live):
    """With a fixed limit of 0.15 most of them would: chance alone brings 50 rows further than that."""
    alarms, beyond = 0, 0
    for part in range(6):
        drift = look(reference, live[50 * part : 50 * part + 50].reset_index(drop=True)).findings.live
        alarms += len(drift.changed)
        beyond += any(item.distance > 0.15 for item in drift.columns)
    assert alarms <= 1
    assert beyond >= 2


def test_one_shifted_number_is_named_and_watched(look, reference, live):
    seen = look(reference, live.assign(area=live["area"] + 40))
    assert seen.findings.live.changed == ["area"]
    assert seen.verdict.status == "watch"
    assert seen.verdict.retrain is None
    assert "1 column of 7 (14%) of live traffic drifted from the training data (to act: 30%): area." in sentences(seen)


def test_a_category_that_became_twice_as_frequent_is_named(look, reference, live):
    villas = live["kind"] == "Villa"
    doubled = pd.concat([live[villas], live[villas], live[~villas].sample(300 - 2 * villas.sum(), random_state=0)])
    doubled = doubled.sort_index().reset_index(drop=True)
    assert (doubled["kind"] == "Villa").mean() == pytest.approx(2 * villas.mean())
    assert look(reference, doubled).findings.live.changed == ["kind"]


def test_many_drifted_columns_ask_for_a_retraining(look, reference, live):
    seen = look(reference, live.assign(area=live["area"] * 2, **{"class": 5.0}, lift="true"))
    assert seen.findings.live.changed == ["area", "class", "lift"]
    assert seen.verdict.status == "act"
    assert "3 columns of 7 (43%)" in seen.verdict.retrain


def test_true_prices_half_as_high_again_ask_for_a_retraining(look, reference, live):
    seen = look(reference, live.assign(rent=live["rent"] * 1.5))
    assert seen.verdict.status == "act"
    assert seen.verdict.reasons[0].startswith("The live mean absolute error is ")
    assert "over 300 truths" in seen.verdict.retrain
    assert "(limit: 1.25 times)" in seen.verdict.retrain
    assert seen.findings.performance.bias < -50
    assert "The interval holds" in sentences(seen)


@pytest.mark.parametrize("worse", [1.2, 1.3])
def test_the_live_error_counts_from_its_limit_on(look, reference, live, worse):
    seen = look(reference, live.assign(rent=live[PREDICTION] + worse * (live["rent"] - live[PREDICTION])))
    assert seen.findings.performance.ratio == pytest.approx(worse)
    assert (seen.verdict.status == "act") == (worse > 1.25)


def test_errors_equal_a_computation_by_hand(look, reference, live):
    late = live.assign(rent=live["rent"].where(live.index % 3 != 0))
    measured = look(reference, late).findings.performance
    judged = late.dropna(subset=["rent"])
    truth, prediction = judged["rent"], judged[PREDICTION]
    assert (measured.truths, measured.truth_share) == (200, pytest.approx(2 / 3))
    assert measured.mae == pytest.approx(mean_absolute_error(truth, prediction)) == pytest.approx(20)
    assert measured.rmse == pytest.approx(root_mean_squared_error(truth, prediction))
    assert measured.r2 == pytest.approx(r2_score(truth, prediction))
    assert measured.bias == pytest.approx(float((prediction - truth).mean()))
    assert measured.coverage == 1.0


def test_without_truth_the_error_is_unknown_and_nothing_is_called_healthy(look, reference, live):
    seen = look(reference, live.assign(rent=np.nan))
    assert seen.verdict.status == "not enough data"
    assert seen.verdict.reasons == ["The truth of 0 of 300 answers has arrived; the live error is judged from 50 on."]
    assert seen.findings.performance.mae is None


def test_drift_is_told_without_truth(look, reference, live):
    assert look(reference, live.assign(rent=np.nan, area=900.0)).verdict.status == "watch"


@pytest.mark.parametrize("rows", [0, 1, 2, 49])
def test_too_few_answers_are_never_healthy(look, reference, live, rows):
    seen = look(reference, live[:rows])
    assert seen.verdict.status == "not enough data"
    assert seen.verdict.retrain is None
    told = f"{rows} predictions were answered in 30 days; at least 50 are needed to judge."
    assert seen.verdict.reasons[0] == told


def test_few_answers_do_not_act_however_wrong_they_are(look, reference, live):
    assert look(reference, live[:49].assign(rent=1.0, area=900.0)).verdict.status == "not enough data"


@pytest.mark.parametrize(("column", "value"), [(GARDEN, np.nan), ("kind", None), ("area", 70.0), ("lift", "true")])
def test_a_column_that_holds_nothing_or_one_value_is_a_finding_of_its_own(look, reference, live, column, value):
    stuck = live.copy()
    stuck[column] = pd.Series([value] * len(live), dtype=live[column].dtype)
    seen = look(reference, stuck)
    assert seen.findings.live.changed == [column]
    assert [item.problem for item in seen.findings.live.quality] == ["empty" if pd.isna(value) else "constant"]
    assert column not in {item.column for item in seen.findings.live.columns}
    assert seen.verdict.status == "watch"
    assert f"in all 300 rows; in the reference {(reference[column] == value).mean():.1%}" in sentences(seen) or pd.isna(
        value
    )


def test_a_value_that_nearly_all_rows_hold_may_fill_a_small_sample(look, reference, live):
    common = reference.assign(lift=["false" if place % 100 == 0 else "true" for place in range(len(reference))])
    assert look(common, live.assign(lift="true")).findings.live.changed == []


def test_values_that_go_missing_are_a_finding(look, reference, live):
    seen = look(reference, live.assign(**{GARDEN: live[GARDEN].where(live.index % 2 == 0)}))
    assert [(item.column, item.problem) for item in seen.findings.live.quality] == [(GARDEN, "missing")]
    assert seen.findings.live.changed == [GARDEN]


def test_unseen_words_are_told_and_change_nothing_by_themselves(look, reference, live):
    strange = live.copy()
    strange.loc[:2, "district"] = "atlantis"
    seen = look(reference, strange)
    unseen = [item.sentence for item in seen.findings.live.quality if item.problem == "unseen"]
    assert unseen[0].startswith("district holds words that were never seen, in 3 of 300 rows")
    assert "atlantis" in unseen[0]
    assert seen.verdict.status == "healthy"


def test_a_column_that_the_training_data_did_not_have_is_named(look, reference, live):
    seen = look(reference.drop(columns="kind"), live)
    assert [(item.column, item.problem) for item in seen.findings.live.quality if item.column == "kind"] == [
        ("kind", "absent")
    ]
    assert seen.verdict.status == "watch"


def test_a_column_without_variation_in_the_training_data_is_no_failure(look, reference, live):
    flat = reference.assign(area=70.0)
    assert look(flat, live).findings.live.changed == ["area"]
    assert look(flat, live.assign(area=70.0)).findings.live.changed == []
    assert look(reference.assign(area=np.nan), live).findings.live.changed == ["area"]


def test_predictions_that_move_are_watched(look, reference, live):
    seen = look(reference, live.assign(**{PREDICTION: live[PREDICTION] * 2, "rent": live["rent"] * 2}))
    assert seen.findings.prediction.drifted
    assert "The predictions lie" in sentences(seen)


def test_many_refusals_are_watched_and_few_are_not(look, reference, live):
    many = look(reference, live, refusals={"area": {"range": 40}, "kind": {"category": 10}})
    assert many.verdict.status == "watch"
    assert "50 values were refused beside 300 answers (14%; limit: 10%), most of them of area." in sentences(many)
    assert look(reference, live, refusals={"area": {"range": 3}}).verdict.status == "healthy"


def test_new_data_is_compared_apart(look, reference, live):
    moved = live.assign(area=900.0, **{"class": 5.0}, lift="true")
    seen = look(reference, live, new_data=moved)
    assert seen.findings.live.changed == []
    assert seen.findings.new_data.changed == ["area", "class", "lift"]
    assert seen.verdict.status == "watch"
    assert "of newly ingested data drifted" in sentences(seen)
    assert sorted(seen.findings.snapshots) == ["live traffic", "new data"]


def test_health_is_the_latency_of_the_answers(look, reference, live):
    health = look(reference, live.assign(**{LATENCY_MS: np.arange(300.0)})).findings.health
    assert health.answers == 300
    assert (health.latency_p50_ms, health.latency_p95_ms) == pytest.approx((149.5, 284.05))


def test_the_same_rows_give_the_same_findings(look, reference, live):
    one, two = (look(reference, live, new_data=live[:100]).findings for _ in range(2))
    assert one == two


def test_without_a_release_a_model_is_asked_for(small_contract):
    judged = verdict(small_contract, Findings())
    assert (judged.status, judged.retrain) == ("no model", "no model is released yet")
