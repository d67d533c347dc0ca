"""System health: what the service says of itself, and which rule speaks or stays silent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from monitoring.findings import Findings
from monitoring.frames import LATENCY_MS
from monitoring.gather import Gathered
from monitoring.health import health
from monitoring.inputs.service_metrics import ask_service, read_metrics
from monitoring.measured import Health, Service
from monitoring.rules.health import system_health
from pipeline.settings import Settings
from serving.service.metrics import Metrics
from tests.monitoring.conftest import UNTIL, released


class _NoModel:
    served = None


def metrics(ok: int = 500, failed: int = 2, refused: int = 4, waiting: int | None = 7) -> str:
    """Return what the service's own metrics look like."""
    counted = Metrics()
    for status, times in {200: ok, 503: failed, 422: 3}.items():
        for _ in range(times):
            counted.observe("/predict", status, 0.002)
    counted.predictions.labels("3").inc(ok)
    counted.refusals.labels("area", "range").inc(refused)
    if waiting is not None:
        counted.unshipped(lambda: waiting)
    counted._model.labels("small", "3", "data-v1.0.0").set(1)  # else a whole bundle would have to be served
    kept = counted._model.clear
    counted._model.clear = lambda: None  # type: ignore[method-assign]
    text = counted.text(_NoModel()).decode()  # type: ignore[arg-type]
    counted._model.clear = kept  # type: ignore[method-assign]
    return text


