"""What an alert says: for a log and a chat in plain text, for mail in HTML."""

from datetime import UTC, datetime
from html import escape

from pydantic import AwareDatetime

from monitoring.alerts.conditions import Condition
from monitoring.alerts.links import Link, actions, runbook
from monitoring.alerts.state import Known, What
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings

_WORDS = {"opened": "", "changed": "changed: ", "resolved": "resolved: ", "dismissed": "dismissed: "}


class Occasion(Section):
    """The run that tells."""

    until: AwareDatetime  # the end of its window
    since: AwareDatetime | None = None  # the beginning; None: it has no window
    version: int | None  # in service
    page: str  # the report, or the run


class Message(Section):
    """One alert, ready to be sent."""

    what: What
    subject: str
    sentence: str
    facts: dict[str, str]
    links: tuple[Link, ...]

    @property
    def text(self) -> str:
        """The whole in plain text."""
        facts = [f"{name}: {value}" for name, value in self.facts.items()]
        links = [f"{link.title}: {link.url}" for link in self.links]
        return "\n".join([self.subject, self.sentence, *facts, *links])

    @property
    def html(self) -> str:
        """The whole as HTML; whatever columns and errors hold is escaped."""
        facts = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in self.facts.items()
        )
        links = "".join(f'<li><a href="{escape(link.url)}">{escape(link.title)}</a></li>' for link in self.links)
        return f"<h3>{escape(self.subject)}</h3><p>{escape(self.sentence)}</p><table>{facts}</table><ul>{links}</ul>"


def message(
    contract: Contract, settings: Settings, what: What, condition: Condition, known: Known, occasion: Occasion
) -> Message:
    """Return what is told of a condition."""
    gone = what == "resolved"
    links = [Link(title="Report", url=occasion.page), Link(title="Runbook", url=runbook(settings, condition))]
    facts = {
        "value": f"{_number(condition.value)} (limit: {_number(condition.limit)})",
        "window": _window(occasion),
        "version in service": "none" if occasion.version is None else str(occasion.version),
        "open since": "" if known.since is None else _time(known.since),
        "owner": contract.owner,
    }
    return Message(
        what=what,
        subject=f"{contract.name}: {_WORDS[what]}{condition.key} ({condition.severity})",
        sentence=f"It is gone. It was: {condition.sentence}" if gone else condition.sentence,
        facts={
            name: value for name, value in facts.items() if value and (name != "value" or condition.value is not None)
        },
        links=tuple(links if gone else [*links, *actions(contract, settings, condition, occasion.version)]),
    )


def _window(occasion: Occasion) -> str:
    return _time(occasion.until) if occasion.since is None else f"{_time(occasion.since)} to {_time(occasion.until)}"


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
