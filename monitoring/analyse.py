"""Analyse what was gathered: drift, live error, refusals, health. What it finds are numbers; `verdict` judges them."""

from monitoring.drift import Comparison, Occasion, compare
from monitoring.findings import LIVE, NEW_DATA, Findings
from monitoring.frames import read_frame
from monitoring.gather import Gathered
from monitoring.performance import health, performance, refusals
from pipeline.contract import Contract
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes


def analyse(contract: Contract, settings: Settings, run: str, gathered: Gathered) -> Findings:
    """Compare live traffic and new data with the served version's data, and predictions with the truth.

    Evidently's results are stored under the run; a repeated run replaces its own.
    """
    served = gathered.served
    if served is None or gathered.reference_uri is None:
        return Findings()
    reference = read_frame(gathered.reference_uri)
    parts = {LIVE: gathered.live_uri, NEW_DATA: gathered.new_data_uri}
    frames = {what: read_frame(uri) for what, uri in parts.items() if uri}
    held_out = served.metrics["mae"]
    compared = {
        what: compare(contract, reference, frame, Occasion(run, what, gathered.until, held_out))
        for what, frame in frames.items()
    }
    live = frames.get(LIVE)
    return Findings(
        version=served.version,
        live=compared[LIVE].drift if LIVE in compared else None,
        new_data=compared[NEW_DATA].drift if NEW_DATA in compared else None,
        prediction=compared[LIVE].prediction if LIVE in compared else None,
        performance=None if live is None else performance(contract, live, held_out),
        refusals=refusals(gathered.refusals, gathered.live_rows),
        health=health(live),
        snapshots=_store(contract, settings, run, compared),
    )


def _store(contract: Contract, settings: Settings, run: str, compared: dict[str, Comparison]) -> dict[str, str]:
    folder = storage(settings, "monitoring", contract.name, run)
    return {
        what: write_bytes(folder / f"evidently {what}.json".replace(" ", "-"), comparison.snapshot.dumps().encode())
        for what, comparison in compared.items()
        if comparison.snapshot
    }
