"""The root of every error that this project raises on purpose."""

from typing import ClassVar


class PipelineError(Exception):
    """An expected failure. Its message names the thing, the value and the way out.

    Each room derives one family from it; the doors (DAGs and commands) show the message without a stack trace.
    """

    transient: ClassVar[bool] = False  # whether trying again later may help; the DAGs then retry


class NothingToDo(PipelineError):
    """There is no work, which is not a failure: a DAG task that meets it is skipped with this reason."""
