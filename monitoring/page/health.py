"""System health on the page: by the prediction log of the window, and by what the service says of itself."""

from monitoring.measured import Health, Service
from monitoring.page.parts import UNKNOWN, Run, anchor, milliseconds, percent, time
from monitoring.readable import number
from monitoring.rules.health import MOST_WAITING
from pipeline.page import Markup, paragraph, section, state, table

_NOTE = (
    "Rate and latency are of this window, by the prediction log. Errors, refused values and the spool are the "
    "service's own counts, since it started; behind an address of several replicas they are one replica's."
)
Line = tuple[str, str, str, bool]  # measure, value, limit, whether it is beyond


def health_view(run: Run) -> Markup:
    """Return the section."""
    health = run.findings.health
    lines = [*_of_version(health), *_of_window(run, health), *_of_service(run, health.service)]
    head = ("Measure", "Value", "Limit", "")
    rows = [(what, value, limit, state("beyond") if bad else "") for what, value, limit, bad in lines]
    parts = [table(head, rows, bad=[line[3] for line in lines])]
    if health.service is None:
        parts.append(paragraph("The service was not asked for its metrics in this run."))
    if health.model_away:
        parts.append(paragraph(f"The model registry could not give the served version: {health.model_away}"))
    view = "system health"
    return section("System health", *parts, note=_NOTE, anchor=anchor(view), status=run.state("system health"))


def _of_version(health: Health) -> list[Line]:
    service = health.service
    if service is None:
        return [("Version that Git says", str(health.released or UNKNOWN), "", False)]
    serves = "no answer" if service.silent else "none" if service.version is None else str(service.version)
    said = "" if health.released is None else f"Git: {health.released}"
    return [("Version in service", serves, said, service.version != health.released)]


def _of_window(run: Run, health: Health) -> list[Line]:
    limit = run.contract.monitoring.latency_ms
    slow = health.latency_p99_ms is not None and health.latency_p99_ms > limit
    lines: list[Line] = [
        ("Answers in the window", f"{health.answers:,}", "", False),
        ("Answers an hour", number(health.per_hour), "", False),
        ("Latency, median", milliseconds(health.latency_p50_ms), "", False),
        ("Latency, 95 of 100 are faster", milliseconds(health.latency_p95_ms), "", False),
        ("Latency, 99 of 100 are faster", milliseconds(health.latency_p99_ms), f"{limit:g} ms", slow),
    ]
    if health.clock_back_seconds:
        lines.append(("The clock went back by", f"{health.clock_back_seconds:,.1f} s", "", False))
    return lines


def _of_service(run: Run, service: Service | None) -> list[Line]:
    if service is None:
        return []
    asked = ("Asked", f"{service.uri}, {time(service.asked)}", "", False)
    if service.silent:
        return [asked, ("It does not answer", service.silent, "", True)]
    limit = run.contract.monitoring.failed_share
    failed = f"{service.failed:,} of {service.requests:,} ({percent(service.failed_share)})"
    waiting = "no PostgreSQL is set" if service.waiting is None else f"{service.waiting:,}"
    return [
        asked,
        ("Ready", "yes" if service.ready else f"no: {service.not_ready}", "", not service.ready),
        ("Running since", time(service.started) if service.started else UNKNOWN, "", False),
        ("Failed requests", failed, percent(limit), service.failed_share > limit),
        ("Refused values", f"{service.refused:,}", "", False),
        ("Spool: rows that wait for PostgreSQL", waiting, f"{MOST_WAITING:,}", (service.waiting or 0) > MOST_WAITING),
    ]
