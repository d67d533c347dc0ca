"""Analyse what was gathered: drift, live error, refusals, health. What it finds are numbers; `verdict` judges them."""

from collections.abc import Mapping

import pandas as pd

from monitoring.concerned import concerned
from monitoring.drift.compare import compare, compare_predictions
from monitoring.drift.profiles import profiles
from monitoring.drift.refused import refusals
from monitoring.evidently.pages import Occasion, evidently_pages
from monitoring.findings import LIVE, NEW_DATA, OTHERS, REFERENCE, Findings
from monitoring.frames import read_frame
from monitoring.gather import Gathered
from monitoring.health import health
from monitoring.measured import Performance
from monitoring.performance.measure import Known, performance
from monitoring.row_files import store_rows
from pipeline.contract import Contract
from pipeline.release_log import Release
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes


def analyse(contract: Contract, settings: Settings, run: str, gathered: Gathered) -> Findings:
    """Compare live traffic and new data with the served version's data, and predictions with the truth.

    Evidently's results, and the rows behind what was found, are stored under the run; a repeated run replaces its own.
    """
    uris = {REFERENCE: gathered.reference_uri, LIVE: gathered.live_uri, NEW_DATA: gathered.new_data_uri}
    if gathered.served is None or gathered.reference_uri is None:
        return Findings()
    frames = {what: read_frame(uri) for what, uri in uris.items() if uri}
    others = {OTHERS: read_frame(gathered.other_uri)} if gathered.other_uri else {}
    findings = examine(contract, gathered, frames | others)
    pages = evidently_pages(contract, Occasion(run, gathered.until, gathered.served.metrics["mae"]), frames, findings)
    folder = storage(settings, "monitoring", contract.name, run)
    stored = {
        what: write_bytes(folder / f"evidently {what}.json".replace(" ", "-"), page.content)
        for what, page in pages.items()
    }
    draws = {what: page.draw for what, page in pages.items() if page.draw}
    files = store_rows(storage(settings, "reports", contract.name, run), concerned(contract, frames, findings))
    return findings.model_copy(update={"snapshots": stored, "draws": draws, "concerned": files})


def examine(contract: Contract, gathered: Gathered, frames: Mapping[str, pd.DataFrame]) -> Findings:
    """Return every number of the findings, each of all rows.

    Args:
        contract: names the columns and gives their limits.
        gathered: the served version and the counts of what was refused.
        frames: in their normal form, by `REFERENCE` (there always), `LIVE`, `NEW_DATA` and
            `OTHERS` (where there are rows).
    """
    if gathered.served is None:
        return Findings()
    sides = {what: profiles(contract, frame) for what, frame in frames.items() if what != OTHERS}
    reference, live = sides[REFERENCE], frames.get(LIVE)
    usual = (gathered.known_refusals, gathered.known_rows) if gathered.known_rows else (None, 0)
    return Findings(
        version=gathered.served.version,
        live=compare(contract, reference, sides[LIVE]) if LIVE in sides else None,
        new_data=compare(contract, reference, sides[NEW_DATA]) if NEW_DATA in sides else None,
        prediction=compare_predictions(contract, reference, sides[LIVE]) if LIVE in sides else None,
        performance=_performance(contract, gathered, gathered.served, frames),
        refusals=refusals(contract, gathered.refusals, gathered.live_rows, *usual),
        batch_refusals=refusals(contract, gathered.batch_refusals, gathered.new_data_rows, *usual),
        health=health(gathered, live),
    )


def _performance(
    contract: Contract, gathered: Gathered, served: Release, frames: Mapping[str, pd.DataFrame]
) -> Performance | None:
    """Measure the answers of the served version, and beside them those of others; None where there are neither."""
    others = frames.get(OTHERS)
    live = frames.get(LIVE, None if others is None else others.iloc[:0])
    if live is None:
        return None
    known = Known(served.metrics["mae"], frames[REFERENCE], served.version, others, gathered.other_mae)
    return performance(contract, live, known)
