"""Keeps MLflow to itself: no telemetry, no progress bars, no copy of the environment. Import it before MLflow.

It gives up on a server that is away after half a minute: its own seven attempts take four, and more of each caller.

MLflow reads these when it is imported. What an operator has set is left as it is.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
