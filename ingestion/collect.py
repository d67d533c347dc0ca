"""Collect: take the rows of one window out of the source, as they are, into the storage."""

from typing import Any

import numpy as np
import pandas as pd

from ingestion.errors import IngestionError
from ingestion.files import BatchReport, place, refuse, save_table
from ingestion.normalise import parse_times
from ingestion.source import read_source
from pipeline.contract import Contract, DateColumn, Window
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.refusal import Refusal
from pipeline.settings import Settings


class Collected(Section):
    """A raw batch: a Parquet file with the contract's columns as the source wrote them."""

    uri: str
    rows: int
    source: str
    window: Window
    ignored_columns: tuple[str, ...] = ()


def collect(contract: Contract, settings: Settings, run: str, window: Window, source: str | None = None) -> Collected:
    """Store the window's rows; `source` takes the place of the contract's own.

    Raises:
        NothingToDo: when the window has no rows.
        SourceError: when the source cannot be read.
        BatchRefused: when a row does not say when it was, so that its window is not known.
        IngestionError: when the window's edges are not of the kind that the contract has.
    """
    try:
        contract.check_window(window)
    except ValueError as error:
        raise IngestionError(f"{contract.name}: {error}") from error
    source = source or contract.ingestion.source
    table = read_source(contract, settings, source)
    blank = BatchReport(model=contract.name, run=run, source=source, window=window.id, rows=table.num_rows)
    taken = _take(contract, settings, table, window, blank)
    kept = [name for name in contract.batch_columns if name in taken.column_names]
    return Collected(
        uri=save_table(place(contract, settings, run, "raw.parquet"), taken.select(kept)),
        rows=taken.num_rows,
        source=source,
        window=window,
        ignored_columns=tuple(name for name in taken.column_names if name not in contract.batch_columns),
    )


def _take(contract: Contract, settings: Settings, table: Any, window: Window, blank: BatchReport) -> Any:
    column = contract.columns.get(contract.event_time or "")
    if not isinstance(column, DateColumn) or contract.event_time is None:
        return _by_position(table, window, blank)
    refusals, times = _event_times(contract.event_time, column, table)
    if refusals:
        raise refuse(contract, settings, blank, refusals)
    inside = np.ones(len(times), dtype=bool)
    inside &= True if window.start is None else (times >= pd.Timestamp(str(window.start))).to_numpy()
    inside &= True if window.end is None else (times < pd.Timestamp(str(window.end))).to_numpy()
    if not inside.any():
        span = f"they run from {times.min():%Y-%m-%d} to {times.max():%Y-%m-%d}"
        raise NothingToDo(f"{blank.source} has no rows in the window {window.id}: {span}")
    return table.filter(inside)


def _by_position(table: Any, window: Window, blank: BatchReport) -> Any:
    start = window.start if isinstance(window.start, int) else 0
    end = window.end if isinstance(window.end, int) else table.num_rows
    if start >= table.num_rows:
        raise NothingToDo(f"{blank.source} has no rows in the window {window.id}: it ends after {table.num_rows} rows")
    return table.slice(start, end - start)


def _event_times(name: str, column: DateColumn, table: Any) -> tuple[list[Refusal], pd.Series]:
    if name not in table.column_names:
        return [Refusal(name, "missing_column", allowed=column.allowed, rows=table.num_rows)], pd.Series()
    raw = table.column(name).to_pandas(date_as_object=False)
    times = parse_times(column, raw)
    empty, wrong = raw.isna().to_numpy(), (times.isna() & raw.notna()).to_numpy()
    refusals = []
    if empty.any():
        refusals.append(_refusal(name, "missing", None, empty, column))
    if wrong.any():
        refusals.append(_refusal(name, "type", raw[int(wrong.argmax())], wrong, column))
    return refusals, times


def _refusal(name: str, reason: Any, value: Any, mask: Any, column: DateColumn) -> Refusal:
    first = int(mask.argmax()) + 1
    return Refusal(name, reason, value, column.allowed, rows=int(mask.sum()), first_row=first)
