"""The prediction log: every answered prediction, durable before it is answered, in a local SQLite file.

The service writes it through an `Outbox`; monitoring reads it while the service writes.
"""

from pipeline.prediction_log.outbox import Outbox
from pipeline.prediction_log.reader import find_answer, read_predictions, read_refusals
from pipeline.prediction_log.schema import SMOKE_CALLER, Answer, PredictionLogError, utc_text
from pipeline.prediction_log.statements import Outcome

__all__ = [
    "SMOKE_CALLER",
    "Answer",
    "Outbox",
    "Outcome",
    "PredictionLogError",
    "find_answer",
    "read_predictions",
    "read_refusals",
    "utc_text",
]
