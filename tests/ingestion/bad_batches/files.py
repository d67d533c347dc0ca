"""Files that are not what they seem: encodings, delimiters, compression, and files with nothing in them."""

import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from tests.ingestion.bad_batches.case import (
    ROWS,
    Accepted,
    Case,
    Quarantined,
    csv_of,
    csv_text,
    file_of,
    parquet_bytes,
    refused,
    texts,
    typed,
    unreadable,
    with_cells,
)

CSV = csv_text(texts())
HEADER = CSV.splitlines()[0]
SEMICOLONS = csv_text(texts(), sep=";")
DECIMAL_COMMA = csv_text(typed(), sep=";", decimal=",")
PARQUET = parquet_bytes(typed())


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return target.getvalue()


def zstandard(text: str) -> bytes:
    target = io.BytesIO()
    with pa.CompressedOutputStream(pa.PythonFile(target, "w"), "zstd") as stream:
        stream.write(text.encode())
        stream.flush()
        return target.getvalue()


def empty_parquet() -> bytes:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pandas(typed(), preserve_index=False).slice(0, 0), target)
    return target.getvalue()


def folder(place: Path) -> Path:
    (place / "batch.csv").mkdir()
    return place / "batch.csv"


def settings_of_csv(**keys: str) -> dict:
    return {"ingestion": {"csv": keys}}


UTF8_OR_SAY = ("UTF-8", r"ingestion\.csv\.encoding")
NOT_UTF8 = ("is not utf-8", r"ingestion\.csv\.encoding")

ENCODINGS = [
    Case("utf-16", file_of(CSV.encode("utf-16")), unreadable("UTF-16", *UTF8_OR_SAY)),
    Case("utf-16 without its mark", file_of(CSV.encode("utf-16-le")), unreadable("UTF-16|NUL|binary")),
    Case("utf-16 as the contract says", file_of(CSV.encode("utf-16")), Accepted(), settings_of_csv(encoding="utf-16")),
    Case("latin-1 from the header on", file_of(CSV.encode("latin-1")), unreadable(*NOT_UTF8)),
    Case(
        "latin-1 in one cell",
        file_of(csv_text(with_cells(texts(), district="Köln")).encode().replace("Köln".encode(), b"K\xf6ln")),
        unreadable(*NOT_UTF8),
    ),
    Case("utf-8 with its mark", file_of(CSV.encode("utf-8-sig")), Accepted()),
    Case(
        "latin-1 as the contract says", file_of(CSV.encode("latin-1")), Accepted(), settings_of_csv(encoding="latin-1")
    ),
    Case(
        "utf-8 where the contract says ascii",
        file_of(CSV),
        unreadable("is not ascii"),
        settings_of_csv(encoding="ascii"),
    ),
    Case(
        "latin-1 in a row that has too many cells",
        file_of(CSV.encode() + "zu;breit;ö,".encode("latin-1") * 20),
        unreadable(r"not utf-8.*ingestion\.csv\.encoding"),
    ),
    Case("an Excel workbook", file_of(zipped()), unreadable("Excel|zip")),
    Case("a Parquet file that is called CSV", file_of(PARQUET), unreadable("Parquet")),
    Case("NUL bytes", file_of(bytes(4000)), unreadable("binary|NUL")),
    Case("random bytes", file_of(bytes(range(256)) * 20), unreadable("binary|NUL|is not utf-8")),
    Case("a PDF document", file_of(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), unreadable("PDF")),
]

