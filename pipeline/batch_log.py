"""What validation refused of each window, where monitoring reads it: the latest attempt at a window counts."""

from collections.abc import Mapping
from typing import Any

from upath import UPath

from pipeline.contract.base import Section
from pipeline.settings import Settings
from pipeline.storage import read_json, storage, write_json


class BatchNote(Section):
    """One attempt at a window. Counts are of rows."""

    window: str
    run: str
    rows: int  # that came in
    accepted: int = 0
    quarantined: int = 0
    refused: dict[str, dict[str, int]] = {}  # field -> reason -> rows
    published: bool | None = None  # None: not decided yet; False: the batch was refused as a whole


def record_batch(settings: Settings, model: str, report: Mapping[str, Any]) -> None:
    """Keep what was refused of a window, in place of what was kept of it before.

    Args:
        settings: where the storage is.
        model: the contract's name.
        report: holds the fields of a `BatchNote`; others are left out.

    Raises:
        pydantic.ValidationError: when a field is missing or of the wrong type.
    """
    note = BatchNote.model_validate({name: report[name] for name in BatchNote.model_fields if name in report})
    write_json(_folder(settings, model) / f"{note.window}.json", note.model_dump(mode="json"))


def read_batches(settings: Settings, model: str) -> list[BatchNote]:
    """Return the latest attempt at each window, in the order of their names; empty before the first."""
    found = sorted(_folder(settings, model).glob("*.json"), key=lambda path: path.name)
    return [BatchNote.model_validate(read_json(path)) for path in found]


def _folder(settings: Settings, model: str) -> UPath:
    return storage(settings, "ingestion", model, "refusals")
