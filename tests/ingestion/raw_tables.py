"""Raw tables of text cells, made by hypothesis, and what the contract says of a cell, told without our reader."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from hypothesis import strategies as st

from pipeline.coders import LARGEST, coder
from pipeline.contract import CategoryColumn, Column, Contract, DateColumn, IntegerColumn, NumberColumn, parse_contract
from tests.conftest import SMALL

KEYED = parse_contract({**SMALL, "ingestion": {"source": "nowhere.csv", "quarantine_limit": 0.99}})
KEYLESS = parse_contract(
    {
        **{name: section for name, section in SMALL.items() if name != "demo"},
        "columns": {
            name: {**column, "required": name == "kind"}
            for name, column in SMALL["columns"].items()  # type: ignore[attr-defined]
            if name not in ("flat id", "sold")
        },
        "ingestion": {"source": "nowhere.csv", "quarantine_limit": 0.99},
    }
)
GOOD = {
    "flat id": "good",
    "sold": "2020-06-01",
    "area": "70",
    "class": "3",
    "größe des gartens": "",
    "kind": "Villa",
} | {"district": "North", "state": "", "lift": "yes", "rent": "900.5"}
Row = dict[str, str]

_SPACES = st.sampled_from(
    ["", "", "", " ", "  ", "\t", "\n", "\u00a0", "\u2003", "\u2028", "\x1c", "\x85", "\u200b", "\r"]
)
_ANYTHING = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
_SPELLINGS = (
    "Flat|fLAT|Terraced House|terraced  house|TERRACED\u00a0HOUSE|\uff36illa|villa|North|SOUTH|Poor|fair|yes|No|t|0|1.0"
    "|TRUE|Castle|Harbour|\u1e9e|\u01c5|\u0345|=1|+1|a,b|a\"b|'"
)
_NUMBERS_WRITTEN = (
    "5|1000|1000.0000001|4.999999999999999999|+7|7.|.5e2|1e2|1E+2|0x10|1_0|1,0|nan|NaN|inf|-Infinity|1e400|-1e400|3.5e38"
    "|1e-400|-0|-0.0|0|00012|--1|1e|e1|.|+|\u0663|\uff13|3.0|2.5|1 0|16777217|9007199254740993|true|12 %"
)
_WORDS = st.sampled_from(_SPELLINGS.split("|"))
_NUMBERS = st.one_of(
    st.sampled_from(_NUMBERS_WRITTEN.split("|")),
    st.integers(-3, 1010).map(str),
    st.floats(allow_nan=False, width=32).map(repr),
    st.floats(5, 1000).map(lambda number: f"{number:.17g}"),
)
_DATES = st.one_of(
    st.dates().map(lambda day: f"{day.year:04d}-{day.month:02d}-{day.day:02d}"),
    st.sampled_from(
        ["2020-02-30", "2020-13-01", "20200101", "01.02.2020", "soon", "0000-01-01", "2020-01-01T00:00:00"]
    ),
)
_CELLS = st.one_of(_WORDS, _NUMBERS, _DATES, _ANYTHING, st.just(""))


def tables(contract: Contract, most: int = 20) -> st.SearchStrategy[list[Row]]:
    """Give tables of valid and other cells; one row is good, so that a batch is never bad as a whole."""
    row = st.fixed_dictionaries({name: _cell(name, column) for name, column in contract.batch_columns.items()})
    good = {name: GOOD[name] for name in contract.batch_columns}
    rows = st.lists(row, min_size=0, max_size=most)
    repeated = st.tuples(rows, st.lists(st.integers(0, most), max_size=3)).map(
        lambda drawn: drawn[0] + [drawn[0][place] for place in drawn[1] if place < len(drawn[0])]
    )
    return st.tuples(repeated, st.integers(0, most)).map(lambda drawn: _with(drawn[0], good, drawn[1]))


def _with(rows: list[Row], good: Row, place: int) -> list[Row]:
    return [*rows[:place], good, *rows[place:]]


def _cell(name: str, column: Column) -> st.SearchStrategy[str]:
    valid: st.SearchStrategy[str] = st.just(GOOD[name])
    if column.type == "text":
        valid = st.integers(0, 12).map(str)
    elif isinstance(column, CategoryColumn):
        valid = st.sampled_from(column.categories)
    elif isinstance(column, NumberColumn | IntegerColumn):
        valid = st.integers(5 if name == "area" else 1, 5 if column.type == "integer" else 999).map(str)
    # Mostly valid, or hardly any row would be.
    cell = st.integers(0, 11).flatmap(lambda dice: _CELLS if dice == 0 else valid)
    return st.tuples(_SPACES, cell, _SPACES).map("".join)


def write_csv(rows: list[Row], path: Path) -> Path:
    """Write the rows with every cell in quotes."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


def write_parquet(rows: list[Row], path: Path) -> Path:
    """Write the rows as columns of text."""
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


_NUMBER = re.compile(r"[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity)", re.IGNORECASE)


def normal_form(column: Column, cell: str) -> Any:
    """Return what a cell means, None where it is missing. Raises ValueError when it is not allowed."""
    cell = cell.strip()
    if not cell:
        if column.required:
            raise ValueError("is empty")
        return None
    return _FORMS[column.type](column, cell)


def _number(column: Any, cell: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise ValueError(f"{cell!r} is no number")
    number = float(cell)
    if abs(number) > LARGEST or not column.allows(number):
        raise ValueError(f"{cell!r} is not allowed")
    return number


def _time(column: Column, cell: str) -> datetime:
    assert isinstance(column, DateColumn)
    time = datetime.strptime(cell, column.format)  # noqa: DTZ007 (a day has no zone)
    if not column.minimum <= time.date() <= column.maximum:
        raise ValueError(f"{cell!r} is out of range")
    return time


def _word(column: Column, cell: str) -> Any:
    if cell.startswith("="):
        raise ValueError(f"{cell!r} is a formula")
    return cell if column.type == "text" else coder(column).normalise(cell)


_FORMS: dict[str, Callable[[Any, str], Any]] = {
    "number": _number,
    "integer": _number,
    "boolean": _word,
    "category": _word,
    "text": _word,
    "date": _time,
}


def expected(contract: Contract, rows: list[Row]) -> dict[int, Row]:
    """Return the rows, by their number from 1, that a batch must accept, in their normal form."""
    normal = {}
    for number, row in enumerate(rows, start=1):
        try:
            normal[number] = {name: normal_form(column, row[name]) for name, column in contract.batch_columns.items()}
        except ValueError:
            continue
    return _without_repeats(contract, normal)


def _without_repeats(contract: Contract, normal: dict[int, Row]) -> dict[int, Row]:
    if not contract.key:
        return normal
    contents: dict[Any, set[Any]] = {}
    for row in normal.values():
        contents.setdefault(_key(contract, row), set()).add(tuple(row.values()))
    seen: Counter[Any] = Counter()
    kept = {}
    for number, row in normal.items():
        key = _key(contract, row)
        if len(contents[key]) == 1 and not seen[key]:
            kept[number] = row
        seen[key] += 1
    return kept


def _key(contract: Contract, row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in contract.key)


def same(left: Any, right: Any) -> bool:
    """Whether two values of a normal form are one: missing is missing."""
    gone = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (left, right)]
    return all(gone) if any(gone) else bool(left == right)
