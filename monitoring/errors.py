"""What can go wrong while monitoring."""

from pipeline.errors import PipelineError


class MonitoringError(PipelineError):
    """Monitoring could not be carried out. What it finds is never an error: that is the verdict."""