@contextmanager
def serving(pages: dict[str, tuple[int, str, str]]) -> Iterator[str]:
    """Serve a few pages, each a status, a content type and a text; nobody asks for others."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = pages[self.path]
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


def asked(tmp_path, uri: str, seconds: float = 3.0) -> Service:
    settings = Settings(project_dir=tmp_path, mlflow_uri="sqlite://", reports_uri="", service_uri=uri)
    return ask_service(settings, "small", seconds)


READY = (200, "application/json", '{"status": "ready"}')


def test_the_service_s_own_metrics_are_read(tmp_path):
    with serving({"/metrics": (200, "text/plain", metrics()), "/health/ready": READY}) as uri:
        found = asked(tmp_path, uri)
    assert (found.silent, found.ready, found.version, found.data_version) == ("", True, 3, "data-v1.0.0")
    assert (found.answered, found.refused, found.requests, found.failed) == (500, 4, 505, 2)
    assert found.failed_share == pytest.approx(2 / 505)
    assert found.waiting == 7
    assert timedelta(0) < datetime.now(UTC) - found.started < timedelta(days=1)
    assert Service.model_validate(found.model_dump(mode="json")) == found


def test_probes_that_fail_before_the_first_release_are_no_failed_requests():
    probes = [
        f'mlops_requests_total{{route="{route}",status="503"}} 40.0'
        for route in ("/health/ready", "/v2/health/ready", "/model")
    ]
    found = read_metrics("\n".join([metrics(), *probes, ""]))
    assert (found["requests"], found["failed"]) == (505, 2)


def test_without_a_database_or_a_model_there_is_none_to_tell_of():
    text = metrics(waiting=None).replace(
        'mlops_model_info{data_version="data-v1.0.0",model="small",version="3"} 1.0', ""
    )
    found = read_metrics(text)
    assert found["waiting"] is None
    assert "version" not in found


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ((404, "text/plain", "no such page"), "404"),
        ((200, "text/html", "<html>somebody else</html>"), "ValueError"),
        ((200, "text/plain", "other_total 1\n"), "not the metrics of the project"),
    ],
)
def test_whoever_else_answers_there_is_told_and_nothing_fails(tmp_path, page, said):
    with serving({"/metrics": page, "/health/ready": READY}) as uri:
        found = asked(tmp_path, uri)
    assert said in found.silent


def test_a_service_that_is_not_there_is_a_finding(tmp_path, small_contract):
    found = asked(tmp_path, "http://127.0.0.1:9", seconds=0.5)
    assert "Connect" in found.silent
    reasons = system_health(small_contract, findings(service=found))
    assert [(reason.subject, reason.severity) for reason in reasons] == [("service", "watch")]
    assert "does not answer at http://127.0.0.1:9" in reasons[0].sentence


def test_a_service_that_is_not_ready_says_why(tmp_path):
    unready = (503, "application/problem+json", '{"title": "No", "detail": "the prediction log cannot be written"}')
    with serving({"/metrics": (200, "text/plain", metrics()), "/health/ready": unready}) as uri:
        found = asked(tmp_path, uri)
    assert (found.silent, found.ready, found.not_ready) == ("", False, "the prediction log cannot be written")


def findings(service: Service | None = None, **changed: object) -> Findings:
    values = {"answers": 1000, "latency_p50_ms": 2.0, "latency_p95_ms": 5.0, "latency_p99_ms": 9.0, "released": 3}
    return Findings(version=3, health=Health.model_validate({**values, "service": service, **changed}))


def service(**changed: object) -> Service:
    values = {
        "uri": "http://x",
        "asked": UNTIL,
        "ready": True,
        "version": 3,
        "requests": 1000,
        "failed": 2,
        "waiting": 5,
    }
    return Service.model_validate(values | changed)


def test_a_service_that_does_well_gives_no_reason(small_contract):
    assert system_health(small_contract, findings(service())) == []
    assert system_health(small_contract, findings()) == []  # it was not asked


@pytest.mark.parametrize(
    ("found", "subject", "severity", "value", "limit"),
    [
        (findings(service(version=2)), "version", "watch", 2, 3),
        (findings(service(version=None)), "version", "watch", None, 3),
        (findings(service(ready=False, not_ready="disk full")), "readiness", "watch", None, None),
        (findings(service(failed=20)), "failed requests", "watch", 0.02, 0.01),
        (findings(service(waiting=10_001)), "prediction log", "watch", 10_001, 10_000),
        (findings(service(), latency_p99_ms=501.0), "latency", "watch", 501.0, 500.0),
        (findings(service(), clock_back_seconds=3600.0), "clock", "note", 3600.0, 60),
        (findings(service(), model_away="no such run"), "model registry", "watch", None, None),
    ],
)
def test_each_rule_speaks_with_its_value_and_limit(small_contract, found, subject, severity, value, limit):
    reasons = system_health(small_contract, found)
    told = [(reason.view, reason.subject, reason.severity, reason.value, reason.limit) for reason in reasons]
    assert told == [("system health", subject, severity, value, limit)]


@pytest.mark.parametrize(
    "found",
    [
        findings(service(failed=2, requests=10)),  # a large share of hardly any
        findings(service(failed=10)),
        findings(service(waiting=10_000)),
        findings(service(waiting=None)),
        findings(service(), latency_p99_ms=500.0),
        findings(service(), latency_p99_ms=5000.0, answers=10),
        findings(service(), clock_back_seconds=5.0),
    ],
)
def test_each_rule_stays_silent_at_its_limit(small_contract, found):
    assert system_health(small_contract, found) == []


def test_rate_and_latency_are_of_the_window(small_contract):
    live = pd.DataFrame({LATENCY_MS: np.arange(1, 101, dtype="float64")})
    gathered = Gathered(
        since=UNTIL - timedelta(hours=10),
        until=UNTIL,
        data_version="data-v1.0.0",
        served=released(small_contract),
        live_rows=100,
    )
    found = health(gathered, live)
    assert (found.answers, found.per_hour, found.released) == (100, 10.0, 3)
    assert (found.latency_p50_ms, found.latency_p95_ms) == (50.5, pytest.approx(95.05))
    assert found.latency_p99_ms == pytest.approx(99.01)
    quiet = health(gathered.model_copy(update={"live_rows": 0}), None)
    assert (quiet.per_hour, quiet.latency_p99_ms) == (0, None)
