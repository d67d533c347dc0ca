"""What a CSV file is when it is not what the contract says: errors that name the way out."""

import csv
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ingestion.errors import SourceError
from pipeline.contract import Contract

_FOREIGN = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "an Excel workbook or another zip file",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip (then call it .csv.gz)",
    b"%PDF": "a PDF document",
}
SNIFFED = 4096  # bytes that are looked at
_DELIMITERS = {";": "';'", "\t": "a tab", "|": "'|'", ",": "','"}


def refuse_foreign(contract: Contract, name: str, start: bytes) -> None:
    """Raise SourceError when a file that begins like this is no CSV file in the contract's encoding."""
    if not start.strip():
        raise SourceError(f"{name}: the file is empty: it has no header")
    written = contract.ingestion.csv.encoding.lower().replace("_", "-")
    what = next((what for sign, what in _FOREIGN.items() if start.startswith(sign)), None)
    if what == "UTF-16":
        if not written.startswith("utf-16"):
            raise SourceError(f"{name}: is written in UTF-16; save it as UTF-8, or say ingestion.csv.encoding: utf-16")
    elif what:
        raise SourceError(f"{name}: seems to be {what}, not a CSV file")
    elif b"\0" in start and not written.startswith(("utf-16", "utf-32")):
        raise SourceError(
            f"{name}: holds zero bytes: it seems to be a binary file; for text in UTF-16, "
            "say ingestion.csv.encoding: utf-16-le"
        )
    if len(start) < SNIFFED and not {10, 13} & set(start.strip()):
        raise SourceError(f"{name}: holds no rows, only one line: {start.strip().decode(errors='replace')[:200]}")


def raw_header(contract: Contract, start: bytes) -> list[str]:
    """Return the cells of a file's first line, quotes and all; the file begins like this."""
    written = contract.ingestion.csv
    line = next(iter(start.decode(written.encoding, errors="replace").splitlines()), "")
    return line.split(written.delimiter)


def refuse_other_delimiter(contract: Contract, name: str, names: list[str]) -> None:
    """Raise SourceError when the header is one column that looks like several, separated by something else."""
    if len(names) != 1:
        return
    for sign, shown in _DELIMITERS.items():
        if sign != contract.ingestion.csv.delimiter and sign in names[0]:
            raise SourceError(
                f"{name}: the header has one column, and seems to be separated by {shown}; "
                f"say so under ingestion.csv.delimiter"
            )


def refuse_open_quote(contract: Contract, name: str, open_: Callable[[], AbstractContextManager[Any]]) -> None:
    """Raise SourceError when a quote is opened and never closed: it would have swallowed all rows after it.

    Goes through the bytes that `open_` gives, and only where their quotes do not pair through the cells.
    """
    with open_() as source:
        if sum(chunk.count(b'"') for chunk in iter(lambda: source.read(1 << 20), b"")) % 2 == 0:
            return
    written = contract.ingestion.csv
    opened = 1
    with open_() as source:
        text = io.TextIOWrapper(io.BufferedReader(source), encoding=written.encoding, errors="replace", newline="")
        rows = csv.reader(text, delimiter=written.delimiter, strict=True)
        try:
            for _ in rows:
                opened = rows.line_num + 1
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise SourceError(f"{name}: a quote that is opened in line {opened} is never closed") from error


def not_encoded(contract: Contract) -> str:
    """Return what to say of bytes that are no text."""
    written = contract.ingestion.csv.encoding
    return f"the text is not {written}: save it so, or say what it is under ingestion.csv.encoding, such as latin-1"
