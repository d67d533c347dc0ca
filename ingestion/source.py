"""Sources: tables in files, read whole and as they are. Whatever is wrong with the file is one clear error."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from ingestion.errors import SourceError
from pipeline.contract import Contract
from pipeline.settings import Settings

_SUPPORTED = "supported are .csv and .parquet files, by path or file:// address"


def read_source(contract: Contract, settings: Settings, source: str) -> Any:
    """Return the source's rows as a `pyarrow.Table`.

    Cells of a CSV file are text. Texts lose the spaces around them, and the words that mean "no value" become null.

    Raises:
        SourceError: when the source cannot be read, or holds no rows.
    """
    path = _locate(settings, source)
    reader = {".csv": _read_csv, ".parquet": _read_parquet}.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"{source}: sources of this kind are not supported; {_SUPPORTED}")
    try:
        table = reader(path.read_bytes())
        names = [name.strip() for name in table.column_names]
    except FileNotFoundError as error:
        raise SourceError(f"{source}: there is no such file (looked for {path})") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceError(f"{source}: cannot be read as {path.suffix[1:].lower()}: {_first_line(error)}") from error
    _check(source, names, table)
    columns = [_clean(contract, source, name, table.column(at)) for at, name in enumerate(names)]
    return pa.table(columns, names=names)


def _locate(settings: Settings, source: str) -> Path:
    if "://" not in source:
        return settings.project_dir / source
    if urlsplit(source).scheme != "file":
        raise SourceError(f"{source}: addresses of this kind are not supported; {_SUPPORTED}")
    return Path(unquote(urlsplit(source).path))


def _read_csv(content: bytes) -> Any:
    return pyarrow.csv.read_csv(
        io.BytesIO(content if content.endswith(b"\n") else content + b"\n"),  # a header alone needs its line break
        read_options=pyarrow.csv.ReadOptions(use_threads=False),  # for errors that name the row
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(default_column_type=pa.string()),
    )


def _read_parquet(content: bytes) -> Any:
    return pyarrow.parquet.read_table(io.BytesIO(content))


def _check(source: str, names: list[str], table: Any) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{source}: more than one column is called {twice[0]!r}")
    if not table.num_rows:
        raise SourceError(f"{source}: holds no rows, only the header with {', '.join(names) or 'no columns'}")


def _clean(contract: Contract, source: str, name: str, column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type) and name in contract.batch_columns:
        raise SourceError(f"{source}: column {name!r} holds {column.type} in its cells, not single values")
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return column
    text = pyarrow.compute.utf8_trim_whitespace(column.cast(pa.string()))
    missing = pyarrow.compute.is_in(text, value_set=pa.array(["", *contract.ingestion.missing], pa.string()))
    return pyarrow.compute.if_else(missing, pa.scalar(None, pa.string()), text)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
