"""What is known of each condition: whether it is open, what was told of it, and what people have done about it."""

from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, ValidationError
from upath import UPath

from monitoring.alerts.conditions import Condition
from monitoring.errors import MonitoringError
from pipeline.contract.base import Section
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes

_MOST = 100  # events that are kept of a condition

What = Literal["opened", "changed", "resolved", "dismissed"]


class Event(Section):
    """What happened to a condition, and when."""

    what: What
    at: AwareDatetime
    note: str = ""


class Dismissal(Section):
    """Somebody knows and does not want to hear of it."""

    who: str
    reason: str
    at: AwareDatetime
    until: date | None = None  # the last day of silence; None: until the condition changes


class Known(Section):
    """One condition, from run to run."""

    key: str
    open: Condition | None = None  # as it was last told; None: it is gone
    since: AwareDatetime | None = None  # open since the end of this window
    seen: AwareDatetime | None = None  # the newest window that was looked at
    last: float | None = None  # the newest value
    dismissal: Dismissal | None = None
    events: tuple[Event, ...] = ()

    def silent(self, at: datetime) -> bool:
        """Whether a dismissal holds."""
        given = self.dismissal
        return given is not None and (given.until is None or at.date() <= given.until)

    def with_event(self, event: Event, **changes: object) -> "Known":
        """Return this with one more event, and other changes."""
        return self.model_copy(update={"events": (*self.events, event)[-_MOST:], **changes})


def read_known(settings: Settings, model: str) -> dict[str, Known]:
    """Return what is known of every condition, by key; a file that cannot be read counts as not known."""
    folder = _folder(settings, model)
    files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.exists() else []
    read = (_read(file) for file in files if file.suffix == ".json")
    return {known.key: known for known in read if known}


def write_known(settings: Settings, model: str, known: Known) -> str:
    """Store what is known of a condition and return the address. Each has a file: DAGs that run at once do not meet."""
    name = known.key.replace(" ", "-")
    return write_bytes(_folder(settings, model) / f"{name}.json", (known.model_dump_json(indent=1) + "\n").encode())


def dismiss(settings: Settings, model: str, key: str, dismissal: Dismissal) -> Known:
    """Keep a condition silent until it changes, or a day has passed; repeated, it is the same dismissal.

    Raises:
        MonitoringError: when the condition is not open, or no reason is given.
    """
    known = read_known(settings, model)
    there = sorted(name for name, one in known.items() if one.open)
    if key not in there:
        raise MonitoringError(f"{model}: the condition {key!r} is not open; open are: {', '.join(there) or 'none'}")
    if not dismissal.reason.strip():
        raise MonitoringError(f"{model}: {key!r} cannot be dismissed without a reason: say why, for whoever comes next")
    before = known[key]
    if before.dismissal and before.dismissal.model_copy(update={"at": dismissal.at}) == dismissal:
        return before
    note = f"{dismissal.who}: {dismissal.reason}"
    now = before.with_event(Event(what="dismissed", at=dismissal.at, note=note), dismissal=dismissal)
    write_known(settings, model, now)
    return now


def _read(file: UPath) -> Known | None:
    try:
        return Known.model_validate_json(file.read_bytes())
    except (ValidationError, UnicodeDecodeError, FileNotFoundError):
        return None


def _folder(settings: Settings, model: str) -> UPath:
    return storage(settings, "alerts", model)
