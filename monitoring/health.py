"""How the service did in the window, by its log; what it says of itself stands beside it."""

import pandas as pd

from monitoring.frames import LATENCY_MS
from monitoring.gather import Gathered
from monitoring.measured import Health

_QUANTILES = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95, "latency_p99_ms": 0.99}


def health(gathered: Gathered, live: pd.DataFrame | None) -> Health:
    """Return how many answers the served version gave, how often, and their latency in milliseconds."""
    latencies = pd.Series(dtype="float64") if live is None else live[LATENCY_MS].dropna()
    hours = (gathered.until - gathered.since).total_seconds() / 3600
    quantiles = {name: float(latencies.quantile(at)) if len(latencies) else None for name, at in _QUANTILES.items()}
    return Health(
        answers=gathered.live_rows,
        per_hour=gathered.live_rows / hours if hours else 0.0,
        released=gathered.served.version if gathered.served else None,
        clock_back_seconds=gathered.clock_back_seconds,
        model_away=gathered.model_away,
        service=gathered.service,
        **quantiles,
    )
