"""Evidently's own page of each comparison, with our methods and limits, of rows that are drawn where there are many."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from monitoring.evidently.sampling import drawn
from monitoring.findings import LIVE, NEW_DATA, REFERENCE, ColumnDrift, Draw, Findings
from pipeline.contract import Contract


@dataclass(frozen=True)
class Occasion:
    """What a comparison is for: it labels Evidently's result, and gives the live error its limit."""

    run: str
    until: datetime
    held_out_mae: float  # of the served version, in the target's unit


@dataclass(frozen=True)
class Page:
    """Evidently's result as it is stored; `draw` where it is not of all rows."""

    content: bytes
    draw: Draw | None


def evidently_pages(
    contract: Contract, occasion: Occasion, frames: Mapping[str, pd.DataFrame], findings: Findings
) -> dict[str, Page]:
    """Return Evidently's results by what was compared, where any column could be."""
    live = [*findings.live.columns, *filter(None, [findings.prediction])] if findings.live else []
    compared = {LIVE: live, NEW_DATA: findings.new_data.columns if findings.new_data else []}
    reference = drawn(frames[REFERENCE], contract.training.seed)
    pages = {}
    for what, columns in compared.items():
        current = drawn(frames[what], contract.training.seed) if columns else reference
        filled = [item for item in columns if reference[item.column].count() and current[item.column].count()]
        if filled:
            all_rows = len(current) == len(frames[what]) and len(reference) == len(frames[REFERENCE])
            draw = Draw(rows=len(current), reference_rows=len(reference), seed=contract.training.seed)
            content = _content(contract, occasion, what, filled, (reference, current))
            pages[what] = Page(content, None if all_rows else draw)
    return pages


def _content(
    contract: Contract,
    occasion: Occasion,
    what: str,
    columns: list[ColumnDrift],
    sides: tuple[pd.DataFrame, pd.DataFrame],
) -> bytes:
    from monitoring.evidently.snapshot import take  # Evidently takes seconds to import

    labels = {"timestamp": occasion.until, "tags": [what], "metadata": {"run": occasion.run}}
    content: bytes = take(contract, columns, *sides, occasion.held_out_mae, labels).dumps().encode()
    return content
