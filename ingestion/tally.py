"""What is refused in a batch, counted while it streams: one line for each field and reason, however many rows."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ingestion.normalise import Failure
from ingestion.read import LINE, ROW
from pipeline.coders import LARGEST
from pipeline.contract import Column, Contract, IntegerColumn, NumberColumn
from pipeline.refusal import Reason, Refusal

_KNOWN = 10_000  # messages that are kept to be said again
_LARGEST_WHOLE = 1e15  # above it, all digits would be shown of what has only some
LINE_FIELD = "(whole line)"  # the field of a line that has not as many cells as the header


class Tally:
    """Refusals by field and reason, each with its first value and row."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._found: dict[tuple[str, Reason], Refusal] = {}

    def add(self, failures: Iterable[Failure], raw: Any) -> None:
        """Count the failures of one raw batch."""
        for failure in failures:
            key, rows = (failure.field, failure.reason), int(failure.mask.sum())
            if key in self._found:
                self._found[key] = replace(self._found[key], rows=self._found[key].rows + rows)
                continue
            first = int(np.argmax(failure.mask))
            refusal = refusal_at(self._contract, raw, failure, first)
            self._found[key] = replace(refusal, rows=rows, first_row=raw.column(ROW)[first].as_py())

    def add_missing_columns(self, names: Sequence[str], others: Sequence[str], rows: int) -> None:
        """Count columns that are not there; `others` are the source's own, among which one may be meant."""
        for name in names:
            near = difflib.get_close_matches(name, others, n=1, cutoff=0.6)
            near += [other for other in others if other.casefold() == name.casefold()]
            hint = f" (the source has {near[0]!r}: did you mean that one?)" if near else ""
            allowed = self._contract.batch_columns[name].allowed + hint
            self._found[name, "missing_column"] = Refusal(name, "missing_column", allowed=allowed, rows=rows)

    def refusals(self) -> list[Refusal]:
        """Return what was found, in the contract's order."""
        order = {name: place for place, name in enumerate(self._contract.batch_columns)}
        return [self._found[key] for key in sorted(self._found, key=lambda key: (order.get(key[0], -1), key[1]))]


def refusal_at(contract: Contract, raw: Any, failure: Failure, row: int) -> Refusal:
    """Return the refusal of one row of a raw batch, with its value."""
    mask = np.zeros(raw.num_rows, dtype=bool)
    mask[row] = True
    return next(iter(refusals_of(contract, raw, Failure(failure.field, failure.reason, mask))))


def refusals_of(contract: Contract, raw: Any, failure: Failure) -> Iterator[Refusal]:
    """Give the refusal of each row that failed; the same value is refused in the same words."""
    column = contract.batch_columns.get(failure.field)
    known: dict[Any, Refusal] = {}
    for value in _values(contract, raw, failure):
        if value not in known:
            if len(known) >= _KNOWN:
                known.clear()
            known[value] = Refusal(failure.field, failure.reason, value, _allowed(contract, column, failure, value))
        yield known[value]


def _values(contract: Contract, raw: Any, failure: Failure) -> Iterator[Any]:
    rows = pa.array(np.flatnonzero(failure.mask))
    names = {"unreadable": [LINE], "duplicate": contract.key, "conflict": contract.key}.get(
        failure.reason, [failure.field]
    )
    cells = [raw.column(name).take(rows).to_pylist() for name in names]
    for row in zip(*cells, strict=True):
        yield None if failure.reason == "missing" else _shown(row[0]) if len(row) == 1 else row


def _shown(value: Any) -> Any:
    """Return a value as messages show it: a whole number without a decimal point."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE
    return int(value) if whole else value


def _allowed(contract: Contract, column: Column | None, failure: Failure, value: Any) -> str:
    if column is None:
        return "as many cells as the header has"
    if failure.reason in ("duplicate", "conflict"):
        return f"each {', '.join(contract.key)} once in a window"
    if isinstance(value, str) and value.strip().startswith("="):
        return f"{column.allowed}, that is no formula of a spreadsheet"
    number = isinstance(column, NumberColumn | IntegerColumn) and failure.reason == "range"
    return column.allowed + (f", no larger in size than {LARGEST:.3g}" if number and _is_huge(value) else "")


def _is_huge(value: Any) -> bool:
    try:
        return abs(float(str(value).strip().replace(",", "."))) > LARGEST
    except ValueError:  # a spelling that only the parser of batches takes
        return False
