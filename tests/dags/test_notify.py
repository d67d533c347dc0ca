"""How alerts leave Airflow: its own notifiers talk to a real mail server and a real web server of this machine."""

import email
import email.policy
import json
import socketserver
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from dags import notify
from monitoring.alerts.conditions import Condition
from monitoring.alerts.message import Message, Occasion
from monitoring.alerts.state import read_known
from monitoring.alerts.tell import tell
from monitoring.errors import MonitoringError
from pipeline.settings import Settings

NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)
DRIFT = Condition(
    key="input drift", severity="act", subjects=("area",), sentence="{{ 1 + 1 }} <!channel> moved & grew."
)


class _Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as it takes to be given a mail."""

    def handle(self):
        self._say("220 ready")
        for line in iter(self.rfile.readline, b""):
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self._say("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class _Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, json.loads(content)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        """Say nothing."""


def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mailbox(monkeypatch):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mailbox)
    server.mails, server.daemon_threads = [], True
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "mlops@example.org", "retry_limit": 1}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.server_address[1], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_OUR_MAIL", json.dumps(connection))
    yield from serving(server)


@pytest.fixture
def webhook(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Webhook)
    server.posts = []
    host = f"http://127.0.0.1:{server.server_address[1]}/services"
    connection = {"conn_type": "slackwebhook", "host": host, "password": "T0/B0/secret"}
    monkeypatch.setenv("AIRFLOW_CONN_OUR_CHAT", json.dumps(connection))
    yield from serving(server)


@pytest.fixture
def told(settings, small_contract):
    """Tell of a condition on channels as the settings write them."""

    def once(*written):
        chosen = Settings.model_validate({**settings.model_dump(), "alerts": written})
        occasion = Occasion(until=NOW, version=3, page="http://airflow/report")
        return tell(small_contract, chosen, notify.channels(chosen), [DRIFT], (), occasion)

    return once


def test_mail_goes_out_by_airflows_notifier_and_what_it_quotes_is_no_template(told, mailbox):
    told({"channel": "mail", "connection": "our_mail", "to": ["ana@example.org", "bo@example.org"]})
    mail = email.message_from_bytes(mailbox.mails[0], policy=email.policy.default)
    assert (mail["Subject"], mail["From"]) == ("small: input drift (act)", "mlops@example.org")
    assert "ana@example.org" in mail["To"]
    body = mail.get_body(("html",)).get_content()
    assert "{{ 1 + 1 }} &lt;!channel&gt; moved &amp; grew." in body
    assert 'href="http://airflow/report"' in body


def test_a_webhook_gets_the_text_and_calls_nobody_by_what_a_value_holds(told, webhook):
    told({"channel": "slack", "connection": "our_chat"})
    path, content = webhook.posts[0]
    assert path == "/services/T0/B0/secret"
    assert content["text"].startswith("small: input drift (act)\n{{ 1 + 1 }} &lt;!channel&gt; moved &amp; grew.")


def test_all_channels_are_told_once(told, mailbox, webhook):
    both = (
        {"channel": "slack", "connection": "our_chat"},
        {"channel": "mail", "connection": "our_mail", "to": ["a@b.c"]},
    )
    told(*both)
    told(*both)
    assert (len(mailbox.mails), len(webhook.posts)) == (1, 1)


def test_no_channel_is_none(told, settings):
    told()
    assert read_known(settings, "small")["input drift"].open == DRIFT


def test_a_connection_that_is_not_there_is_named(told):
    with pytest.raises(MonitoringError, match="nowhere"):
        told({"channel": "mail", "connection": "nowhere", "to": ["a@b.c"]})


@pytest.fixture
def own_state(settings, monkeypatch):
    """What a worker reads its settings from."""
    monkeypatch.setenv("MLOPS_STATE_DIR", str(settings.state))


def context(**more):
    run = SimpleNamespace(dag_id="small.model_training", run_id="manual__1", run_after=NOW)
    return {"dag_run": run, "ti": SimpleNamespace(task_id="gate"), **more}


@pytest.mark.usefixtures("own_state")
def test_a_task_that_failed_is_told_with_its_error_and_a_good_run_ends_it(settings, small_contract, caplog):
    failed = context(exception=ValueError("the challenger is worse"))
    notify.on_failure(small_contract)(failed)
    assert "small: run of model_training (act)\nmodel_training: gate failed: the challenger is worse" in caplog.text
    assert "/dags/small.model_training/runs/manual__1" in caplog.text
    notify.on_success(small_contract)(context())
    assert read_known(settings, "small")["run of model_training"].open is None


@pytest.mark.usefixtures("own_state")
def test_a_good_run_after_a_good_one_tells_nothing(settings, small_contract, caplog):
    notify.on_success(small_contract)(context())
    assert caplog.text == ""
    assert read_known(settings, "small") == {}


def test_an_alert_that_cannot_be_sent_does_not_hide_the_failure_itself(small_contract, monkeypatch, caplog):
    monkeypatch.setenv("MLOPS_NO_SUCH_SETTING", "1")
    notify.on_failure(small_contract)(context())
    assert "the alert could not be sent" in caplog.text


def test_the_message_is_complete_in_both_forms():
    message = Message(what="opened", subject="s", sentence="t", facts={"owner": "ana"}, links=())
    assert "owner: ana" in message.text
    assert "<td>ana</td>" in message.html
