"""What a shadow costs the answers: the 99th percentile with one over that without, in turns against one service.

The service runs with everything on; the shadow is another kind of model, and scores as many requests a second as it
may. Needs `wrk` and `taskset` (Debian: wrk, util-linux).
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving_load import Load, check_tools, load
from benchmarks.serving_servers import OURS, PORTS, Server, server
from benchmarks.serving_stock import OTHER, released, trained
from benchmarks.table import Bar, Figure
from pipeline.contract import TrialPlan
from serving import trials
from serving.release import evidence

TITLE = "trial"
SECONDS, ROUNDS, CONNECTIONS = 10, 5, 16
_RUN = "benchmark"


def measure(full: bool = False, seconds: int = SECONDS, rounds: int = ROUNDS) -> list[Figure]:  # noqa: ARG001
    """Return 99th percentiles with and without a shadow, medians of the rounds, and the median of their ratios.

    Args:
        full: makes no difference here.
        seconds: of one round, with or without.
        rounds: of both; which comes first changes from round to round.

    Raises:
        RuntimeError: when a program is missing, an answer is no success, or the shadow scores nothing.
    """
    check_tools()
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        contract, settings = released(folder, PORTS[OURS])
        tried = evidence(contract, settings, trained(contract, settings, OTHER), None)
        plan = TrialPlan(mode="shadow", minutes=600)
        with server(OURS, settings, contract.name, folder) as ours:

            def asked(shadow: bool) -> tuple[Load, int]:
                if not shadow:
                    return load(ours, contract.example(), CONNECTIONS, seconds, folder), 0
                trials.begin(settings, tried, _RUN, plan)
                _wait(ours, lambda told: "trial" in told)
                found = load(ours, contract.example(), CONNECTIONS, seconds, folder), _scored(ours)
                trials.end(settings, contract.name, _RUN)
                _wait(ours, lambda told: "trial" not in told)
                return found

            asked(False)  # a warm-up
            pairs = [_pair(asked, turn % 2 == 0) for turn in range(rounds)]
    return _figures(pairs, seconds)


Pair = tuple[Load, Load, int]  # without, with, and how many requests the shadow scored


def _pair(asked: Callable[[bool], tuple[Load, int]], shadow_first: bool) -> Pair:
    found = {shadow: asked(shadow) for shadow in ((True, False) if shadow_first else (False, True))}
    return found[False][0], found[True][0], found[True][1]


def _figures(pairs: list[Pair], seconds: int) -> list[Figure]:
    without, beside = (statistics.median(pair[place].p99 for pair in pairs) for place in (0, 1))  # type: ignore[union-attr]
    ratio = statistics.median(shadow.p99 / alone.p99 for alone, shadow, _ in pairs)
    scored = statistics.median(pair[2] for pair in pairs) / seconds
    return [
        Figure(TITLE, f"p99 without a shadow, {CONNECTIONS} connections", without, "ms"),
        Figure(TITLE, f"p99 with a shadow, {CONNECTIONS} connections", beside, "ms"),
        Figure(TITLE, "the shadow's share", scored, "requests/s"),
        Figure(
            TITLE, f"p99 with a shadow over that without, {CONNECTIONS} connections", ratio, bar=Bar("at most", 1.1)
        ),
    ]


def _told(ours: Server) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(ours.url.replace("/predict", "/model"), timeout=10).raise_for_status().json()
    return told


def _scored(ours: Server) -> int:
    answered = int(_told(ours)["trial"]["answered"])
    if not answered:
        raise RuntimeError("the shadow scored nothing: there is nothing to compare")
    return answered


def _wait(ours: Server, so: Callable[[dict[str, Any]], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not so(told := _told(ours)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the service did not follow within {seconds:g} s: {told}")
        time.sleep(0.05)
