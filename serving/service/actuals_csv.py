"""Truths as CSV: a header `prediction_id,actual`, then a row each."""

import csv
import io
from typing import Any

from serving.service.problems import Problem

COLUMNS = ("prediction_id", "actual")
MEDIA_TYPE = "text/csv"

Cells = dict[str, Any]


def is_csv(content_type: str) -> bool:
    """Whether a Content-Type header says CSV."""
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE


def read_csv(body: bytes) -> list[tuple[int, Cells]]:
    """Return each row's number, from 1 below the header, and its cells as JSON would give them.

    A cell that is no number stays a text, and one that is empty is absent: rows are checked as those of JSON are.
    Rows without any cell are left out.

    Raises:
        Problem: when the body is not UTF-8, is no CSV, or has another header.
    """
    try:
        text = body.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(f": {error}") from error
    header = [cell.strip() for cell in lines[0]] if lines else []
    if sorted(header) != sorted(COLUMNS):
        raise _unreadable(f"; its header is {','.join(header)!r:.100}")
    return [(number, _cells(header, line)) for number, line in enumerate(lines[1:], 1) if any(map(str.strip, line))]


def _cells(header: list[str], line: list[str]) -> Cells:
    cells: Cells = {name: cell.strip() for name, cell in zip(header, line, strict=False) if cell.strip()}
    cells |= {f"cell {place}": cell for place, cell in enumerate(line[len(header) :], len(header) + 1)}
    if "actual" in cells:
        cells["actual"] = _number(cells["actual"])
    return cells


def _number(text: str) -> float | str:
    """Return the number that a text is, as JSON would write it or as nan or inf."""
    if not text.isascii() or "_" in text:  # Python reads 1_000 and Arabic digits, which others do not
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _unreadable(why: str) -> Problem:
    detail = f"The body must be CSV in UTF-8 with the header {','.join(COLUMNS)}{why}"
    return Problem(400, "The request is not readable", detail, kind="unreadable-request")
