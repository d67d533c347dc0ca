"""Rows that are not what the contract says of them together: repeated keys, and too many bad rows."""

from typing import Any

import pandas as pd

from tests.ingestion.bad_batches.case import (
    OTHER,
    ROWS,
    WRONG,
    Accepted,
    Case,
    Quarantined,
    csv_of,
    refused,
    texts,
    with_cells,
)


def spoilt(rows: range) -> pd.DataFrame:
    """Return rows of which these have an area that is out of range."""
    frame = texts()
    frame.loc[[row - 1 for row in rows], "area"] = "-1"
    return frame


_TWICE = {name: texts().iloc[WRONG - 1][name] for name in texts().columns}


def same_key(frame: pd.DataFrame, spelling: str = "{}") -> pd.DataFrame:
    """Give the row OTHER the key of the row WRONG."""
    changed = frame.copy()
    changed.loc[OTHER - 1, "flat id"] = spelling.format(frame.loc[WRONG - 1, "flat id"])
    return changed


def same_row(frame: pd.DataFrame, **cells: Any) -> pd.DataFrame:
    """Repeat the row WRONG in the place of the row OTHER, some cells changed."""
    changed = frame.copy()
    changed.loc[OTHER - 1] = frame.loc[WRONG - 1]
    return with_cells(changed, OTHER, **cells)


BOTH = {WRONG: {"flat id": "conflict"}, OTHER: {"flat id": "conflict"}}
LATER = {OTHER: {"flat id": "duplicate"}}

KEYS = [
    Case(
        "a row that stands twice",
        csv_of(same_row(texts())),
        Quarantined(LATER, ("flat id: 'f5-6' stands more than once",)),
    ),
    Case(
        "a row that stands twice in other spelling",
        csv_of(same_row(with_cells(texts(), kind="Flat", area="70"), kind=" FLAT", area="70.0")),
        Quarantined(LATER),
    ),
    Case("a key whose rows disagree", csv_of(same_key(texts())), Quarantined(BOTH, ("flat id: 'f5-6'",))),
    Case("keys that differ by spaces only", csv_of(same_key(texts(), "  {} ")), Quarantined(BOTH)),
    Case("keys that differ by case are two", csv_of(with_cells(same_row(texts()), OTHER, flat_id="F5-6")), Accepted()),
    Case(
        "a row three times",
        csv_of(with_cells(same_row(texts()), 30, **{k.replace(" ", "_"): v for k, v in _TWICE.items()})),
        Quarantined({**LATER, 30: {"flat id": "duplicate"}}),
    ),
    Case(
        "a key that is right twice and wrong once",
        csv_of(
            with_cells(same_row(texts()), 30, **{k.replace(" ", "_"): v for k, v in (_TWICE | {"rent": "5"}).items()})
        ),
        Quarantined({**BOTH, 30: {"flat id": "conflict"}}),
        {"ingestion": {"quarantine_limit": 0.1}},
    ),
]

SHARES = [
    Case(
        "bad rows just at the limit",
        csv_of(spoilt(range(1, 3))),
        Quarantined({1: {"area": "range"}, 2: {"area": "range"}}),
    ),
    Case("bad rows just above the limit", csv_of(spoilt(range(1, 4))), refused("3 of 40", r"7\.5", r"\b5\b|0\.05")),
    Case(
        "nothing but bad rows",
        csv_of(spoilt(range(1, ROWS + 1))),
        refused("area: .* is out of range"),
        {"ingestion": {"quarantine_limit": 0.99}},
    ),
    Case(
        "one bad row where none is borne",
        csv_of(spoilt(range(3, 4))),
        refused("1 of 40"),
        {"ingestion": {"quarantine_limit": 0}},
    ),
    Case("a batch of one bad row", csv_of(with_cells(texts(1), 1, area="x")), refused("area: 'x'")),
]

CASES = [*KEYS, *SHARES]
