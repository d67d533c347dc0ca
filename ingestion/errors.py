"""What can go wrong in ingestion."""

from collections.abc import Sequence

from pipeline.errors import PipelineError
from pipeline.refusal import Refusal


class IngestionError(PipelineError):
    """A window that cannot be ingested. Nothing that is published already changes."""


class SourceError(IngestionError):
    """A source that cannot be read."""


class SourceUnreachable(SourceError):
    """A source that may be read later: it does not answer, answers with a fault of its own, or is being written."""

    transient = True


class BatchRefused(IngestionError):
    """A batch with values that the contract does not allow; the message has a line for each field and reason."""

    def __init__(self, message: str, refusals: Sequence[Refusal] = ()) -> None:
        """Keep the refusals beside the message."""
        super().__init__(message)
        self.refusals = tuple(refusals)
