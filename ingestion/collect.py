"""Collect: take the rows of one window out of the source, as they are, into the storage."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa

from ingestion.ahead import ahead
from ingestion.errors import IngestionError, SourceError
from ingestion.files import RAW, BatchReport, place
from ingestion.read import Header, Plan, ReadAgain, read_batches, read_header
from ingestion.refuse import refuse
from ingestion.sources import SourceFile, open_source, shown
from ingestion.sources.address import parse
from ingestion.tally import Tally
from ingestion.window_rows import WindowRows
from pipeline.connection import Connection
from pipeline.contract import Contract, Window
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.settings import Settings
from pipeline.storage import staged


class Collected(Section):
    """A raw batch: an Arrow stream with those of the contract's columns that are there, as the source wrote them."""

    uri: str
    rows: int
    source: str
    window: Window
    columns: tuple[str, ...]  # those of the contract that are there
    ignored_columns: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."  # how numbers are written where they are texts


def collect(
    contract: Contract,
    settings: Settings,
    run: str,
    window: Window,
    source: str | None = None,
    connection: Connection | None = None,
) -> Collected:
    """Store the window's rows. Rows that do not say when they were are taken too: their window is not known.

    Args:
        contract: says where rows come from, and which columns are read.
        settings: where things are.
        run: names the files, so that a repeated run replaces its own.
        window: which rows of the source.
        source: takes the place of the contract's own.
        connection: who may read the contract's source; None looks up the one that the contract names in the settings.

    Raises:
        NothingToDo: when the window has no rows.
        SourceError: when the source cannot be read.
        BatchRefused: when the source lacks the event time, so that no row's window is known.
        IngestionError: when the window's edges are not of the kind that the contract has.
    """
    try:
        contract.check_window(window)
    except ValueError as error:
        raise IngestionError(f"{contract.name}: {error}") from error
    address = source or contract.ingestion.source
    with open_source(contract, settings, address, window, connection) as files:
        header = read_header(contract, files[0])
        _check_event_time(contract, settings, run, window, shown(address), header)
        found = _store(contract, settings, run, window, files, header)
        decimal = contract.ingestion.csv.decimal if files[0].format == "csv" else "."
    if not found.seen and parse(address).kind != "sql":
        raise SourceError(f"{shown(address)}: holds no rows, only the header with {_columns(header)}")
    if not found.inside and (found.earliest is not None or not found.taken):
        raise NothingToDo(f"{shown(address)} has no rows in the window {window.id}: {found.where}")
    return Collected(
        uri=str(place(contract, settings, run, RAW)),
        rows=found.taken,
        source=shown(address),
        window=window,
        columns=header.columns,
        ignored_columns=header.ignored,
        decimal=decimal,
    )


def _check_event_time(
    contract: Contract, settings: Settings, run: str, window: Window, source: str, header: Header
) -> None:
    name = contract.event_time
    if name is None or name in header.columns:
        return
    tally = Tally(contract)
    tally.add_missing_columns(
        [name for name in contract.batch_columns if name not in header.columns], header.ignored, 0
    )
    limit = contract.ingestion.quarantine_limit
    blank = BatchReport(model=contract.name, run=run, source=source, window=window.id, rows=0, limit=limit)
    raise refuse(contract, settings, blank, tally.refusals())


def _store(
    contract: Contract, settings: Settings, run: str, window: Window, files: Sequence[SourceFile], header: Header
) -> WindowRows:
    """Write the window's rows; anew, with more care, as often as reading asks for it."""
    plan = Plan()
    while True:
        found = WindowRows(contract, window, seen=files[0].first_row)
        try:
            batches = ahead(read_batches(contract, files, header, plan))
            _write(contract, settings, run, map(found.take, batches))
        except ReadAgain as again:
            plan = again.plan
        else:
            return found


def _write(contract: Contract, settings: Settings, run: str, batches: Iterator[Any]) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with staged(place(contract, settings, run, RAW)) as path, pa.OSFile(str(path), "wb") as file:
        writer = None
        for batch in batches:
            writer = writer or pa.ipc.new_stream(file, batch.schema, options=options)
            if batch.num_rows:
                writer.write_batch(batch)
        if writer is not None:
            writer.close()


def _columns(header: Header) -> str:
    return ", ".join([*header.columns, *header.ignored]) or "no columns"
