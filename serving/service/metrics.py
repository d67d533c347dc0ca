"""What Prometheus is told. One registry per application: nothing global."""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from serving.service.watcher import Live

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter("mlops_requests", "Requests answered", ("route", "status"), registry=self._registry)
        self._seconds = Histogram(
            "mlops_request_seconds", "Time to answer", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self.predictions = Counter("mlops_predictions", "Predictions answered", ("version",), registry=self._registry)
        self.refusals = Counter(
            "mlops_refusals", "Values refused in requests", ("field", "reason"), registry=self._registry
        )
        self._model = Gauge(
            "mlops_model_info",
            "The model that is served",
            ("model", "version", "data_version"),
            registry=self._registry,
        )

        # By route and status: looking them up costs as much as counting. Both are few, whatever callers write.
        self._of = cache(lambda route, status: (self._requests.labels(route, str(status)), self._seconds.labels(route)))

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        count, histogram = self._of(route, status)
        count.inc()
        histogram.observe(seconds)

    def unshipped(self, count: Callable[[], float]) -> None:
        """Tell how many rows of the prediction log wait for their copy in the database."""
        waiting = Gauge("mlops_unshipped", "Rows of the prediction log that wait for the copy", registry=self._registry)
        waiting.set_function(count)

    def text(self, live: Live) -> bytes:
        """Return everything in Prometheus' text format."""
        self._model.clear()  # else an earlier version would stay beside the one that is served
        if live.served:
            release = live.served.release
            self._model.labels(release.model, str(release.version), release.data_version).set(1)
        return generate_latest(self._registry)
