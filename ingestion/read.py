"""Reading a source's files as batches of cells, as they are written; no file is ever held whole.

Numbers are parsed by the reader, which is fast, where a whole column can be; a column with a cell that is no number is
read again as text, so that the cell can be shown as it was written: the caller starts anew when it meets `ReadAgain`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ingestion.errors import SourceError
from ingestion.sources import SourceFile
from pipeline.contract import Column, Contract, IntegerColumn, NumberColumn

# Columns that reading adds: the file, the row's position in it from 1 (the header does not count, nor do blank lines),
# and the text of a line that has not as many cells as the header.
FILE, ROW, LINE = "__file__", "__row__", "__line__"
_WORDS = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Plan:
    """How files are read: first with hope, then with more care."""

    as_text: frozenset[str] = field(default_factory=frozenset)  # number columns that hold something else, too
    exact: bool = False  # one thread, which knows the number of a line that cannot be read
    block: int = 4 << 20  # bytes of CSV, and eight rows of Parquet for each 1,024 of them, that make a batch

    def careful(self, *names: str) -> "Plan":
        """Return the plan that reads these columns as text as well."""
        return replace(self, as_text=self.as_text | set(names))


class ReadAgain(Exception):
    """What was read so far does not count: begin anew by this plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan


@dataclass(frozen=True)
class Header:
    """Which of a source's columns are read, and which are not in the contract."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...] = ()


def read_header(contract: Contract, file: SourceFile) -> Header:
    """Return the columns of a file. Raises SourceError when it is no table, or names a column twice."""
    names = list(_reader(file).names(contract, file))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{file.name}: more than one column is called {twice[0]!r}")
    known = contract.batch_columns
    return Header(tuple(name for name in known if name in names), tuple(name for name in names if name not in known))


def read_batches(contract: Contract, files: Sequence[SourceFile], header: Header, plan: Plan) -> Iterator[Any]:
    """Give record batches with the header's columns, then FILE, ROW and LINE; all of one schema.

    Number columns are float64 or, where the plan says so, string; times of a Parquet file timestamp[us]; the rest is
    string, dictionary-encoded but for columns of type text. Texts are as they are written, spaces and all, but cells of
    a CSV file that the contract lists as missing are null.

    Raises:
        ReadAgain: when the plan does not fit what is there.
        SourceError: when a file cannot be read to its end, or changed meanwhile.
    """
    for file in files:
        if read_header(contract, file).columns != header.columns:
            raise SourceError(f"{file.name}: has other columns than {files[0].name}; a source's files must be alike")
        try:
            yield from _reader(file).batches(contract, file, header, plan)
        except SourceError:
            file.check_unchanged()  # which would be the reason
            raise
        file.check_unchanged()


def raw_type(name: str, column: Column, plan: Plan) -> Any:
    """Return the type that a column is read as, times of a Parquet file aside."""
    if isinstance(column, NumberColumn | IntegerColumn):
        return pa.string() if name in plan.as_text else pa.float64()
    return pa.string() if column.type == "text" else _WORDS


def placed(columns: dict[str, Any], file: SourceFile, rows: Any, lines: Any = None) -> Any:
    """Return a record batch of the columns with their place in the source beside them."""
    count = len(rows)
    whole = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([file.name]))
    lines = pa.nulls(count, pa.string()) if lines is None else pa.array(lines, pa.string())
    return pa.record_batch(columns | {FILE: whole, ROW: pa.array(rows, pa.int64()), LINE: lines})


def first_line(error: Exception) -> str:
    """Return the first line of a library's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _reader(file: SourceFile) -> Any:
    from ingestion import read_csv, read_parquet

    return read_csv if file.format == "csv" else read_parquet
