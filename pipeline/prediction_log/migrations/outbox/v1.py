"""Schema 1 of the outbox: predictions, their truths, and counted refusals."""

from alembic import op

from pipeline.prediction_log.steps import STEPS

revision, down_revision = "1", None


def upgrade() -> None:
    """Take step 1."""
    for statement in STEPS[0]:
        op.get_bind().exec_driver_sql(statement)
    op.get_bind().exec_driver_sql("PRAGMA user_version = 1")
