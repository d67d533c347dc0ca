"""Whether monitoring asks for a retraining: each condition and each guard acting, and silent."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from monitoring.reasons import Reason
from monitoring.retraining.decide import decide
from monitoring.retraining.past import Attempt, Judged, Past
from monitoring.verdict import Verdict
from pipeline.contract.retraining_section import Retraining

NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)
PERFORMANCE, DRIFT = "live performance", "input drift"


def days_ago(days):
    return NOW - timedelta(days=days)


def verdict(*views, status="act", severity="act"):
    reasons = [Reason(view=view, severity=severity, subject="area", sentence=f"{view} moved.") for view in views]
    return Verdict(status=status, reasons=reasons, shift=bool(views))


def judged(*kinds, days=1, version=3, status=None):
    return Judged(until=days_ago(days), version=version, status=status or ("act" if kinds else "healthy"), kinds=kinds)


def attempt(days, outcome="released", kind="drift", rows=1000, version=3):
    return Attempt(
        asked=days_ago(days), kind=kind, data_version="data-v1.1.0", rows=rows, outcome=outcome, version=version
    )


def past(windows=(), retrainings=(), labelled=1200, served=1000):
    return Past(
        until=NOW,
        windows=tuple(windows),
        retrainings=tuple(retrainings),
        labelled_rows=labelled,
        served_rows=served,
        version=3,
        data_version="data-v1.2.0",
    )


@pytest.fixture
def limited(small_contract):
    """The contract with other limits."""

    def change(**limits):
        section = Retraining.model_validate(limits)
        return small_contract.model_copy(
            update={"monitoring": small_contract.monitoring.model_copy(update={"retraining": section})}
        )

    return change


BAD_TWICE = [judged("performance", "drift")]


def guard(decision, name):
    return next(one for one in decision.guards if one.name == name)


def test_performance_comes_before_drift_and_drift_before_growth(small_contract):
    full = past(BAD_TWICE, labelled=2000)
    assert decide(small_contract, verdict(PERFORMANCE, DRIFT), full).kind == "performance"
    assert decide(small_contract, verdict(DRIFT), full).kind == "drift"
    assert decide(small_contract, verdict(status="healthy"), full).kind == "growth"


def test_a_request_says_why_in_the_verdicts_own_words_and_on_which_data(small_contract):
    decision = decide(small_contract, verdict(PERFORMANCE), past(BAD_TWICE))
    assert decision.asked
    assert decision.shift
    assert decision.data_version == "data-v1.2.0"
    assert "live performance moved." in decision.reason
    assert "2 of the last 2 judged windows (needed: 2 of 3)" in decision.reason


@pytest.mark.parametrize(
    ("windows", "asked"),
    [
        ([], False),
        ([judged("drift", days=1)], True),
        ([judged("drift", days=2), judged(days=1)], True),
        ([judged("drift", days=3), judged(days=2), judged(days=1)], False),
        ([judged("performance", days=1)], False),
        ([judged("drift", days=1, version=2)], False),
        ([judged("drift", days=2), judged(days=1, status="not enough data")], True),
        ([judged("drift", days=0.1), judged("drift", days=0.05)], False),
        ([judged("drift", days=-1)], False),
    ],
    ids=[
        "the first window",
        "twice",
        "twice of three",
        "too long ago",
        "another condition",
        "another version",
        "a window without judgement does not count",
        "several runs of a day are one window",
        "a window that is still to come, for a clock that stepped back",
    ],
)
def test_a_condition_must_hold_in_m_of_n_windows(small_contract, windows, asked):
    assert decide(small_contract, verdict(DRIFT), past(windows)).asked is asked


def test_a_window_that_calls_for_action_alone_says_how_many_are_needed(small_contract):
    reason = decide(small_contract, verdict(DRIFT), past(())).reason
    assert reason == (
        "No retraining is asked for: drift called for action in 1 of the last 1 judged windows (needed: 2 of 3)."
    )
    assert "none of the conditions" in decide(small_contract, verdict(status="healthy"), past(())).reason


def test_what_has_passed_asks_for_nothing_however_often_it_was_there(small_contract):
    windows = [judged("drift", days=2), judged("drift", days=1)]
    decision = decide(small_contract, verdict(status="healthy"), past(windows))
    assert (decision.asked, decision.kind) == (False, "none")
    assert "but not in this one" in guard(decision, "drift").sentence


@pytest.mark.parametrize(("view", "severity"), [("data quality", "act"), ("system health", "act"), (DRIFT, "watch")])
def test_what_no_training_can_mend_is_no_reason_to_train(small_contract, view, severity):
    decision = decide(small_contract, verdict(view, severity=severity), past(BAD_TWICE))
    assert (decision.asked, decision.kind, decision.noticed) == (False, "none", ())


@pytest.mark.parametrize(("labelled", "asked"), [(1249, False), (1250, True)])
def test_growth_by_a_quarter_asks(small_contract, labelled, asked):
    decision = decide(small_contract, verdict(status="not enough data"), past(labelled=labelled))
    assert decision.asked is asked
    assert guard(decision, "growth").value == pytest.approx(labelled / 1000 - 1)


@pytest.mark.parametrize(("labelled", "asked"), [(1624, False), (1625, True)])
def test_what_the_gate_refused_is_not_asked_for_again_before_rows_have_grown_by_another_quarter(
    small_contract, labelled, asked
):
    refused = [attempt(30, outcome="refused", kind="growth", rows=1300)]
    assert decide(small_contract, verdict(status="healthy"), past((), refused, labelled=labelled)).asked is asked


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ([], True),
        ([attempt(6.9)], False),
        ([attempt(7)], True),
        ([attempt(1, kind="no model")], True),
        ([attempt(1, kind="by hand")], True),
        ([attempt(1, outcome="failed")], True),
        ([attempt(-1)], True),
    ],
    ids=["none before", "too soon", "long enough", "a first model", "by hand", "one that broke down", "still to come"],
)
def test_the_cool_down_holds_back_what_comes_too_soon(small_contract, before, asked):
    windows = [judged("drift", days=2), judged(days=1)]
    decision = decide(small_contract, verdict(DRIFT), past(windows, before))
    assert decision.asked is asked
    assert asked or [one.name for one in decision.held_back] == ["cool-down"]
    assert decision.reason.startswith("A retraining is held back") is not asked


@pytest.mark.parametrize(
    ("labelled", "seen", "asked"),
    [(1099, [], False), (1100, [], True), (1200, [attempt(20, "refused", rows=1101)], False), (1000, [], False)],
)
def test_too_few_new_labelled_rows_hold_it_back(small_contract, labelled, seen, asked):
    decision = decide(small_contract, verdict(DRIFT), past(BAD_TWICE, seen, labelled=labelled))
    assert decision.asked is asked
    assert guard(decision, "new labelled rows").passed is asked


@pytest.mark.parametrize(("hours", "asked"), [(2, False), (30, True)], ids=["under way", "not heard of for a day"])
def test_a_retraining_under_way_holds_the_next_one_back(limited, hours, asked):
    running = [attempt(hours / 24, "running")]
    decision = decide(limited(cooldown_days=0), verdict(DRIFT), past([judged("drift", days=1.5)], running))
    assert decision.asked is asked
    assert guard(decision, "under way").passed is asked


def refused(count, rows=1000, **changes):
    return [attempt(40 - place, "refused", rows=rows, **changes) for place in range(count)]


@pytest.mark.parametrize(
    ("before", "windows", "asked"),
    [
        (refused(2), [], True),
        (refused(3), [], False),
        (refused(3, rows=900), [], True),
        ([*refused(2), attempt(20, "failed")], [], True),
        ([*refused(3), attempt(20, kind="by hand")], [], True),
        ([*refused(2), attempt(20)], [judged("drift", days=5)], False),
        ([*refused(2), attempt(20)], [judged("drift", days=6), judged(days=5)], True),
    ],
    ids=[
        "two",
        "three",
        "new data since",
        "one that broke down does not count",
        "a person has trained since",
        "released and no better",
        "released and better for a while",
    ],
)
def test_retrainings_without_gain_stop_until_something_new_happens(small_contract, before, windows, asked):
    yesterday = [*windows, judged("drift", days=1)]
    decision = decide(small_contract, verdict(DRIFT), past(yesterday, before, labelled=1200, served=900))
    assert decision.asked is asked
    assert guard(decision, "without gain").passed is asked


def test_a_first_model_needs_no_guard(small_contract):
    decision = decide(small_contract, Verdict(status="no model", reasons=[]), past(retrainings=refused(9), labelled=0))
    assert (decision.asked, decision.kind, decision.guards) == (True, "no model", ())


@pytest.mark.parametrize("where", ["contract", "run"])
def test_a_dry_run_says_what_it_would_have_asked(limited, where):
    contract = limited(dry_run=where == "contract")
    decision = decide(contract, verdict(DRIFT), past(BAD_TWICE), dry_run=where == "run")
    assert (decision.asked, decision.kind, decision.dry_run) == (False, "drift", True)
    assert decision.reason.startswith("Dry run: a retraining would have been asked for: input drift moved.")


def test_limits_that_could_never_be_reached_are_refused():
    with pytest.raises(ValidationError, match="noticed 4 is more than windows 3"):
        Retraining(noticed=4)
