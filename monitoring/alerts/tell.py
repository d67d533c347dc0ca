"""Tell people what has changed, and keep what they were told."""

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from monitoring.alerts.conditions import Condition, judged_by, of_service, of_verdict, run_key_of
from monitoring.alerts.decide import Step, steps
from monitoring.alerts.message import Message, Occasion, message
from monitoring.alerts.state import read_known, write_known
from monitoring.errors import ChannelError
from monitoring.retraining.past import Past
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings

if TYPE_CHECKING:
    from monitoring.gather import Gathered  # it takes seconds to import, and a callback of Airflow has few

log = logging.getLogger(__name__)


class Channel(Protocol):
    """A way to people."""

    def send(self, message: Message) -> None:
        """Send one message, or raise."""


class Log:
    """The log of whoever finds the condition."""

    def __str__(self) -> str:
        return "log"

    def send(self, message: Message) -> None:
        """Write the message, as a warning unless it is good news."""
        log.log(logging.INFO if message.what == "resolved" else logging.WARNING, "%s", message.text)


class Told(Section):
    """What was told, and which conditions are open now."""

    sent: tuple[str, ...]  # subjects
    open: tuple[str, ...]  # keys


def tell_of_run(
    contract: Contract,
    settings: Settings,
    channels: Sequence[Channel],
    gathered: "Gathered",
    verdict: Verdict,
    past: Past,
    page: str,
) -> Told:
    """Tell what a run of monitoring has found, and what is gone since. A repeated run tells nothing twice."""
    found = [*of_verdict(contract, verdict, past), *of_service(gathered.service)]
    version = gathered.served.version if gathered.served else None
    occasion = Occasion(until=gathered.until, since=gathered.since, version=version, page=page)
    return tell(contract, settings, channels, found, judged_by(verdict, gathered.service), occasion)


def tell_of_failure(
    contract: Contract, settings: Settings, channels: Sequence[Channel], condition: Condition, occasion: Occasion
) -> Told:
    """Tell that a run of a DAG has failed."""
    return tell(contract, settings, channels, [condition], (), occasion)


def tell_of_success(
    contract: Contract, settings: Settings, channels: Sequence[Channel], kind: str, occasion: Occasion
) -> Told:
    """Tell that a DAG whose last run had failed is well again; of any other, nothing."""
    return tell(contract, settings, channels, [], {run_key_of(kind)}, occasion)


def tell(
    contract: Contract,
    settings: Settings,
    channels: Sequence[Channel],
    found: Iterable[Condition],
    judged: Collection[str],
    occasion: Occasion,
) -> Told:
    """Send what is new on every channel, one condition after the other.

    What was told is stored when it was sent: where a channel fails, the next attempt sends that condition again.

    Raises:
        ChannelError: when a channel fails; the others have been tried.
    """
    known = read_known(settings, contract.name)
    sent = []
    for step in steps(found, known, judged, occasion.until):
        sent += _take(contract, settings, channels, step, occasion)
        known[step.known.key] = step.known
    return Told(sent=tuple(sent), open=tuple(sorted(key for key, one in known.items() if one.open)))


def _take(
    contract: Contract, settings: Settings, channels: Sequence[Channel], step: Step, occasion: Occasion
) -> list[str]:
    told = []
    if step.tell:
        made = message(contract, settings, step.tell, step.condition, step.known, occasion)
        _send(channels, made)
        told = [made.subject]
    write_known(settings, contract.name, step.known)
    return told


def _send(channels: Sequence[Channel], made: Message) -> None:
    """Send on every channel, whatever the others do."""
    failed = []
    for channel in channels:
        try:
            channel.send(made)
        except Exception as error:  # noqa: BLE001 (each server has errors of its own)
            failed.append(f"{channel}: {error}")
    if failed:
        raise ChannelError(f"the alert {made.subject!r} could not be sent by {'; '.join(failed)}")
