"""Publish: a valid batch becomes part of the next data version."""

from ingestion.files import load_table
from ingestion.validate import Validated
from pipeline.contract import Contract
from pipeline.data_content import to_frame
from pipeline.data_registry import DataRegistry, DataVersion
from pipeline.settings import Settings


def publish(contract: Contract, settings: Settings, validated: Validated) -> DataVersion:
    """Publish the batch; the same content again is the same version.

    Raises:
        DataRegistryError: when the window overlaps another one, or the data cannot be stored.
        GitError: when the registry refuses.
    """
    frame = to_frame(load_table(validated.uri))
    return DataRegistry(settings, contract).publish(frame, validated.window, validated.source, validated.run)
