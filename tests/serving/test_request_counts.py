from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from serving.service.request_counts import SECONDS, RequestCounts


def told(counts: RequestCounts) -> dict[str, dict[tuple[str, ...], float]]:
    registry = CollectorRegistry()
    registry.register(counts)
    samples = [
        sample
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    ]
    return {
        name: {tuple(one.labels.values()): one.value for one in samples if one.name == name}
        for name in {one.name for one in samples}
    }


def test_requests_are_counted_by_route_and_status() -> None:
    counts = RequestCounts()
    for status in (200, 200, 422):
        counts.observe("/predict", status, 0.002)
    counts.observe("/model", 200, 0.002)

    found = told(counts)

    assert found["mlops_requests_total"] == {("/predict", "200"): 2, ("/predict", "422"): 1, ("/model", "200"): 1}
    assert found["mlops_request_seconds_count"] == {("/predict",): 3, ("/model",): 1}
    assert found["mlops_request_seconds_sum"][("/predict",)] == 0.006


def test_buckets_hold_what_took_at_most_their_seconds() -> None:
    counts = RequestCounts()
    for seconds in (0.0, 0.001, 0.0011, 2.5, 60.0):
        counts.observe("/predict", 200, seconds)

    buckets = told(counts)["mlops_request_seconds_bucket"]

    assert len(buckets) == len(SECONDS) + 1
    assert buckets["0.001", "/predict"] == 2
    assert buckets["0.0025", "/predict"] == 3
    assert buckets["1.0", "/predict"] == 3
    assert buckets["2.5", "/predict"] == 4
    assert buckets["+Inf", "/predict"] == 5


def test_a_service_that_was_not_asked_yet_has_no_series() -> None:
    assert told(RequestCounts()) == {}
