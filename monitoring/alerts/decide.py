"""Which conditions somebody is told of now: one message when it opens, when it changes and when it is gone."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from monitoring.alerts.conditions import Condition
from monitoring.alerts.state import Event, Known, What
from pipeline.contract.base import Section


class Step(Section):
    """What becomes known of a condition, and whether it is told."""

    known: Known
    tell: What | None  # None: nobody is told
    condition: Condition  # as it is now; of a resolved one, as it was


def steps(found: Iterable[Condition], known: Mapping[str, Known], judged: Collection[str], at: datetime) -> list[Step]:
    """Return what each condition's state becomes.

    Args:
        found: conditions that hold now.
        known: what is known of conditions, by key.
        judged: keys that this run can call gone; others stay as they are.
        at: the end of the window; of a window that is older than what was looked at, nothing is told.
    """
    now = {condition.key: condition for condition in found}
    taken = [_found(known.get(key, Known(key=key)), condition, at) for key, condition in now.items()]
    gone = [one for key, one in known.items() if key in judged and key not in now]
    return [step for step in (*taken, *(_gone(one, at) for one in gone)) if step]


def _found(known: Known, condition: Condition, at: datetime) -> Step | None:
    if known.seen and at < known.seen:
        return None
    fresh = {"seen": at, "last": condition.value}
    if known.open is None:
        opened = Event(what="opened", at=at, note=condition.sentence)
        return Step(
            known=known.with_event(opened, open=condition, since=at, **fresh), tell="opened", condition=condition
        )
    if condition.changed_from(known.open):
        changed = Event(what="changed", at=at, note=condition.sentence)
        now = known.with_event(changed, open=condition, dismissal=None, **fresh)
        return Step(known=now, tell="changed", condition=condition)
    if known.dismissal and not known.silent(at):  # its last day has passed
        again = Event(what="opened", at=at, note=condition.sentence)
        return Step(known=known.with_event(again, dismissal=None, **fresh), tell="opened", condition=condition)
    return Step(known=known.model_copy(update=fresh), tell=None, condition=condition)


def _gone(known: Known, at: datetime) -> Step | None:
    if known.open is None or (known.seen and at < known.seen):
        return None
    event = Event(what="resolved", at=at)
    cleared = {"open": None, "since": None, "dismissal": None, "seen": at}
    tell: What | None = None if known.silent(at) else "resolved"
    return Step(known=known.with_event(event, **cleared), tell=tell, condition=known.open)
