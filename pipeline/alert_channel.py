"""Which way alerts reach people: a log, mail, or a webhook that understands Slack's messages."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.contract.base import Section

_Connection = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class LogChannel(Section):
    """Writes alerts to the log of whoever finds them."""

    channel: Literal["log"] = "log"


class MailChannel(Section):
    """Sends alerts by the mail server of an Airflow connection."""

    channel: Literal["mail"]
    connection: _Connection = "smtp_default"
    to: tuple[str, ...] = Field(min_length=1)
    sender: str | None = None  # None: the connection's own `from_email`


class SlackChannel(Section):
    """Posts alerts to the incoming webhook of an Airflow connection."""

    channel: Literal["slack"]
    connection: _Connection = "slack_default"


AlertChannel = Annotated[LogChannel | MailChannel | SlackChannel, Field(discriminator="channel")]
