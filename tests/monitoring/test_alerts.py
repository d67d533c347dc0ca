"""Alerts: each condition acting and silent, one message until it changes, and what people do about it."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from monitoring.alerts.conditions import Condition, of_failed_run, of_service, of_verdict, run_key_of
from monitoring.alerts.links import anchors
from monitoring.alerts.message import Message, Occasion
from monitoring.alerts.state import Dismissal, dismiss, read_known
from monitoring.alerts.tell import Log, Told, tell, tell_of_failure, tell_of_run, tell_of_success
from monitoring.errors import MonitoringError
from monitoring.gather import Gathered
from monitoring.measured import Service
from monitoring.reasons import Reason
from monitoring.retraining.past import Judged, Past
from monitoring.verdict import Verdict
from pipeline.contract.alerts_section import Alerts
from pipeline.storage import storage

NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
VIEWS = ("data quality", "input drift", "prediction drift", "live performance", "system health")


class Kept:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def told(self) -> list[str]:
        return [f"{message.what} {message.subject.split(': ')[-1]}" for message in self.messages]


class Broken:
    """A channel whose server is away."""

    def send(self, message: Message) -> None:
        raise ConnectionError(f"the mail server is away, so nobody reads of {message.subject}")


def verdict(*reasons, status="act"):
    made = [
        Reason(view=view, severity=severity, subject=subject, sentence=f"{subject} moved.", value=0.4, limit=0.3)
        for view, severity, subject in reasons
    ]
    return Verdict(status=status, reasons=made, shift=False)


DRIFT = verdict(("input drift", "act", "area"))
HEALTHY = verdict(status="healthy")


@pytest.fixture
def with_alerts(small_contract):
    def change(**limits):
        section = small_contract.monitoring.model_copy(update={"alerts": Alerts(**limits)})
        return small_contract.model_copy(update={"monitoring": section, "owner": "the flats team"})

    return change


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def run(small_contract, settings, kept):
    """One run of monitoring, some days from now."""

    def once(verdict, days=0.0, contract=None, channels=None, service=None, past=None):
        until = NOW + timedelta(days=days)
        gathered = Gathered(since=until - timedelta(days=30), until=until, data_version="data-v1.0.0", service=service)
        refs = (gathered, verdict, past or Past(until=until), "http://airflow/report")
        return tell_of_run(contract or small_contract, settings, channels or [kept], *refs)

    return once


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_alerts_where_it_calls_for_action_and_is_silent_below(small_contract, view):
    past = Past(until=NOW)
    found = of_verdict(small_contract, verdict((view, "act", "area"), (view, "act", "kind")), past)
    assert [(one.key, one.subjects, one.value, one.limit) for one in found] == [(view, ("area", "kind"), 0.4, 0.3)]
    assert of_verdict(small_contract, verdict((view, "watch", "area"), status="watch"), past) == []
    assert of_verdict(small_contract, verdict((view, "note", "area"), status="healthy"), past) == []


@pytest.mark.parametrize(("least", "severity", "alerts"), [("watch", "watch", True), ("watch", "note", False)])
def test_the_contract_says_from_where_on_somebody_is_told(with_alerts, least, severity, alerts):
    found = of_verdict(with_alerts(least=least), verdict(("input drift", severity, "area")), Past(until=NOW))
    assert bool(found) is alerts


def test_a_silent_service_is_one_alert_and_not_two(with_alerts):
    found = of_verdict(with_alerts(least="watch"), verdict(("system health", "watch", "service")), Past(until=NOW))
    assert found == []


@pytest.mark.parametrize(
    ("before", "alerts"),
    [(["not enough data"] * 2, True), (["not enough data"], False), (["not enough data"] * 4 + ["healthy"], False)],
)
def test_several_windows_without_enough_data_are_an_alert(small_contract, before, alerts):
    windows = tuple(Judged(until=NOW - timedelta(days=9), version=1, status=status) for status in before)
    lacking = verdict(status="not enough data")
    assert bool(of_verdict(small_contract, lacking, Past(until=NOW, windows=windows))) is alerts


@pytest.mark.parametrize(
    ("answer", "alerts"),
    [
        (None, False),
        ({"ready": True}, False),
        ({"silent": "connection refused"}, True),
        ({"not_ready": "no release"}, True),
    ],
)
def test_a_service_that_does_not_answer_is_an_alert(answer, alerts):
    service = answer and Service(uri="http://127.0.0.1:1", asked=NOW, **answer)
    assert bool(of_service(service)) is alerts


def test_one_alert_until_the_condition_changes_and_one_when_it_is_gone(run, kept):
    run(DRIFT)
    run(DRIFT, days=1)
    run(verdict(("input drift", "act", "kind"), ("input drift", "act", "area")), days=2)
    run(DRIFT, days=3)
    run(HEALTHY, days=4)
    run(HEALTHY, days=5)
    run(DRIFT, days=6)
    names = ["opened", "changed", "resolved", "opened"]
    assert kept.told == [f"{name} input drift (act)" for name in names]


def test_a_run_that_is_repeated_tells_nothing_twice_and_an_older_one_nothing_at_all(run, kept):
    told = run(DRIFT)
    assert (len(told.sent), told.open) == (1, ("input drift",))
    assert run(DRIFT) == Told(sent=(), open=("input drift",))
    assert run(HEALTHY, days=-1) == Told(sent=(), open=("input drift",))


def test_without_enough_data_nothing_is_called_gone(run, kept):
    run(DRIFT)
    run(verdict(status="not enough data"), days=1)
    assert kept.told == ["opened input drift (act)"]


def test_a_service_that_answers_again_is_told(run, kept):
    away = Service(uri="http://127.0.0.1:1", asked=NOW, silent="connection refused")
    run(HEALTHY, service=away)
    run(HEALTHY, days=1)
    run(HEALTHY, days=2, service=Service(uri="http://127.0.0.1:1", asked=NOW, ready=True))
    assert kept.told == ["opened service (act)", "resolved service (act)"]


def test_an_alert_says_what_where_since_when_whose_and_what_to_do(run, kept, with_alerts, settings):
    run(DRIFT, contract=with_alerts())
    message = kept.messages[0]
    assert message.facts == {
        "value": "0.4 (limit: 0.3)",
        "window": "2026-02-08 06:00 UTC to 2026-03-10 06:00 UTC",
        "version in service": "none",
        "open since": "2026-03-10 06:00 UTC",
        "owner": "the flats team",
    }
    links = {link.title: link.url for link in message.links}
    assert list(links) == ["Report", "Runbook", "Retrain", "Dismiss with a reason"]
    assert links["Runbook"].endswith("/docs/runbook.md#input-drift")
    assert "dag=small.alert_dismissal&conf=%7B%22condition%22%3A+%22input+drift%22" in links["Dismiss with a reason"]
    assert all(link.url in message.text for link in message.links)


@pytest.mark.parametrize(
    ("view", "ticked"), [("live performance", True), ("input drift", True), ("data quality", False)]
)
def test_the_form_to_retrain_is_ticked_where_the_world_has_changed(run, kept, view, ticked):
    run(verdict((view, "act", "area")))
    links = {link.title: link.url for link in kept.messages[0].links}
    (conf,) = parse_qs(urlparse(links["Retrain"]).query)["conf"]
    assert json.loads(conf)["shift"] is ticked


def test_what_a_value_holds_is_no_markup(run, kept):
    run(verdict(("input drift", "act", "<script>alert(1)</script>")))
    assert "<script>" not in kept.messages[0].html


def known_of(settings, key="input drift"):
    return read_known(settings, "small")[key]


def dismissed(settings, **changes):
    given = {"who": "ana", "reason": "a known fair", "at": NOW, "until": None, **changes}
    return dismiss(settings, "small", "input drift", Dismissal(**given))


@pytest.mark.parametrize(
    ("until", "then", "days", "told"),
    [
        (None, DRIFT, 400, []),
        (date(2026, 3, 12), DRIFT, 2, []),
        (date(2026, 3, 12), DRIFT, 3, ["opened input drift (act)"]),
        (None, verdict(("input drift", "act", "kind")), 1, ["changed input drift (act)"]),
        (None, HEALTHY, 1, []),
    ],
    ids=["for good", "until the day", "after the day", "it changes", "it goes"],
)
def test_a_dismissed_condition_is_silent_until_it_changes_or_the_day_has_passed(
    run, kept, settings, until, then, days, told
):
    run(DRIFT)
    dismissed(settings, until=until)
    kept.messages.clear()
    run(then, days=days)
    assert kept.told == told


def test_who_dismissed_it_when_and_why_is_kept(run, settings):
    run(DRIFT)
    dismissed(settings)
    dismissed(settings, at=NOW + timedelta(hours=1))  # the task is repeated
    events = known_of(settings).events
    assert [(event.what, event.note) for event in events] == [
        ("opened", "area moved."),
        ("dismissed", "ana: a known fair"),
    ]


@pytest.mark.parametrize(
    ("key", "reason", "says"), [("x", "y", "open are: input drift"), ("input drift", " ", "say why")]
)
def test_only_what_is_open_is_dismissed_and_only_with_a_reason(run, settings, key, reason, says):
    run(DRIFT)
    with pytest.raises(MonitoringError, match=says):
        dismiss(settings, "small", key, Dismissal(who="ana", reason=reason, at=NOW))


def test_a_channel_that_fails_keeps_no_other_from_being_told_and_is_tried_again(run, kept, settings):
    with pytest.raises(MonitoringError, match="the mail server is away"):
        run(DRIFT, channels=[Broken(), kept])
    assert kept.told == ["opened input drift (act)"]
    assert read_known(settings, "small") == {}
    run(DRIFT)
    assert kept.told == ["opened input drift (act)"] * 2


def test_a_damaged_file_counts_as_not_known(run, kept, settings):
    run(DRIFT)
    next(storage(settings, "alerts", "small").iterdir()).write_text("{")
    run(DRIFT, days=1)
    assert kept.told == ["opened input drift (act)"] * 2


def test_a_failed_run_alerts_once_and_the_next_good_run_ends_it(small_contract, settings, kept):
    def at(days):
        return Occasion(until=NOW + timedelta(days=days), version=1, page="http://airflow/run")

    failed = of_failed_run("model_training", "gate", "the challenger is worse")
    for days in (0, 1):
        tell_of_failure(small_contract, settings, [kept], failed, at(days))
    tell_of_success(small_contract, settings, [kept], "data_ingestion", at(2))
    tell_of_success(small_contract, settings, [kept], "model_training", at(3))
    tell_of_success(small_contract, settings, [kept], "model_training", at(4))
    key = run_key_of("model_training")
    assert kept.told == [f"opened {key} (act)", f"resolved {key} (act)"]
    assert "the challenger is worse" in kept.messages[0].sentence


def test_the_log_is_a_channel(small_contract, settings, caplog):
    condition = Condition(key="service", severity="act", sentence="It is away.")
    occasion = Occasion(until=NOW, version=1, page="http://airflow/run")
    tell(small_contract, settings, [Log()], [condition], (), occasion)
    assert "small: service (act)\nIt is away." in caplog.text


def test_the_runbook_has_a_place_for_every_condition():
    headings = [line[3:].strip() for line in RUNBOOK.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert set(anchors()) <= {heading.lower().replace(" ", "-") for heading in headings}
