"""The root of every error that this project raises on purpose."""


class PipelineError(Exception):
    """An expected failure. Its message names the thing, the value and the way out.

    Each room derives one family from it; the doors (DAGs and commands) show the message without a stack trace.
    """


class NothingToDo(PipelineError):
    """There is no work, which is not a failure: a DAG task that meets it is skipped with this reason."""