DELIMITERS = [
    Case("semicolons", file_of(SEMICOLONS), unreadable("one column", "';'", r"ingestion\.csv\.delimiter")),
    Case(
        "tabs",
        file_of(csv_text(texts(), sep="\t")),
        unreadable("one column", r"'\\t'|tab", r"ingestion\.csv\.delimiter"),
    ),
    Case("pipes", file_of(csv_text(texts(), sep="|")), unreadable("one column", r"'\|'", r"ingestion\.csv\.delimiter")),
    Case("semicolons as the contract says", file_of(SEMICOLONS), Accepted(), settings_of_csv(delimiter=";")),
    Case(
        "tabs as the contract says", file_of(csv_text(texts(), sep="\t")), Accepted(), settings_of_csv(delimiter="\t")
    ),
    Case(
        "commas where the contract says semicolons",
        file_of(CSV),
        unreadable("one column", "','", r"ingestion\.csv\.delimiter"),
        settings_of_csv(delimiter=";"),
    ),
    Case(
        "decimal commas as the contract says",
        file_of(DECIMAL_COMMA),
        Accepted(values={"area": float(typed()["area"][6]), "rent": float(typed()["rent"][6])}),
        settings_of_csv(delimiter=";", decimal=","),
    ),
    Case(
        "decimal commas that the contract does not know",
        file_of(DECIMAL_COMMA),
        refused("area: '.*,.*' is of the wrong type", r"ingestion\.csv\.decimal: ','"),
        settings_of_csv(delimiter=";"),
    ),
    Case(
        "semicolons and decimal commas, which make rows wider than their header",
        file_of(DECIMAL_COMMA),
        unreadable("one column", "';'", r"ingestion\.csv\.delimiter"),
    ),
    Case(
        "a word for no value that the contract does not know",
        file_of(csv_text(typed(), na_rep="k. A.")),
        refused("größe des gartens: 'k. A.' is of the wrong type", "'k. A.' .* ingestion.missing"),
    ),
    Case(
        "truth in another language",
        csv_of(texts().assign(lift="ja")),
        refused("lift: 'ja' is of the wrong type", "yes/no.*'ja', declare a category"),
    ),
    Case("line ends of Windows", file_of(CSV.replace("\n", "\r\n")), Accepted()),
    Case("no line end at the end", file_of(CSV.rstrip("\n")), Accepted()),
]

DAMAGED = [
    Case("a gzip file", file_of(gzip.compress(CSV.encode()), "batch.csv.gz"), Accepted()),
    Case(
        "half a gzip file",
        file_of(gzip.compress(CSV.encode())[:-300], "batch.csv.gz"),
        unreadable("gz", "cannot be read|cut"),
    ),
    Case("gzip that is none", file_of(CSV, "batch.csv.gz"), unreadable("gz", "cannot be read")),
    Case("gzip that is not called so", file_of(gzip.compress(CSV.encode())), unreadable("gzip", r"\.csv\.gz")),
    Case("half a bzip2 file", file_of(bz2.compress(CSV.encode())[:-300], "batch.csv.bz2"), unreadable("bz2")),
    Case("half a zstandard file", file_of(zstandard(CSV)[:-300], "batch.csv.zst"), unreadable("zst")),
    Case("zstandard that is none", file_of(CSV, "batch.csv.zst"), unreadable("zst")),
    Case(
        "half a Parquet file",
        file_of(PARQUET[: len(PARQUET) // 2], "batch.parquet"),
        unreadable("cannot be read as parquet"),
    ),
    Case(
        "a Parquet file without its end",
        file_of(PARQUET[:-40], "batch.parquet"),
        unreadable("cannot be read as parquet"),
    ),
    Case(
        "a Parquet file with damage inside",
        file_of(b"PAR1" + bytes(400) + PARQUET[404:], "batch.parquet"),
        unreadable("cannot be read as parquet"),
    ),
    Case("Parquet that is text", file_of(CSV, "batch.parquet"), unreadable("cannot be read as parquet")),
    Case(
        "a file cut in the middle of its last line",
        file_of(CSV.rstrip("\n").rpartition(",")[0].rpartition(",")[0]),
        Quarantined({ROWS: {"": "unreadable"}}, ("cannot be read",)),
    ),
]

NOTHING = [
    Case("an empty file", file_of(b""), unreadable("empty")),
    Case("a header alone", file_of(HEADER + "\n"), unreadable("holds no rows", "flat id")),
    Case("a header alone without a line end", file_of(HEADER), unreadable("holds no rows")),
    Case("a Parquet file without rows", file_of(empty_parquet(), "batch.parquet"), unreadable("holds no rows")),
    Case("blank lines", file_of("\n" * 50), unreadable("empty|no rows|no columns")),
    Case("a header and blank lines", file_of(HEADER + "\n" * 50), unreadable("holds no rows")),
    Case("an empty Parquet file", file_of(b"", "batch.parquet"), unreadable("cannot be read as parquet|empty")),
    Case("a folder", folder, unreadable("folder|directory")),
    Case("a file that is not there", lambda place: place / "gone.csv", unreadable("there is no such file")),
    Case("a pattern that nothing matches", lambda place: place / "*.csv", unreadable("no file|matches")),
    Case("a kind of file that is not known", file_of(CSV, "batch.xlsx"), unreadable("not supported")),
]

LONG = [
    Case("a cell of a megabyte", csv_of(texts().assign(note="x" * 2**20).head(3)), Accepted(3, ignored=("note",))),
    Case(
        "a key of a megabyte",
        csv_of(with_cells(texts(), flat_id="k" * 2**20)),
        Accepted(values={"flat id": "k" * 2**20}),
    ),
]

CASES = [*ENCODINGS, *DELIMITERS, *DAMAGED, *NOTHING, *LONG]
