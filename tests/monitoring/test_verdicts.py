"""From gathered rows to the verdict: each finding is shown firing and silent."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from monitoring.drift.compare import compare
from monitoring.drift.profiles import profiles
from monitoring.findings import Findings
from monitoring.frames import HIGH, LATENCY_MS
from monitoring.reasons import Reason
from monitoring.rules.drift import unchanged
from monitoring.verdict import verdict
from pipeline.contract import PREDICTION

GARDEN = "größe des gartens"


def grave(look) -> list[Reason]:
    return [reason for reason in look.verdict.reasons if reason.severity != "note"]


def sentences(look) -> str:
    return "\n".join(look.verdict.sentences)


def test_other_rows_of_the_same_population_are_healthy(look, reference, live):
    seen = look(reference, live)
    assert seen.verdict.status == "healthy"
    assert seen.verdict.shift is False
    assert seen.findings.live.changed == []
    assert {item.column for item in seen.findings.live.columns} == set(live.columns[: seen.findings.live.features])
    assert not seen.findings.prediction.drifted
    assert "None of 7 columns of live traffic drifted, over 300 answers." in sentences(seen)


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
    assert seen.verdict.shift is False
    (reason,) = grave(seen)
    assert (reason.view, reason.severity, reason.subject) == ("input drift", "watch", "area")
    assert reason.value >= reason.limit >= 0.15
    assert reason.sentence.startswith("area of live traffic drifted: lies 0.7")
    assert f"(limit: {reason.limit:.2f}), its mean +0.7" in reason.sentence


def test_a_category_that_became_twice_as_frequent_is_named(look, reference, live):
    villas = live["kind"] == "Villa"
    doubled = pd.concat([live[villas], live[villas], live[~villas].sample(300 - 2 * villas.sum(), random_state=0)])
    doubled = doubled.sort_index().reset_index(drop=True)
    assert (doubled["kind"] == "Villa").mean() == pytest.approx(2 * villas.mean())
    seen = look(reference, doubled)
    assert seen.findings.live.changed == ["kind"]
    assert "villa is in 5" in next(reason.sentence for reason in grave(seen) if reason.subject == "kind").lower()


def test_a_category_that_doubled_is_named_even_where_the_column_as_a_whole_hardly_moved(look, reference, live):
    words = np.array(["north", "south", *(f"quarter {place}" for place in range(8))])
    shares = np.array([0.1, 0.1, *([0.1] * 8)])
    more = np.where(words == "north", 0.2, 0.8 / 9)
    rng = np.random.default_rng(0)
    known = reference.assign(district=rng.choice(words, len(reference), p=shares))
    seen = look(known, live.assign(district=rng.choice(words, len(live), p=more)))
    (column,) = [item for item in seen.findings.live.columns if item.drifted]
    assert (column.column, column.distance < column.limit) == ("district", True)
    assert [item.category for item in column.categories] == ["north"]
    assert "district of live traffic drifted: north is in " in sentences(seen)
    assert look(known, live.assign(district=rng.choice(words, len(live), p=shares))).findings.live.changed == []


def test_many_drifted_columns_ask_for_a_retraining(look, reference, live):
    seen = look(reference, live.assign(area=live["area"] * 2, **{"class": 5.0}, lift="true"))
    assert seen.findings.live.changed == ["area", "class", "lift"]
    assert seen.verdict.status == "act"
    assert seen.verdict.shift is True
    assert seen.verdict.sentences[0].startswith("3 columns of 7 (43%)")


def test_true_prices_half_as_high_again_ask_for_a_retraining(look, reference, live):
    seen = look(reference, live.assign(rent=live["rent"] * 1.5))
    assert seen.verdict.status == "act"
    assert seen.verdict.sentences[0].startswith("The live mean absolute error is ")
    assert "over 300 truths" in seen.verdict.sentences[0]
    assert "(limit: 1.25 times)" in seen.verdict.sentences[0]
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
    told = "The truth of 0 of 300 answers has arrived; the live error is judged from 50 on."
    assert seen.verdict.sentences[0].startswith(told)
    assert seen.findings.performance.mae is None


def test_drift_is_told_without_truth(look, reference, live):
    assert look(reference, live.assign(rent=np.nan, area=900.0)).verdict.status == "watch"


@pytest.mark.parametrize("rows", [0, 1, 2, 49])
def test_too_few_answers_are_never_healthy(look, reference, live, rows):
    seen = look(reference, live[:rows])
    assert seen.verdict.status == "not enough data"
    some = "1 prediction" if rows == 1 else f"{rows} predictions"
    told = f"answered {some} in 30 days; at least 50 are needed to judge (monitoring.minimum_rows)."
    (sentence,) = seen.verdict.sentences
    assert sentence.endswith(told)


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


@pytest.mark.parametrize(("rows", "status"), [(3, "healthy"), (60, "watch")])
def test_unseen_words_are_told_and_many_are_a_problem(look, reference, live, rows, status):
    strange = live.copy()
    strange.loc[: rows - 1, "district"] = [f"atlantis {place % 7}" for place in range(rows)]
    seen = look(reference, strange)
    (unseen,) = [item for item in seen.findings.live.quality if item.problem == "unseen"]
    assert unseen.sentence.startswith(f"district holds words that were never seen, in {rows} of 300 rows (")
    assert "atlantis 0" in unseen.sentence
    assert (unseen.note, seen.verdict.status) == (status == "healthy", status)


def test_a_column_that_live_rows_do_not_have_is_named(look, reference, live):
    (reason,) = grave(look(reference, live.drop(columns="kind")))
    assert (reason.view, reason.subject) == ("data quality", "kind")


@pytest.mark.parametrize("rows", [50, 300])
def test_rows_of_nulls_only_are_findings_and_no_failure(look, reference, live, rows):
    empty = live[:rows].copy()
    for name in empty.columns:
        empty[name] = pd.Series([None] * rows, dtype=empty[name].dtype)
    seen = look(reference, empty)
    assert seen.verdict.status == "act"
    assert {item.problem for item in seen.findings.live.quality} == {"empty"}


def test_a_column_that_the_training_data_did_not_have_is_named(look, reference, live):
    seen = look(reference.drop(columns="kind"), live)
    assert [(item.column, item.problem) for item in seen.findings.live.quality if item.column == "kind"] == [
        ("kind", "new")
    ]
    assert seen.verdict.status == "watch"


def test_a_column_without_variation_in_the_training_data_is_no_failure(look, reference, live):
    flat = reference.assign(area=70.0)
    seen = look(flat, live)
    assert seen.findings.live.changed == ["area"]
    assert [item.problem for item in seen.findings.live.quality] == ["varies"]
    assert (
        "area is 70 wherever it holds a value in the reference (900 rows), and is not in 300 of 300 rows"
        in sentences(seen)
    )
    assert look(flat, live.assign(area=70.0)).findings.live.changed == []
    empty = look(reference.assign(area=np.nan), live)
    assert [item.problem for item in empty.findings.live.quality] == ["filled"]


@pytest.mark.parametrize("usual", [0.0, np.nan])
@pytest.mark.parametrize(("rows", "status"), [(1, "healthy"), (40, "watch")])
def test_what_is_rare_may_be_missing_from_the_training_data(look, reference, live, usual, rows, status):
    """A flag that one row of a thousand has need not be among nine hundred: to meet it is worth a note."""
    rare = live.assign(area=[5.0 if place < rows else usual for place in range(len(live))])
    seen = look(reference.assign(area=usual), rare)
    (item,) = seen.findings.live.quality
    assert item.problem == ("filled" if np.isnan(usual) else "varies")
    assert f"in {rows} of 300 rows" in item.sentence
    assert seen.verdict.status == status


def test_a_column_that_is_nearly_always_missing_is_not_judged_by_its_few_values(look, reference, live):
    few = reference.assign(area=reference["area"].where(reference.index < 8))
    seen = look(few, live.assign(area=(live["area"] + 500).where(live.index < 3)))
    assert seen.verdict.status == "healthy"
    assert "area" not in {item.column for item in seen.findings.live.columns}


def test_names_that_never_end_are_no_finding_as_long_as_new_ones_come_as_before(look, reference, live):
    def names(rows: int, many: int) -> list[str]:
        weights = 1 / np.arange(1, many + 1)
        return [f"lane {place}" for place in np.random.default_rng(rows).choice(many, rows, p=weights / weights.sum())]

    known = reference.assign(district=names(900, 3000))
    seen = look(known, live.assign(district=names(300, 3000)))
    (unseen,) = [item for item in seen.findings.live.quality if item.problem == "unseen"]
    assert unseen.value > 0.1
    assert unseen.note
    assert "are to be expected): lane" in unseen.sentence
    assert seen.verdict.status == "healthy"
    elsewhere = [f"road {place}" for place in range(300)]
    assert look(known, live.assign(district=elsewhere)).findings.live.changed == ["district"]


def test_predictions_that_move_are_watched(look, reference, live):
    seen = look(reference, live.assign(**{PREDICTION: live[PREDICTION] * 2, "rent": live["rent"] * 2}))
    assert seen.findings.prediction.drifted
    assert "The predictions lie" in sentences(seen)


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"area": {"range": 1}}, "healthy"),
        ({"area": {"range": 6, "type": 2}}, "watch"),
        ({"area": {"range": 40}, "kind": {"category": 10}}, "watch"),
        ({"area": {"range": 140}}, "act"),
        ({"colour": {"unexpected": 12}}, "watch"),
    ],
)
def test_refusals_of_one_field_count_as_evidence(look, reference, live, counts, status):
    """What is out of range never reaches the log; a third of all values refused asks to act."""
    seen = look(reference, live, refusals=counts)
    assert seen.verdict.status == status
    found = [reason for reason in grave(seen) if reason.view == "data quality"]
    assert [reason.subject for reason in found] == (list(counts) if status != "healthy" else [])
    assert seen.verdict.shift is False


def test_the_sentence_of_refusals_names_field_reasons_and_limit(look, reference, live):
    (reason,) = grave(look(reference, live, refusals={"area": {"range": 40, "type": 3}}))
    assert reason.sentence.startswith("43 values of requests were refused for area (range 40, type 3) beside 300 that ")
    assert "were answered: 12.5% (limit: " in reason.sentence


@pytest.mark.parametrize(("refused", "status"), [(60, "healthy"), (0, "watch")])
def test_refusals_are_compared_with_what_was_usual_in_the_training_data(look, reference, live, refused, status):
    known = {"known_refusals": {"area": {"range": refused}} if refused else {}, "known_rows": 900}
    assert look(reference, live, refusals={"area": {"range": 20}}, **known).verdict.status == status


def test_where_everything_is_refused_few_answers_are_no_lack_of_evidence(look, reference, live):
    seen = look(reference, live[:3], refusals={"area": {"range": 400}})
    assert seen.verdict.status == "act"
    assert grave(seen)[0].subject == "area"
    assert look(reference, live[:3], refusals={"area": {"range": 40}}).verdict.status == "not enough data"


def test_rows_that_ingestion_refused_are_noticed(look, reference, live):
    counts = {"batch_refusals": {"kind": {"category": 30}}}
    (reason,) = grave(look(reference, live, new_data=live, **counts))
    assert reason.sentence.startswith("30 rows of ingested batches were refused for kind (category 30) beside 300 that")
    assert grave(look(reference, live, new_data=live, batch_refusals={"kind": {"category": 1}})) == []


def test_new_data_is_compared_apart(look, reference, live):
    moved = live.assign(area=900.0, **{"class": 5.0}, lift="true")
    seen = look(reference, live, new_data=moved)
    assert seen.findings.live.changed == []
    assert seen.findings.new_data.changed == ["area", "class", "lift"]
    assert seen.verdict.status == "watch"
    assert "3 columns of 7 (43%) of newly ingested data drifted" in sentences(seen)
    assert look(reference, live, new_data=moved[:49]).verdict.status == "healthy"  # too few to judge


def test_health_is_the_latency_of_the_answers(look, reference, live):
    health = look(reference, live.assign(**{LATENCY_MS: np.arange(300.0)})).findings.health
    assert health.answers == 300
    assert (health.latency_p50_ms, health.latency_p95_ms) == pytest.approx((149.5, 284.05))


def test_the_same_rows_give_the_same_findings(look, reference, live):
    one, two = (look(reference, live, new_data=live[:100]).findings for _ in range(2))
    assert one == two


def test_without_a_release_a_model_is_asked_for(small_contract):
    judged = verdict(small_contract, Findings())
    assert (judged.status, judged.sentences) == ("no model", ["small: no model is released yet."])


@pytest.mark.parametrize(
    ("gross", "rows", "status"), [(2, 300, "not enough data"), (100, 300, "act"), (0, 300, "healthy")]
)
def test_an_error_over_its_limit_that_may_be_luck_is_not_called_healthy(look, reference, live, gross, rows, status):
    """Two answers that are far off make the mean large, and the nine hundred held-out rows may have missed the like."""
    truth = live["rent"].where(live.index >= gross, live["rent"] + 5000)
    seen = look(reference, live[:rows].assign(rent=truth, **{HIGH: 1e9}))
    assert (seen.findings.performance.ratio > 1.25) == (gross > 0)
    assert seen.verdict.status == status
    assert ("may bring that by luck" in sentences(seen)) == (status == "not enough data")


def test_columns_that_are_not_logged_are_not_said_to_have_been_compared(small_contract, reference, live):
    """Of three drifted columns of four that are logged, three quarters have drifted, not three of seven."""
    kept = ("area", "class", "lift", "kind")
    hidden = {
        name: column if name in kept else column.model_copy(update={"log": False})
        for name, column in small_contract.columns.items()
    }
    moved = live.assign(area=900.0, **{"class": 5.0}, lift="true")
    few = small_contract.model_copy(update={"columns": hidden})
    logged = [name for name in few.logged if name in live]
    drift = compare(few, profiles(few, reference), profiles(few, moved[logged]))
    assert (drift.features, drift.share) == (4, 0.75)
    none = {name: column.model_copy(update={"log": False}) for name, column in small_contract.columns.items()}
    silent = small_contract.model_copy(update={"columns": none})
    bare = compare(silent, profiles(silent, reference), profiles(silent, live[[PREDICTION]]))
    assert (bare.features, bare.share, bare.rows) == (0, 0.0, 300)
    (reason,) = unchanged(silent, Findings(version=1, live=bare))
    assert reason.sentence.startswith("No column is logged")


@pytest.mark.parametrize("side", ["live", "reference"])
@pytest.mark.parametrize("column", ["area", "rent", PREDICTION])
@pytest.mark.parametrize("value", [1e300, -1e308, np.inf, 1e-320])
def test_numbers_beyond_all_measure_are_no_failure(look, reference, live, side, column, value):
    """A truth without a limit in the contract may be anything that JSON can say."""
    sides = {"live": live.copy(), "reference": reference.copy()}
    sides[side].loc[5, column] = value
    seen = look(sides["reference"], sides["live"])
    assert Findings.model_validate_json(seen.findings.model_dump_json()) == seen.findings
    assert max(len(sentence) for sentence in seen.verdict.sentences) < 400
    assert seen.verdict.status != "healthy" or column == "area" or side == "reference" or value < 1


def test_evidently_takes_numbers_beyond_all_measure(look, reference, live):
    wild = live.copy()
    wild.loc[5, ["area", "rent"]] = 1e300
    assert look(reference, wild, pages=True).findings.snapshots
