"""Schema 2 of the outbox: a number for each row, and the place of the copy."""

from alembic import op

from pipeline.prediction_log.steps import STEPS

revision, down_revision = "2", "1"


def upgrade() -> None:
    """Take step 2."""
    for statement in STEPS[1]:
        op.get_bind().exec_driver_sql(statement)
    op.get_bind().exec_driver_sql("PRAGMA user_version = 2")
