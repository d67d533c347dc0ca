"""Monitoring on trial: how often unchanged windows are noticed, and how often changed ones are, by the right name.

Every trial draws reference and window anew, so that no trial's luck is another's. Each goes through the functions of
the DAG, from the frames to the verdict; Evidently's pages, which judge nothing, are left out.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.monitoring_faults import (
    Fault,
    Window,
    cheaper,
    dearer,
    doubled,
    gone,
    lost,
    lowered,
    shifted,
    unchanged,
    unit_error,
    unit_error_of_few,
)
from benchmarks.monitoring_rows import Population, made_up, shipped
from benchmarks.table import Bar, Figure, show
from monitoring.analyse import examine
from monitoring.findings import LIVE, REFERENCE
from monitoring.gather import Gathered
from monitoring.verdict import Verdict, verdict
from pipeline.contract import PREDICTION, Contract
from pipeline.release_log import Release

TITLE = "monitoring_power"
SHIPPED = {False: (40, 20), True: (400, 200)}  # unchanged windows and changed ones, by `full`
MADE_UP = {False: (20, 10), True: (100, 60)}
_ROWS, _MANY, _FEW = 1_000, 10_000, 100
_PERCENT = "%"
_UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
_FAULTS: dict[str, Fault] = {
    "important column + 0.5 standard deviations": shifted,
    "important column - 0.5 standard deviations": lowered,
    "category doubled": doubled,
    "category gone": gone,
    "a fifth of a column missing": lost,
    "x 10 in a column": unit_error,
    "refused in 3 % of rows": unit_error_of_few,
    "truth + 15 %": dearer,
    "truth - 15 %": cheaper,
}


@dataclass(frozen=True)
class Trial:
    """What one window is called, and whether the right thing was noticed."""

    status: str
    noticed: bool
    gravely: tuple[tuple[str, str], ...]  # view and subject of every reason beyond a note


def measure(full: bool = False) -> list[Figure]:
    """Return false alarms and power on the default data and on a made-up set, in per cent of windows."""
    return [
        *_population("default data", shipped(), *SHIPPED[full]),
        *_population("made-up data", made_up(), *MADE_UP[full]),
    ]


def trials(population: Population, fault: Fault, rows: int, many: int, *, seed: int = 0) -> list[Trial]:
    """Put so many windows on trial, each with a seed of its own."""
    return [_trial(population, fault, rows, np.random.default_rng([seed, rows, number])) for number in range(many)]


def judge(contract: Contract, reference: pd.DataFrame, window: Window) -> Verdict:
    """Return the verdict on a window, as the DAG's tasks reach it."""
    held_out = reference.dropna(subset=[PREDICTION])
    error = float((held_out[PREDICTION] - held_out[contract.target.name]).abs().mean())
    gathered = Gathered(
        since=_UNTIL - timedelta(days=contract.monitoring.window_days),
        until=_UNTIL,
        data_version="data-v1.0.0",
        served=_release(contract, error),
        live_rows=len(window.rows),
        reference_rows=len(reference),
        refusals=window.refusals,
    )
    frames = {REFERENCE: reference} | ({LIVE: window.rows} if len(window.rows) else {})
    return verdict(contract, examine(contract, gathered, frames))


def _trial(population: Population, fault: Fault, rows: int, rng: np.random.Generator) -> Trial:
    reference, drawn = population.draw(rng, rows)
    window = fault(population.contract, rng, drawn)
    judged = judge(population.contract, reference, window)
    grave = tuple((reason.view, reason.subject) for reason in judged.reasons if reason.severity != "note")
    return Trial(judged.status, window.noticed(judged), grave)


def _release(contract: Contract, error: float) -> Release:
    return Release(
        model=contract.name,
        version=1,
        data_version="data-v1.0.0",
        run_id="0" * 32,
        bundle_digest="0" * 64,
        metrics={"mae": error, "rmse": error, "r2": 0.9},
        approved_by="a benchmark",
        reason="a benchmark",
    )


def _population(name: str, population: Population, quiet: int, changed: int) -> list[Figure]:
    figures = []
    for rows in (_ROWS, _MANY):
        found = trials(population, unchanged, rows, quiet)
        figures += _alarms(f"{name}, {rows:,} rows unchanged", found)
    few = trials(population, unchanged, _FEW, min(quiet, 100))
    enough = 100 * sum(trial.status != "not enough data" for trial in few) / len(few)
    figures.append(Figure(TITLE, f"{name}, {_FEW} rows: judged at all", enough, _PERCENT, Bar("at most", 0)))
    for fault, change in _FAULTS.items():
        found = trials(population, change, _ROWS, changed)
        share = 100 * sum(trial.noticed for trial in found) / len(found)
        figures.append(Figure(TITLE, f"{name}, {fault}: noticed", share, _PERCENT, Bar("at least", 95)))
    return figures


def _alarms(name: str, found: Sequence[Trial]) -> list[Figure]:
    counted = Counter(trial.status for trial in found)
    share = {status: 100 * counted[status] / len(found) for status in ("act", "watch")}
    return [
        Figure(TITLE, f"{name}: act", share["act"], _PERCENT, Bar("at most", 2)),
        Figure(TITLE, f"{name}: watch", share["watch"], _PERCENT, Bar("at most", 3)),
    ]


def main() -> None:
    """Measure and print, without the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring_power", description=__doc__)
    parser.add_argument("--full", action="store_true", help="400 unchanged windows and 200 of each fault: 25 minutes")
    show(measure(full=parser.parse_args().full))


if __name__ == "__main__":
    main()
