"""Schema 1 of the database: what outboxes hold, those of several services and models side by side."""

from alembic import op

revision, down_revision = "1", None

# Times are texts of the same form in the outbox, and real times here. An actual may arrive before its prediction, from
# another outbox: so it refers to it without a foreign key.
_TABLES = """
CREATE TABLE prediction_log (id uuid NOT NULL);
INSERT INTO prediction_log SELECT gen_random_uuid();
CREATE TABLE predictions (
  id text PRIMARY KEY, time timestamptz NOT NULL, model text NOT NULL, version integer NOT NULL,
  features jsonb NOT NULL, prediction double precision NOT NULL, low double precision NOT NULL,
  high double precision NOT NULL, latency_ms double precision NOT NULL, caller text NOT NULL);
CREATE INDEX predictions_by_time ON predictions (model, time);
CREATE TABLE actuals (prediction_id text PRIMARY KEY, actual double precision NOT NULL, time timestamptz NOT NULL);
CREATE TABLE refusals (
  instance text NOT NULL, model text NOT NULL, time timestamptz NOT NULL, field text NOT NULL, reason text NOT NULL,
  count bigint NOT NULL, PRIMARY KEY (instance, model, time, field, reason));
"""


def upgrade() -> None:
    """Make the tables, and draw the database's id."""
    for statement in filter(str.strip, _TABLES.split(";")):
        op.get_bind().exec_driver_sql(statement)
