"""CSV files as batches of cells, by pyarrow's streaming reader."""

import math
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from ingestion.errors import SourceError
from ingestion.read import Header, Plan, ReadAgain, first_line, placed, raw_type
from ingestion.sniff import (
    SNIFFED,
    not_encoded,
    raw_header,
    refuse_foreign,
    refuse_open_quote,
    refuse_other_delimiter,
)
from ingestion.sources import SourceFile
from pipeline.contract import Contract

_COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_MOST_UNREADABLE = 100_000
_LONGEST_LINE = 1_000

Unreadable = list[tuple[int | None, str]]  # the line's row number, which only an exact plan knows, and its text


def names(contract: Contract, file: SourceFile) -> list[str]:
    """Return the names in the header, without the spaces around them."""
    with _understood(contract, file), _open(file) as source:
        start = source.read(SNIFFED)
    refuse_foreign(contract, file.name, start)
    refuse_other_delimiter(contract, file.name, raw_header(contract, start))  # before it breaks the rows
    found = [name.strip() for name in _raw_names(contract, file)]
    refuse_other_delimiter(contract, file.name, found)
    return found


def batches(contract: Contract, file: SourceFile, header: Header, plan: Plan) -> Iterator[Any]:
    """Give the file's rows, see `ingestion.read.read_batches`; lines that cannot be read come last."""
    unreadable: Unreadable = []
    raw_names = {name.strip(): name for name in _raw_names(contract, file)}
    types = {raw_names[name]: raw_type(name, contract.batch_columns[name], plan) for name in header.columns}
    next_row = 1
    # Beside the reading, which leaves a core idle.
    with (
        ThreadPoolExecutor(max_workers=1) as thread,
        _understood(contract, file, header, plan),
        _open(file) as source,
    ):
        quotes = thread.submit(refuse_open_quote, contract, file.name, lambda: _open(file))
        for batch in pyarrow.csv.open_csv(source, **_options(contract, plan, types, unreadable)):
            _check_unreadable(file, unreadable, plan)
            columns = {name: batch.column(raw_names[name]) for name in header.columns}
            _check_numbers(columns, plan)
            rows = _rows(next_row, batch.num_rows, unreadable)
            next_row = int(rows[-1]) + 1 if len(rows) else next_row
            yield placed(columns, file, rows)
    _check_unreadable(file, unreadable, plan)
    quotes.result()
    if unreadable:
        yield _lines(contract, file, header, plan, unreadable)


def _raw_names(contract: Contract, file: SourceFile) -> list[str]:
    with _understood(contract, file), _open(file) as source:
        options = _options(contract, Plan(exact=True, block=1 << 20), {}, [])
        found: list[str] = pyarrow.csv.open_csv(source, **options).schema.names
    return found


def _options(contract: Contract, plan: Plan, types: dict[str, Any], unreadable: Unreadable) -> dict[str, Any]:
    def skip(row: Any) -> str:
        if len(unreadable) <= _MOST_UNREADABLE:
            unreadable.append((row.number, row.text[:_LONGEST_LINE]))
        return "skip"

    written = contract.ingestion.csv
    return {
        "read_options": pyarrow.csv.ReadOptions(
            use_threads=not plan.exact, block_size=plan.block, encoding=written.encoding
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=written.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            include_columns=list(types) or None,
            column_types=types,
            default_column_type=pa.binary(),
            null_values=["", *contract.ingestion.missing],
            strings_can_be_null=True,
            decimal_point=written.decimal,
        ),
    }


@contextmanager
def _open(file: SourceFile) -> Iterator[Any]:
    with pa.input_stream(str(file.path), compression=_COMPRESSION.get(file.path.suffix.lower())) as source:
        yield source


@contextmanager
def _understood(
    contract: Contract, file: SourceFile, header: Header | None = None, plan: Plan | None = None
) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        wrong = re.match(r"In CSV column #(\d+): CSV conversion error to double", str(error))
        if wrong and header and plan:
            name = names(contract, file)[int(wrong[1])]
            raise ReadAgain(plan.careful(name)) from None
        # A row of other width is skipped, unless its text cannot be decoded to be kept.
        encoded = "invalid UTF8" in str(error) or re.match(r"CSV parse error: Row #\d+: Expected", str(error))
        said = not_encoded(contract) if encoded else f"cannot be read as csv: {first_line(error)}"
        raise SourceError(f"{file.name}: {said}") from error
    except UnicodeError as error:
        raise SourceError(f"{file.name}: {not_encoded(contract)}") from error
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{file.name}: cannot be read as csv: {first_line(error)}") from error


def _check_numbers(columns: dict[str, Any], plan: Plan) -> None:
    """Look for the word nan, which the reader takes for a number: no sum with it is one. It is none to us."""
    numbers = {name: column for name, column in columns.items() if pa.types.is_floating(column.type)}
    wrong = [name for name, column in numbers.items() if math.isnan(pc.sum(column).as_py() or 0)]
    if wrong:
        raise ReadAgain(plan.careful(*wrong))


def _check_unreadable(file: SourceFile, unreadable: Unreadable, plan: Plan) -> None:
    if len(unreadable) > _MOST_UNREADABLE:
        raise SourceError(
            f"{file.name}: more than {_MOST_UNREADABLE:,} lines have not as many cells as the header, "
            f"such as {unreadable[0][1][:60]!r}; see ingestion.csv in docs/contract.md"
        )
    if unreadable and not plan.exact:
        raise ReadAgain(replace(plan, exact=True))


def _rows(first: int, count: int, unreadable: Unreadable) -> NDArray[np.int64]:
    """Return the row numbers of the next rows that can be read, past those that cannot."""
    skipped = np.array([number - 1 for number, _ in unreadable if number is not None], dtype=np.int64)  # 1: the header
    numbers = np.arange(first, first + count + int((skipped >= first).sum()))
    return numbers[~np.isin(numbers, skipped)][:count]


def _lines(contract: Contract, file: SourceFile, header: Header, plan: Plan, unreadable: Unreadable) -> Any:
    types = {name: raw_type(name, contract.batch_columns[name], plan) for name in header.columns}
    empty = {name: pa.nulls(len(unreadable), type_) for name, type_ in types.items()}
    rows = np.array([(number or 1) - 1 for number, _ in unreadable], dtype=np.int64)
    return placed(empty, file, rows, [text for _, text in unreadable])
