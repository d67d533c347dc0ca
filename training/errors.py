"""What can go wrong in training."""

from pipeline.errors import PipelineError


class TrainingError(PipelineError):
    """Training that cannot go on."""


class GateRefused(TrainingError):
    """The gate refused the challenger: what is live stays live."""
