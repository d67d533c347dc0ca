"""What a run of ingestion leaves in the storage: raw and valid rows, the quarantine, and the report on the batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from upath import UPath

from ingestion.errors import IngestionError
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_profile import Profile
from pipeline.settings import Settings
from pipeline.storage import storage, write_json

RAW, VALID, QUARANTINE, REPORT = "raw.arrow", "valid.parquet", "quarantine.parquet", "report.json"


class BatchReport(Section):
    """What was found in a batch. Counts are of rows; monitoring reads `refused`."""

    model: str
    run: str
    source: str
    window: str
    rows: int
    accepted: int = 0
    quarantined: int = 0  # each of these rows has one reason or more
    limit: float  # the share of quarantined rows that the contract bears
    published: bool | None = None  # None: not decided yet; False: the batch was refused
    refused: dict[str, dict[str, int]] = {}  # rows by field and reason
    messages: tuple[str, ...] = ()  # one line for each field and reason
    repeated_rows: int = 0  # without a key: rows whose features stood in the batch before; they are kept
    unknown_words: dict[str, dict[str, int]] = {}  # the most frequent words that an open list does not know, by column
    unknown_word_rows: dict[str, int] = {}  # rows with such a word, by column
    ignored_columns: tuple[str, ...] = ()  # columns of the source that the contract does not name
    profile: Profile | None = None  # of the accepted rows: missing values, ranges


def place(contract: Contract, settings: Settings, run: str, name: str) -> UPath:
    """Return where a file of this run is."""
    return storage(settings, "ingestion", contract.name, run, name)


@contextmanager
def read_raw(uri: str) -> Iterator[Iterator[Any]]:
    """Give the record batches of a raw batch, one after the other. Raises IngestionError when it is not there."""
    try:
        with UPath(uri).open("rb") as file, pa.ipc.open_stream(file) as stream:
            yield iter(stream)
    except (OSError, pa.ArrowException) as error:
        raise IngestionError(f"{uri}: the batch cannot be read, collect it again: {error}") from error


def load_table(uri: str) -> Any:
    """Return a stored batch, raw or valid, as one `pyarrow.Table`. Raises IngestionError when it is not there."""
    if uri.endswith(RAW):
        with read_raw(uri) as batches:
            return pa.Table.from_batches(batches)
    try:
        with UPath(uri).open("rb") as file:
            return pyarrow.parquet.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise IngestionError(f"{uri}: the batch cannot be read, collect it again: {error}") from error


def save_report(contract: Contract, settings: Settings, report: BatchReport) -> str:
    """Store the report of a run and return its address."""
    return write_json(place(contract, settings, report.run, REPORT), report.model_dump(mode="json"))
