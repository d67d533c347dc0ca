"""What holds a retraining back: guards, each a number against its limit."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from monitoring.retraining.conditions import CONDITIONS, JUDGED, Guard
from monitoring.retraining.past import Attempt, Judged, Past
from pipeline.contract import Contract

_LOST = timedelta(days=1)  # a training that is not heard of for so long is not under way any more


def guards(contract: Contract, past: Past) -> list[Guard]:
    """Return what can hold a request back."""
    limits = contract.monitoring.retraining
    return [
        *_unknown(past),
        _under_way(past),
        _cooldown(past, limits.cooldown_days),
        _new_rows(past, limits.minimum_new_rows),
        _futile(past, limits.futile, limits.growth),
    ]


def _unknown(past: Past) -> list[Guard]:
    """Without the model registry nobody knows which retrainings are under way, or were in vain: none is asked for."""
    if not past.away:
        return []
    return [_guard("earlier retrainings", False, 0, 1, f"what became of them is not known: {past.away}")]


def _under_way(past: Past) -> Guard:
    running = [one for one in past.retrainings if one.outcome == "running" and past.until - one.asked < _LOST]
    sentence = f"a retraining on {running[-1].data_version} is under way" if running else "no retraining is under way"
    return _guard("under way", not running, len(running), 0, sentence)


def _cooldown(past: Past, least: float) -> Guard:
    """Requests of monitoring alone: a first model, a training by hand or one that broke down is no retraining."""
    asked = [one.asked for one in past.retrainings if one.kind in CONDITIONS and one.outcome != "failed"]
    if not asked:
        return _guard("cool-down", True, least, least, "no retraining was asked for before")
    days = (past.until - max(asked)) / timedelta(days=1)
    sentence = f"the last retraining was asked for {days:.1f} days ago (cool-down: {least:g})"
    return _guard("cool-down", days >= least, days, least, sentence)


def _new_rows(past: Past, least: int) -> Guard:
    seen = [one.rows for one in past.retrainings if one.outcome in ("released", "refused")]
    new = past.labelled_rows - max(past.served_rows, *seen, 0)
    sentence = f"{new:,} labelled rows are new to every training so far (needed: {least:,})"
    return _guard("new labelled rows", new >= least, new, least, sentence)


def _futile(past: Past, most: int, growth: float) -> Guard:
    """Stop after retrainings without gain, until there is something new to learn from, or a person has trained."""
    vain = list(_in_vain(past))
    since = past.labelled_rows / max(vain[0].rows, 1) - 1 if vain else 0.0
    passed = len(vain) < most or since >= growth
    sentence = f"{len(vain)} retrainings in a row brought no gain (stop at: {most}"
    sentence += f"; new data since the last one: {since:+.0%}, needed to go on: {growth:+.0%})" if vain else ")"
    return _guard("without gain", passed, len(vain), most, sentence)


def _in_vain(past: Past) -> Iterator[Attempt]:
    """Yield the last retrainings in a row that brought no gain, newest first; those that broke down do not count."""
    for attempt in reversed(past.retrainings):
        if attempt.outcome in ("failed", "running"):
            continue
        if attempt.kind not in CONDITIONS or not _futile_one(attempt, past.windows):
            return
        yield attempt


def _futile_one(attempt: Attempt, windows: Iterable[Judged]) -> bool:
    """Refused by the gate, or released and no better: what it was asked for is still there in every window since."""
    if attempt.outcome == "refused":
        return True
    since = [one for one in windows if one.until > attempt.asked and one.version == attempt.version]
    judged = [one for one in since if one.status in JUDGED]
    return bool(judged) and all(attempt.kind in one.kinds for one in judged)


def _guard(name: str, passed: bool, value: float, limit: float, sentence: str) -> Guard:
    return Guard(name=name, role="guard", passed=passed, value=value, limit=limit, sentence=sentence)
