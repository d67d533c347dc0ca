"""What goes wrong at the door for people."""

from pipeline.errors import PipelineError


class StackError(PipelineError):
    """The local stack cannot do what was asked."""


class BackupError(PipelineError):
    """A backup that cannot be made or put back."""


class DemoError(PipelineError):
    """The demo did not end as its story says."""
