"""The verdict on what a service tells of a trial."""

from typing import Any

import pytest

from pipeline.contract import TrialPlan
from serving.trial_verdict import judge


def told(answered: int = 0, refused: int = 0, failed: int = 0, apart: float = 0.0, bias: float = 0.0) -> dict[str, Any]:
    counts = {"answered": answered, "refused": refused, "failed": failed, "compared": answered}
    return {**counts, "mean_absolute_difference": apart, "mean_difference": bias}


@pytest.mark.parametrize(
    ("seen", "over", "outcome", "reason"),
    [
        (told(0), False, "running", "asked for 0 records so far"),
        (told(500), False, "running", "within all limits"),
        (told(500), True, "passed", "asked for 500 records, within all limits"),
        (told(0, failed=1), False, "running", "asked for 1 records"),  # one in a hundred may
        (told(0, failed=2), False, "failed", "failed_share is 1 (2 of 2 records), above its limit 0.01"),
        (told(97, failed=3), False, "running", "asked for 100"),  # three where one is usual: chance, for now
        (told(97, failed=3), True, "failed", "failed_share is 0.03 (3 of 100 records)"),
        (told(99, failed=1), True, "failed", "fewer than the 200"),  # at the limit, but too few to say so
        (told(990, failed=10), True, "passed", "asked for 1000"),
        (told(60, refused=40), False, "failed", "refused_share is 0.4 (40 of 100 records), above its limit 0.1"),
        (told(199, apart=9.0), False, "running", "asked for 199"),  # too few compared to end it early
        (told(200, apart=9.0), False, "failed", "mean_absolute_difference is 9 over 200 records, beyond its limit 0.5"),
        (told(3, apart=9.0), True, "failed", "mean_absolute_difference is 9 over 3 records"),
        (told(200, apart=0.4, bias=-0.3), False, "failed", "mean_difference is -0.3 over 200 records, beyond its"),
        (told(199), True, "passed", "fewer than the 200 of release.trial.minimum_requests, none of which failed"),
    ],
)
def test_a_limit_ends_it_early_beyond_chance_and_counts_as_it_stands_in_the_end(
    seen: dict[str, Any], over: bool, outcome: str, reason: str
) -> None:
    plan = TrialPlan.model_validate({"mode": "shadow", "limits": {"mean_difference": 0.2}})
    verdict = judge(seen, plan, over)
    assert (verdict.outcome, reason in verdict.reason) == (outcome, True), verdict.reason
    assert verdict.counts == seen


def test_no_failure_at_all_may_be_asked_for() -> None:
    plan = TrialPlan.model_validate({"mode": "canary", "limits": {"failed_share": 0}})
    assert judge(told(99, failed=1), plan, over=False).outcome == "failed"


def test_a_canary_whose_answers_are_compared_with_nothing_is_judged_by_its_shares() -> None:
    seen = told(500) | {"compared": 0, "mean_absolute_difference": None, "mean_difference": None}
    assert judge(seen, TrialPlan(mode="canary"), over=True).outcome == "passed"
