"""What goes wrong at the door for people."""

from pipeline.errors import PipelineError


class StackError(PipelineError):
    """The local stack cannot do what was asked."""


class BackupError(PipelineError):
    """A backup that cannot be made or put back."""


class DemoError(PipelineError):
    """The demo did not end as its story says."""


class ClusterError(PipelineError):
    """What a cluster needs cannot be made."""


class ComposeError(PipelineError):
    """The secrets of docker/compose.yaml cannot be made."""


class ReplayError(PipelineError):
    """A replay that cannot begin, or cannot go on."""
