"""What a run of ingestion leaves in the storage: the raw batch, the valid batch, and the report on it."""

from collections.abc import Sequence
from typing import Any

from upath import UPath

from ingestion.errors import BatchRefused, IngestionError, refused
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_content import from_parquet, to_parquet
from pipeline.refusal import Refusal, count_refusals
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes, write_json


class BatchReport(Section):
    """What was found in a batch. Counts are of rows; monitoring reads `refused`."""

    model: str
    run: str
    source: str
    window: str
    rows: int
    refused: dict[str, dict[str, int]] = {}  # by field and reason; empty: the batch is valid
    messages: tuple[str, ...] = ()
    missing: dict[str, int] = {}  # empty cells by column
    unknown_words: dict[str, int] = {}  # words that an open list does not know, by column
    ignored_columns: tuple[str, ...] = ()  # columns of the source that the contract does not name


def place(contract: Contract, settings: Settings, run: str, name: str) -> UPath:
    """Return where a file of this run is."""
    return storage(settings, "ingestion", contract.name, run, name)


def save_table(target: UPath, table: Any) -> str:
    """Store a `pyarrow.Table` as Parquet and return its address."""
    return write_bytes(target, to_parquet(table))


def load_table(uri: str) -> Any:
    """Return a stored `pyarrow.Table`. Raises IngestionError when it is not there."""
    try:
        return from_parquet(UPath(uri).read_bytes())
    except (OSError, ValueError) as error:
        raise IngestionError(f"{uri}: the batch cannot be read, collect it again: {error}") from error


def save_report(contract: Contract, settings: Settings, report: BatchReport) -> str:
    """Store the report of a run and return its address."""
    return write_json(place(contract, settings, report.run, "report.json"), report.model_dump(mode="json"))


def refuse(contract: Contract, settings: Settings, report: BatchReport, refusals: Sequence[Refusal]) -> BatchRefused:
    """Store the report with its refusals and return the error to raise."""
    messages = tuple(refusal.message for refusal in refusals)
    full = report.model_copy(update={"refused": count_refusals(refusals), "messages": messages})
    uri = save_report(contract, settings, full)
    return refused(f"{report.model}: the batch {report.window} from {report.source}", refusals, uri)
