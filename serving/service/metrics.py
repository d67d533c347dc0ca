"""What Prometheus is told. One registry per application: nothing global."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from serving.service.request_counts import RequestCounts
from serving.service.watcher import Live


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        requests = RequestCounts()
        self._registry.register(requests)
        self.observe = requests.observe
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
