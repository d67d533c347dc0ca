"""What may ask for a retraining: three conditions, each a number against its limit. `guards` hold it back."""

from typing import Literal

from monitoring.retraining.past import Condition, Judged, Past
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section

CONDITIONS: tuple[Condition, ...] = ("performance", "drift", "growth")  # the first that holds is the reason

# Broken columns and a sick service are repaired, not learnt: their views are no reason to train.
_VIEWS: dict[str, Condition] = {
    "live performance": "performance",
    "input drift": "drift",
    "prediction drift": "drift",
}
JUDGED = ("healthy", "watch", "act")


class Guard(Section):
    """A number and its limit, and whether a retraining may be asked for as far as this one goes."""

    name: str
    role: Literal["condition", "guard"]  # one condition is needed; every guard must pass
    passed: bool  # of a condition: it holds
    value: float
    limit: float
    sentence: str


def noticed(contract: Contract, verdict: Verdict, past: Past) -> tuple[Condition, ...]:
    """Return what this window alone gives as reasons to retrain, gravest first."""
    found: set[Condition] = set()
    if verdict.status in JUDGED:
        grave = [reason.view for reason in verdict.reasons if reason.severity == "act"]
        found = {_VIEWS[view] for view in grave if view in _VIEWS}
    if grown(past) >= contract.monitoring.retraining.growth:
        found.add("growth")
    return tuple(kind for kind in CONDITIONS if kind in found)


def grown(past: Past) -> float:
    """Return the share by which the labelled rows have grown since a model was last made of them.

    Counted from the served version's data, or from what a refused version was trained on: the gate has said then that
    so many rows bring no gain.
    """
    before = _learnt_rows(past)
    return (past.labelled_rows - before) / max(before, 1)


def _learnt_rows(past: Past) -> int:
    return max(past.served_rows, *(one.rows for one in past.retrainings if one.outcome == "refused"), 0)


def conditions(contract: Contract, verdict: Verdict, past: Past) -> list[Guard]:
    """Return the three conditions, in the order of their weight."""
    limits = contract.monitoring.retraining
    now = noticed(contract, verdict, past)
    recent = _recent(verdict, past, now)[-limits.windows :]
    return [
        _in_windows("performance", "live error", recent, limits.noticed, limits.windows),
        _in_windows("drift", "drift", recent, limits.noticed, limits.windows),
        _growth(past, limits.growth),
    ]


def _recent(verdict: Verdict, past: Past, now: tuple[Condition, ...]) -> list[Judged]:
    """Return the windows that could be judged, this one last, of the version in service.

    One a day, its last: several runs within a day see the same traffic, and would count one observation twice.
    """
    this = Judged(until=past.until, version=past.version, status=verdict.status, kinds=now)
    earlier = (window for window in past.windows if window.until < past.until)
    judged = [one for one in (*earlier, this) if one.version == past.version and one.status in JUDGED]
    by_day = {one.until.astimezone(past.until.tzinfo).date(): one for one in judged}
    return list(by_day.values())


def _in_windows(kind: Condition, what: str, recent: list[Judged], least: int, of: int) -> Guard:
    count = sum(kind in window.kinds for window in recent)
    holds = count >= least and kind in recent[-1].kinds
    sentence = f"{what} called for action in {count} of the last {len(recent)} judged windows (needed: {least} of {of})"
    if count >= least and not holds:
        sentence += ", but not in this one"
    return Guard(name=kind, role="condition", passed=holds, value=count, limit=least, sentence=sentence)


def _growth(past: Past, least: float) -> Guard:
    share = grown(past)
    sentence = (
        f"labelled rows: {past.labelled_rows:,} against {_learnt_rows(past):,} that the last training learnt from, "
        f"{share:+.0%} (needed: {least:+.0%})"
    )
    return Guard(name="growth", role="condition", passed=share >= least, value=share, limit=least, sentence=sentence)
