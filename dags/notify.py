"""How alerts leave Airflow: its own notifiers, and what runs of our DAGs tell when they fail or are well again."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.contract import Contract
from pipeline.settings import Settings, load_settings

log = logging.getLogger(__name__)


class Mail:
    """Airflow's mail, by the connection that the settings name."""

    def __init__(self, connection: str, to: tuple[str, ...], sender: str | None) -> None:
        self._connection = connection
        self._options = {"to": list(to), "from_email": sender}

    def __str__(self) -> str:
        return f"mail by the connection {self._connection}"

    def send(self, message: Any) -> None:
        """Send the message as HTML. What it says is no template: `notify` renders nothing that is given."""
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        options = {**self._options, "smtp_conn_id": self._connection}
        SmtpNotifier(subject=message.subject, html_content=message.html, **options).notify({})


class Slack:
    """Airflow's webhook for Slack, and for what understands the same messages."""

    def __init__(self, connection: str) -> None:
        self._connection = connection

    def __str__(self) -> str:
        return f"slack by the connection {self._connection}"

    def send(self, message: Any) -> None:
        """Post the message in plain text."""
        from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

        SlackWebhookNotifier(slack_webhook_conn_id=self._connection, text=escaped(message.text)).notify({})


def escaped(text: str) -> str:
    """Return a text that Slack shows as it is: else `<!channel>` in a value would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def channels(settings: Settings) -> list[Any]:
    """Return the channels that the settings name, in their order."""
    from monitoring.alerts.tell import Log

    made: dict[str, Callable[[Any], Any]] = {
        "log": lambda _: Log(),
        "mail": lambda one: Mail(one.connection, one.to, one.sender),
        "slack": lambda one: Slack(one.connection),
    }
    return [made[one.channel](one) for one in settings.alerts]


def on_failure(contract: Contract) -> Callable[[Mapping[str, Any]], None]:
    """Return what a task tells when it has failed for good."""

    def tell(context: Mapping[str, Any]) -> None:
        from monitoring.alerts.conditions import of_failed_run
        from monitoring.alerts.tell import tell_of_failure

        run, settings = context["dag_run"], load_settings()
        kind = run.dag_id.partition(".")[2]
        condition = of_failed_run(kind, context["ti"].task_id, str(context.get("exception") or "see its log"))
        tell_of_failure(contract, settings, channels(settings), condition, _occasion(contract, settings, run))

    return _quietly(tell)


def on_success(contract: Contract) -> Callable[[Mapping[str, Any]], None]:
    """Return what a run tells when it is well: that an alert of an earlier run is over."""

    def tell(context: Mapping[str, Any]) -> None:
        from monitoring.alerts.tell import tell_of_success

        run, settings = context["dag_run"], load_settings()
        kind = run.dag_id.partition(".")[2]
        tell_of_success(contract, settings, channels(settings), kind, _occasion(contract, settings, run))

    return _quietly(tell)


def _occasion(contract: Contract, settings: Settings, run: Any) -> Any:
    from monitoring.alerts.links import run_page
    from monitoring.alerts.message import Occasion
    from pipeline.release_log import read_release

    release = read_release(settings, contract.name)
    page = run_page(settings, run.dag_id, run.run_id)
    return Occasion(until=run.run_after, version=release.version if release else None, page=page)


def _quietly(tell: Callable[[Mapping[str, Any]], None]) -> Callable[[Mapping[str, Any]], None]:
    """An alert that cannot be sent must not hide what it is about: that is in Airflow in any case."""

    def guarded(context: Mapping[str, Any]) -> None:
        try:
            tell(context)
        except Exception:
            log.exception("the alert could not be sent")

    return guarded
