"""Rules of system health: the service's version, errors, latency and log. None of them is a reason to train again."""

from monitoring.findings import Findings
from monitoring.measured import Health, Service
from monitoring.reasons import Reason, Severity
from pipeline.contract import Contract

_LEAST_FAILED = 3  # requests: fewer are bad luck
MOST_WAITING = 10_000  # rows that the database has not taken yet
_CLOCK_SECONDS = 60  # requests at the same time are logged out of order by less


def system_health(contract: Contract, findings: Findings) -> list[Reason]:
    """Judge how the service did in the window by its log, and what it says of itself where it was asked."""
    health = findings.health
    reasons = [*_model(health), *_latency(contract, health), *_clock(health)]
    if health.service is None:
        return reasons
    if health.service.silent:
        return [_silent(health.service), *reasons]
    return [
        *_version(health, health.service),
        *_readiness(health.service),
        *_counts(contract, health.service),
        *reasons,
    ]


def _silent(service: Service) -> Reason:
    return _reason("watch", "service", f"The service does not answer at {service.uri}: {service.silent}.")


def _version(health: Health, service: Service) -> list[Reason]:
    if health.released is None or service.version == health.released:
        return []
    serves = "serves no model" if service.version is None else f"serves version {service.version}"
    sentence = (
        f"The service at {service.uri} {serves}, and Git says version {health.released}: run "
        "`mlops release reconcile`, or see in the service's log why it refuses the release."
    )
    return [_reason("watch", "version", sentence, service.version, health.released)]


def _model(health: Health) -> list[Reason]:
    if not health.model_away:
        return []
    sentence = (
        f"The served model cannot be asked about its held-out rows, so neither its predictions nor its slices are "
        f"compared with theirs: {health.model_away}"
    )
    return [_reason("watch", "model registry", sentence)]


def _readiness(service: Service) -> list[Reason]:
    if service.ready:
        return []
    return [_reason("watch", "readiness", f"The service at {service.uri} is not ready: {service.not_ready}.")]


def _counts(contract: Contract, service: Service) -> list[Reason]:
    limit, reasons = contract.monitoring.failed_share, []
    if service.failed >= _LEAST_FAILED and service.failed_share > limit:
        sentence = (
            f"{service.failed:,} of {service.requests:,} requests failed since the service started "
            f"({service.failed_share:.1%}; limit: {limit:.1%})."
        )
        reasons.append(_reason("watch", "failed requests", sentence, service.failed_share, limit))
    if service.waiting is not None and service.waiting > MOST_WAITING:
        sentence = (
            f"{service.waiting:,} rows of the prediction log wait for PostgreSQL (limit: {MOST_WAITING:,}): what "
            "monitoring reads there is not complete."
        )
        reasons.append(_reason("watch", "prediction log", sentence, service.waiting, MOST_WAITING))
    return reasons


def _latency(contract: Contract, health: Health) -> list[Reason]:
    slow, limit = health.latency_p99_ms, contract.monitoring.latency_ms
    if slow is None or health.answers < contract.monitoring.minimum_rows or slow <= limit:
        return []
    sentence = f"One answer of a hundred takes {slow:.0f} ms or longer (limit: {limit:g} ms)."
    return [_reason("watch", "latency", sentence, slow, limit)]


def _clock(health: Health) -> list[Reason]:
    back = health.clock_back_seconds
    if back < _CLOCK_SECONDS:
        return []
    sentence = (
        f"The service's clock went back by {back:,.0f} seconds. No answer is lost or counted twice, but which window "
        "it belongs to is only as true as its time."
    )
    return [_reason("note", "clock", sentence, back, _CLOCK_SECONDS)]


def _reason(
    severity: Severity, subject: str, sentence: str, value: float | None = None, limit: float | None = None
) -> Reason:
    return Reason(view="system health", severity=severity, subject=subject, sentence=sentence, value=value, limit=limit)
