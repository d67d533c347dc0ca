"""Raw cells in their normal form: the one that training, the data registry and the service share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.coders import LARGEST, Numbers, coder
from pipeline.contract import CategoryColumn, Column, Contract, DateColumn, IntegerColumn, NumberColumn, TextColumn
from pipeline.data_content import to_frame, to_table
from pipeline.refusal import Reason
from pipeline.split import canonical_text

# Python would take 1_000, nan and digits of other scripts as well.
_NUMBER = re.compile(r"[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """Cells of one field that are refused for one reason; rows are positions in the batch, from 0."""

    field: str
    reason: Reason
    rows: tuple[int, ...]


def normalise(contract: Contract, raw: pd.DataFrame) -> tuple[pd.DataFrame, list[Failure]]:
    """Return the raw columns that the contract names in their normal form, and the cells that have none.

    Such cells are missing in the frame. A column that is not there is not made up.
    """
    columns: dict[str, Any] = {}
    failures = []
    for name, column in contract.batch_columns.items():
        if name not in raw.columns:
            continue
        columns[name], failed = (
            _times(column, raw[name]) if isinstance(column, DateColumn) else _values(column, raw[name])
        )
        reason: Reason = "category" if isinstance(column, CategoryColumn) else "type"
        failures += [Failure(name, reason, tuple(np.flatnonzero(failed).tolist()))] if failed.any() else []
    return to_frame(to_table(contract, pd.DataFrame(columns, index=raw.index))), failures


def parse_times(column: DateColumn, values: pd.Series) -> pd.Series:
    """Return times as UTC without a zone (datetime64[us]); NaT where there is none or it does not parse."""
    if values.dtype.kind != "M" and not isinstance(values.dtype, pd.DatetimeTZDtype):
        texts = values.astype(object).where(values.map(lambda value: isinstance(value, str)), None)
        values = pd.to_datetime(texts, format=column.format, errors="coerce", utc=True)
    elif isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC")
    times: pd.Series = values.dt.tz_localize(None).astype("datetime64[us]")
    return times


def _times(column: DateColumn, values: pd.Series) -> tuple[pd.Series, Any]:
    times = parse_times(column, values)
    return times, (times.isna() & values.notna()).to_numpy()


def _values(column: Column, values: pd.Series) -> tuple[Any, Any]:
    """Return normal forms and a mask of failures; each distinct value is looked at once."""
    codes, distinct = pd.factorize(values.astype(object))
    parse = _parser(column)
    normal = np.empty(len(distinct) + 1, dtype=object)  # the last place, code -1, stays None: missing
    failed = np.zeros(len(distinct) + 1, dtype=bool)
    for place, value in enumerate(distinct):
        try:
            normal[place] = parse(value)
        except (ValueError, TypeError, OverflowError):
            failed[place] = True
    return normal[codes], failed[codes]


def _parser(column: Column) -> Callable[[Any], Any]:
    if isinstance(column, TextColumn):
        return canonical_text
    if isinstance(column, NumberColumn | IntegerColumn):
        return _number
    known = coder(column)
    if isinstance(column, CategoryColumn):
        return lambda value: known.normalise(canonical_text(value))
    return known.normalise


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise ValueError(f"{value!r} is not a number")
        value = float(value)
    if isinstance(value, float) and abs(value) > LARGEST:
        return value  # a number all right: the schema says that it is out of range
    return Numbers().normalise(value)
