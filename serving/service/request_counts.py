"""Requests and their seconds, as Prometheus asks for them.

Counted by one event loop, so without the locks and look-ups of the client library's own counters, which took longer
than validating a record.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)  # upper ends of the histogram's buckets
_ENDS = (*map(str, map(float, SECONDS)), "+Inf")


class RequestCounts(Collector):
    """Counts requests by route and status. Both are few, whatever callers write."""

    def __init__(self) -> None:
        self._answered = Counter[tuple[str, int]]()
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * len(_ENDS))
        self._seconds: dict[str, float] = defaultdict(float)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._answered[route, status] += 1
        self._buckets[route][bisect_left(SECONDS, seconds)] += 1
        self._seconds[route] += seconds

    def collect(self) -> Iterator[Metric]:
        """Give what was counted so far; another thread may go on counting."""
        requests = CounterMetricFamily("mlops_requests", "Requests answered", labels=("route", "status"))
        for (route, status), count in self._answered.copy().items():
            requests.add_metric((route, str(status)), count)
        yield requests
        times = HistogramMetricFamily("mlops_request_seconds", "Time to answer", labels=("route",))
        for route, counts in self._buckets.copy().items():
            times.add_metric((route,), list(zip(_ENDS, accumulate(counts), strict=True)), self._seconds[route])
        yield times
