"""The prediction log: every answered prediction, durable before it is answered, in a local SQLite file.

The service writes it through an `Outbox`; monitoring reads it while the service writes. What needs a library (Alembic,
psycopg) is imported by its own module's name: `migrate`, `database`.
"""

from pipeline.prediction_log.loggable import Loggable
from pipeline.prediction_log.outbox import Outbox
from pipeline.prediction_log.reader import find_answer, read_predictions, read_refusals
from pipeline.prediction_log.schema import SMOKE_CALLER, Answer, utc_text
from pipeline.prediction_log.statements import Outcome
from pipeline.prediction_log.steps import PredictionLogError

__all__ = [
    "SMOKE_CALLER",
    "Answer",
    "Loggable",
    "Outbox",
    "Outcome",
    "PredictionLogError",
    "find_answer",
    "read_predictions",
    "read_refusals",
    "utc_text",
]
