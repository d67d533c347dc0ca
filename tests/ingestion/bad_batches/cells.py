"""Cells that are not what their column holds, one in a batch; and cells that only look so."""

import re
from typing import Any

from tests.ingestion.bad_batches.case import WRONG, Accepted, Case, Quarantined, csv_of, texts, with_cells

TOO_LARGE = r"no larger in size than 3\.4e\+38"
FORMULA = "formula"


def _bad(column: str, cell: str, reason: str, *messages: str, **contract: Any) -> Case:
    outcome = Quarantined({WRONG: {column: reason}}, messages)
    name = f"{column} is {cell!r}" + (f" {contract}" if contract else "")
    return Case(name, csv_of(with_cells(texts(), **{column: cell})), outcome, contract)


def _good(column: str, cell: str, value: Any, **contract: Any) -> Case:
    outcome = Accepted(values={column: value})
    return Case(f"{column} is {cell!r}", csv_of(with_cells(texts(), **{column: cell})), outcome, contract)


NOT_NUMBERS = [
    _bad(
        "area",
        cell,
        "type",
        f"area: {re.escape(repr(cell))} is of the wrong type \\(row 7\\); allowed: a number of at least 5",
    )
    for cell in (
        "big",
        "nan",
        "NULL",
        "None",
        "1_000",
        "0x10",
        "1,234",
        "1,5",
        "12 %",
        "€ 5",
        "\uff11\uff12",
        "\u0667\u0660",
        "true",
        "1 000",
        "--5",
        "5e",
        "1.2.3",
        "=1",
        "70 m2",
        "2020-01-01",
    )
] + [
    _bad("area", "1,234.5", "type", "area: '1,234.5' is of the wrong type"),
    _bad("area", "=1+1", "type", "area: '=1\\+1' is of the wrong type"),
    _bad("class", "2.5", "type", r"class: '?2\.5'? is of the wrong type", "allowed: a whole number"),
    _bad("class", "five", "type", "class: 'five' is of the wrong type"),
    _bad("rent", "on request", "type", "rent: 'on request' is of the wrong type"),
]

OUT_OF_RANGE = [
    _bad("area", "-3", "range", r"area: '?-3(\.0)?'? is out of range \(row 7\); allowed: a number of at least 5 and"),
    _bad("area", "4.99", "range", "area: .*4.99"),
    _bad("area", "1000.01", "range", "area: .*1000.01"),
    _bad("area", "inf", "range", TOO_LARGE),
    _bad("area", "-inf", "range", TOO_LARGE),
    _bad("area", "Infinity", "range", TOO_LARGE),
    _bad("area", "1e400", "range", TOO_LARGE),
    _bad("größe des gartens", "1e39", "range", TOO_LARGE),
    _bad("class", "6", "range", "allowed: a whole number of at least 1 and at most 5"),
    _bad("class", "0", "range"),
    _bad("rent", "0", "range", "rent: .* is out of range"),
]

MISSING = [
    _bad(column, cell, "missing", f"{column}: is empty \\(row 7\\)")
    for column in ("flat id", "sold", "area", "class", "kind", "lift", "rent")
    for cell in ("", "   ")
] + [
    _bad("area", "n/a", "missing", "area: is empty", ingestion={"missing": ["", "n/a"]}),
    _good("größe des gartens", "n/a", None, ingestion={"missing": ["", "n/a"]}),
    _good("größe des gartens", " ", None),
    _good("state", "  ", None),
]

NUMBERS = [
    _good("area", cell, value)
    for cell, value in (("+70", 70), ("70.", 70), (" 70 ", 70), ("0070", 70), ("7e1", 70), ("5", 5), ("1E3", 1000))
] + [_good("class", "3.0", 3), _good("class", "3e0", 3), _good("größe des gartens", "-0.0", 0)]

DATES = (
    [
        _bad(
            "sold",
            cell,
            "type",
            f"sold: {cell!r} is of the wrong type \\(row 7\\); allowed: a date written as %Y-%m-%d",
        )
        for cell in ("2020-02-30", "30.02.2020", "2020-13-01", "soon", "2020", "20200101", "44927", "2020-01-01 25:00")
    ]
    + [
        _bad("sold", cell, "range", f"sold: .*{cell}.* is out of range \\(row 7\\); allowed: .*from 1900-01-01 to")
        for cell in ("0001-01-01", "1899-12-31", "2100-01-02", "2101-01-01", "9999-12-31")
    ]
    + [
        _bad(
            "sold",
            "2019-12-31",
            "range",
            "from 2020-01-01",
            columns={"sold": {"type": "date", "format": "%Y-%m-%d", "minimum": "2020-01-01"}},
        )
    ]
)

WORDS = [
    _bad("kind", "Castle", "category", r"kind: 'Castle' is not a known category \(row 7\); allowed: one of: Flat"),
    _bad("state", "awful", "category", "state: 'awful' is not a known category"),
    _bad("kind", "Flat, Villa", "category", "kind: 'Flat, Villa' is not a known category"),
    _bad("lift", "maybe", "type", r"lift: 'maybe' is of the wrong type \(row 7\); allowed: true or false"),
    _bad("lift", "2", "type", "lift: '2' is of the wrong type"),
    _good("kind", " tERRACED \t house", "Terraced House"),
    _good("kind", "terraced\u00a0house", "Terraced House"),
    _good("kind", "\uff36\uff49\uff4c\uff4c\uff41", "Villa"),
    _good("kind", "terraced\nhouse", "Terraced House"),
    _good("district", "Harbour", "harbour"),
    _good("district", "STRASSE\u0301", "strass\u00e9"),
    _good("lift", "T", True),
    _good("lift", "1.0", True),
    _good("lift", " NO ", False),
    _good("flat id", ' "quoted", \nand in two lines ', '"quoted", \nand in two lines'),
    _good("flat id", "\U0001f3e0 家", "\U0001f3e0 家"),
]

FORMULAS = [
    _bad("flat id", "=1+1", "type", "flat id: '=1\\+1'", FORMULA),
    _bad("flat id", "  =cmd|' /C calc'!A0", "type", FORMULA),
    _bad("district", "=HYPERLINK(1)", "type", "district: '=HYPERLINK", FORMULA),
    _bad("kind", "=Flat", "category|type", "kind: '=Flat'"),
]

CASES = [*NOT_NUMBERS, *OUT_OF_RANGE, *MISSING, *NUMBERS, *DATES, *WORDS, *FORMULAS]
