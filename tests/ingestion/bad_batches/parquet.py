"""Parquet files whose columns have other types than the contract's."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.ingestion.bad_batches.case import (
    ROWS,
    WRONG,
    Accepted,
    Case,
    Quarantined,
    parquet_of,
    refused,
    texts,
    typed,
    unreadable,
    with_cells,
)

_AREAS = [float(value) for value in typed()["area"].round()]
_SOLD = pd.to_datetime(typed()["sold"])


def _areas(type_: Any) -> pa.Array:
    return pa.array([int(value) for value in _AREAS]).cast(type_)


PARQUET = [
    Case(f"Parquet with {name}", parquet_of(typed(), **columns), Accepted(values=values))
    for name, columns, values in [
        ("numbers as text", {"area": pa.array([str(value) for value in _AREAS])}, {"area": _AREAS[6]}),
        ("decimals", {"area": pa.array([Decimal(f"{value:.2f}") for value in _AREAS])}, {"area": _AREAS[6]}),
        ("int16", {"area": _areas(pa.int16())}, {"area": _AREAS[6]}),
        ("int8", {"class": pa.array(typed()["class"]).cast(pa.int8())}, {"class": float(typed()["class"][6])}),
        ("uint64", {"area": _areas(pa.uint64())}, {"area": _AREAS[6]}),
        ("float32", {"area": _areas(pa.float32())}, {"area": _AREAS[6]}),
        ("dictionaries", {"kind": pa.array(typed()["kind"]).dictionary_encode()}, {}),
        ("a dictionary of keys", {"flat_id": pa.array(typed()["flat id"]).dictionary_encode()}, {"flat id": "f5-6"}),
        ("whole numbers as keys", {"flat_id": pa.array(np.arange(ROWS) + 2**60)}, {"flat id": str(2**60 + 6)}),
        ("large texts", {"flat_id": pa.array(typed()["flat id"]).cast(pa.large_string())}, {"flat id": "f5-6"}),
        ("times with a zone", {"sold": pa.array(_SOLD.dt.tz_localize("UTC"))}, {"sold": _SOLD[6]}),
        ("days", {"sold": pa.array(_SOLD.dt.date)}, {"sold": _SOLD[6]}),
        ("nanoseconds", {"sold": pa.array(_SOLD).cast(pa.timestamp("ns"))}, {"sold": _SOLD[6]}),
        ("truth", {"lift": pa.array([True] * ROWS)}, {"lift": True}),
        ("truth as whole numbers", {"lift": pa.array([0, 1] * (ROWS // 2))}, {"lift": False}),
        ("an optional column of nothing", {"state": pa.nulls(ROWS)}, {"state": None}),
        ("halffloat", {"class": pa.array(typed()["class"]).cast(pa.float16())}, {"class": float(typed()["class"][6])}),
        ("NaN in an optional column", {"größe_des_gartens": pa.array([np.nan] * ROWS)}, {"größe des gartens": None}),
    ]
] + [
    Case(
        "Parquet with lists", parquet_of(typed(), area=pa.array([[1.0]] * ROWS)), unreadable("column 'area' holds list")
    ),
    Case(
        "Parquet with structs",
        parquet_of(typed(), kind=pa.array([{"a": 1}] * ROWS)),
        unreadable("column 'kind' holds struct"),
    ),
    Case(
        "Parquet with NaN in a required column",
        parquet_of(typed(), area=pa.array([*_AREAS[:6], np.nan, *_AREAS[7:]])),
        Quarantined({WRONG: {"area": "missing"}}, ("area: is empty",)),
    ),
    Case(
        "Parquet with infinity", parquet_of(with_cells(typed(), area=np.inf)), Quarantined({WRONG: {"area": "range"}})
    ),
    Case(
        "Parquet with a bad number as text",
        parquet_of(with_cells(texts(), area="12 %")),
        Quarantined({WRONG: {"area": "type"}}, ("area: '12 %'",)),
    ),
    Case(
        "Parquet with a category of no list",
        parquet_of(with_cells(typed(), kind="Castle")),
        Quarantined({WRONG: {"kind": "category"}}, ("kind: 'Castle'",)),
    ),
    Case(
        "Parquet with truth for numbers",
        parquet_of(typed(), area=pa.array([True] * ROWS)),
        refused("area: '?[Tt]rue'? is of the wrong type"),
    ),
    Case(
        "Parquet with numbers for dates",
        parquet_of(typed(), sold=pa.array(range(ROWS))),
        refused("sold: .* is of the wrong type"),
    ),
    Case(
        "Parquet with a date beyond sense",
        parquet_of(typed(), sold=pa.array([*_SOLD[:6], pd.Timestamp("2201-01-01"), *_SOLD[7:]])),
        Quarantined({WRONG: {"sold": "range"}}),
    ),
    Case(
        "Parquet with a null for a date",
        parquet_of(typed(), sold=pa.array([*_SOLD[:6], None, *_SOLD[7:]])),
        Quarantined({WRONG: {"sold": "missing"}}),
    ),
    Case(
        "Parquet with a formula",
        parquet_of(with_cells(typed(), district="=1+1")),
        Quarantined({WRONG: {"district": "type"}}, ("formula",)),
    ),
]

CASES = PARQUET
