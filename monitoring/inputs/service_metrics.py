"""What the prediction service says of itself: its metrics in Prometheus' text format, and whether it is ready."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from monitoring.measured import Service
from pipeline.settings import Settings

SECONDS = 3.0
_PROBES = ("/health/", "/v2/health/", "/metrics", "/model")  # the last is asked while a release is waited for
_FAILED = 500


def ask_service(settings: Settings, model: str, seconds: float = SECONDS) -> Service:
    """Ask the service at the settings' `service_uri`; one that does not answer is told in `silent`, never raised.

    Behind an address of several replicas, one of them answers: its counts are its own.

    Args:
        settings: where the service is, and the pipeline's key to it.
        model: the contract's name.
        seconds: that each of two requests may take.
    """
    uri = settings.place("service_uri", model).rstrip("/")
    key = settings.service_key
    headers = {"X-API-Key": key.get_secret_value()} if key else {}
    found: dict[str, Any] = {"uri": uri, "asked": datetime.now(UTC)}
    try:
        with httpx.Client(timeout=seconds, headers=headers) as http:
            answer = http.get(f"{uri}/metrics")
            answer.raise_for_status()
            found |= read_metrics(answer.text) | _readiness(http.get(f"{uri}/health/ready"))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        found["silent"] = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Service.model_validate(found)


def read_metrics(text: str) -> dict[str, Any]:
    """Return the fields of `Service` that stand in its metrics.

    Raises:
        ValueError: when the text is not in Prometheus' format, or not of this project's service.
    """
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    if not any(sample.name.startswith("mlops_") for sample in samples):
        raise ValueError("these are not the metrics of the project's prediction service")
    started = _sum(samples, "process_start_time_seconds")
    waiting = [sample.value for sample in samples if sample.name == "mlops_unshipped"]
    requests = [sample for sample in samples if sample.name == "mlops_requests_total" and not _is_probe(sample)]
    return {
        "started": datetime.fromtimestamp(started, UTC) if started else None,
        "answered": int(_sum(samples, "mlops_predictions_total")),
        "refused": int(_sum(samples, "mlops_refusals_total")),
        "requests": int(sum(sample.value for sample in requests)),
        "failed": int(sum(sample.value for sample in requests if _status(sample) >= _FAILED)),
        "waiting": int(waiting[0]) if waiting else None,
        **_model(samples),
    }


def _model(samples: Iterable[Sample]) -> dict[str, Any]:
    for sample in samples:
        if sample.name == "mlops_model_info" and sample.value == 1:
            return {"version": int(sample.labels["version"]), "data_version": sample.labels["data_version"]}
    return {}


def _sum(samples: Iterable[Sample], name: str) -> float:
    return sum(sample.value for sample in samples if sample.name == name)


def _is_probe(sample: Sample) -> bool:
    """Whether a series counts probes: before the first release they fail, and nobody is harmed by that."""
    return sample.labels.get("route", "").startswith(_PROBES)


def _status(sample: Sample) -> int:
    status = sample.labels.get("status", "")
    return int(status) if status.isdecimal() else 0


def _readiness(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        return {"ready": True}
    said = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    return {"not_ready": str(said.get("detail") or said.get("title") or f"status {answer.status_code}")}
