"""What can go wrong while monitoring."""

from pipeline.errors import PipelineError


class MonitoringError(PipelineError):
    """Monitoring could not be carried out. What it finds is never an error: that is the verdict."""


class ChannelError(MonitoringError):
    """An alert that a channel did not take."""

    transient = True
