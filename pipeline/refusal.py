"""Refusals: why a value was not accepted, in one vocabulary for batches and for requests."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Reason = Literal[
    "unreadable", "missing_column", "unexpected", "missing", "type", "range", "category", "duplicate", "conflict"
]

_TEXT = {
    "unreadable": "cannot be read",
    "missing_column": "is not there",
    "unexpected": "is not a field of the contract",
    "missing": "is empty",
    "type": "is of the wrong type",
    "range": "is out of range",
    "category": "is not a known category",
    "duplicate": "stands more than once",
    "conflict": "stands more than once, and its rows disagree",
}


@dataclass(frozen=True)
class Refusal:
    """One refused value: its field, why, the value (a sample where there are many) and what is allowed."""

    field: str
    reason: Reason
    value: Any = None
    allowed: str = ""
    rows: int = 1
    first_row: int | None = None  # position in the batch, from 1; None in a request

    @property
    def message(self) -> str:
        """One line for people, such as `area: -3 is out of range (row 7); allowed: a number of at least 0`."""
        shown = _TEXT[self.reason] if self.value is None else f"{_shorten(self.value)} {_TEXT[self.reason]}"
        where = "" if self.first_row is None else f" (row {self.first_row}{_others(self.rows)})"
        return f"{self.field}: {shown}{where}" + (f"; allowed: {self.allowed}" if self.allowed else "")


def count_refusals(refusals: Iterable[Refusal]) -> dict[str, dict[str, int]]:
    """Count refused rows by field and reason, as monitoring reads them."""
    counts: dict[str, Counter[str]] = {}
    for refusal in refusals:
        counts.setdefault(refusal.field, Counter())[refusal.reason] += refusal.rows
    return {field: dict(reasons) for field, reasons in counts.items()}


def _others(rows: int) -> str:
    return "" if rows == 1 else f" and {rows - 1} more"


def _shorten(value: Any, longest: int = 60) -> str:
    shown = repr(value.item() if isinstance(value, np.generic) else value)  # NumPy's own names the type, too
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
