"""What can go wrong in ingestion."""

from collections.abc import Sequence

from pipeline.errors import PipelineError
from pipeline.refusal import Refusal

_SHOWN = 20


class IngestionError(PipelineError):
    """A window that cannot be ingested. Nothing that is published already changes."""


class SourceError(IngestionError):
    """A source that cannot be read."""


class BatchRefused(IngestionError):
    """A batch with values that the contract does not allow; the message has a line for each field and reason."""

    def __init__(self, message: str, refusals: Sequence[Refusal] = ()) -> None:
        """Keep the refusals beside the message."""
        super().__init__(message)
        self.refusals = tuple(refusals)


def refused(batch: str, refusals: Sequence[Refusal], report_uri: str) -> BatchRefused:
    """Return the error for a batch, with the first refusals and where the others are."""
    lines = [f"{batch} is refused and nothing was published:"]
    lines += [f"  {refusal.message}" for refusal in refusals[:_SHOWN]]
    lines += [f"  and {len(refusals) - _SHOWN} more"] if len(refusals) > _SHOWN else []
    return BatchRefused("\n".join([*lines, f"the whole report is at {report_uri}"]), refusals)
