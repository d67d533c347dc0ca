"""Rows of a SQL query, streamed into a temporary Parquet file."""

import logging
from collections import Counter as Counts
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Date, TextClause, bindparam, text
from sqlalchemy.engine import Connection as Session

from ingestion.errors import SourceError
from ingestion.sources.address import Address, shown
from ingestion.sources.database import session
from ingestion.sources.file import SourceFile
from ingestion.sources.limit import Counter
from ingestion.sources.spool import Spool
from pipeline.connection import Connection
from pipeline.contract import Contract, Window
from pipeline.settings import Settings

_CHUNK = 50_000  # rows
# What an open edge of a window is bound to: nothing is before or after it.
_FIRST_DAY, _LAST_DAY = date.min, date.max
_FIRST_ROW, _LAST_ROW = 0, 2**63 - 1
_log = logging.getLogger(__name__)


def query(
    contract: Contract, settings: Settings, address: Address, window: Window, who: Connection | None, folder: Path
) -> SourceFile:
    """Store the rows of the contract's query in the folder.

    Raises:
        SourceError: when there is no query, it cannot be run, or its rows are no table.
        SourceUnreachable: when the database does not answer.
    """
    name = shown(address.text)
    statement = _statement(contract, name, window)
    with session(address, settings, who) as connection:
        path = _spool(name, connection, statement, settings.source_max_bytes, folder)
    first = window.start if isinstance(window.start, int) and "start" in statement.compile().params else 0
    return SourceFile(name, path, "parquet", first)


def _statement(contract: Contract, name: str, window: Window) -> TextClause:
    if not contract.ingestion.query:
        raise SourceError(
            f"{name}: is a database; say by `query` in the contract's ingestion section which rows to take"
        )
    statement = text(contract.ingestion.query)
    named = set(statement.compile().params)
    if unknown := sorted(named - {"start", "end"}):
        raise SourceError(
            f"{name}: the query names :{unknown[0]}, but only :start and :end stand for something; "
            rf"a colon that means itself is written \:{unknown[0]}"
        )
    edges = _edges(contract, window)
    return statement.bindparams(*(bindparam(edge, *edges[edge]) for edge in sorted(named)))


def _edges(contract: Contract, window: Window) -> dict[str, tuple[Any, Any]]:
    dated = contract.event_time is not None
    first, last = (_FIRST_DAY, _LAST_DAY) if dated else (_FIRST_ROW, _LAST_ROW)
    kind = Date() if dated else BigInteger()
    start = first if window.start is None else window.start
    return {"start": (start, kind), "end": (last if window.end is None else window.end, kind)}


def _spool(name: str, connection: Session, statement: TextClause, limit: int, folder: Path) -> Path:
    result = connection.execution_options(stream_results=True, yield_per=_CHUNK).execute(statement)
    if not result.returns_rows:
        raise SourceError(f"{name}: the query gives no rows; it must be a SELECT")
    names = list(result.keys())
    twice = [column for column, count in Counts(names).items() if count > 1]
    if twice:
        raise SourceError(f"{name}: more than one column of the query is called {twice[0]!r}; give them names by AS")
    spool, counter = Spool(names, folder / "rows.parquet"), Counter(name, limit)
    for rows in result.partitions(_CHUNK):
        counter.add(spool.add(rows))
    for column, kinds in spool.mixed.items():
        _log.warning("%s: column %r holds %s; it is read as text", name, column, kinds)
    return spool.close()
