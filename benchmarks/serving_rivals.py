"""Rivals of the service, each a plain FastAPI application: `python -m benchmarks.serving_rivals KIND STATE PORT`.

`constant` validates the same body and returns a constant. `scikit-learn` validates it, makes a data frame of one row
and asks the same trained pipeline.
"""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn
from fastapi import FastAPI

from benchmarks.training_ours import contract, settings
from pipeline.encode import Encoder
from pipeline.model_registry import challenger, read_version
from serving.service.records import Records
from training.tracking import Tracker


def constant() -> FastAPI:
    """Return an application that validates, and knows one number."""
    app, record = FastAPI(), Records(contract()).model

    async def predict(record: record) -> dict[str, float]:  # type: ignore[valid-type]  # noqa: ARG001
        return {"prediction": 1.0}

    app.post("/predict")(predict)
    return app


def scikit_learn(state: Path) -> FastAPI:
    """Return an application that asks the released version's scikit-learn model."""
    app, told = FastAPI(), contract()
    where, record, encoder = settings(state), Records(told).model, Encoder(told)
    version = read_version(where, told.name, challenger(where, told.name) or 0)
    model = Tracker(told, where).load_model(version.run_id)

    def predict(record: record) -> dict[str, float]:  # type: ignore[valid-type]
        row: Any = pd.DataFrame([record.model_dump(by_alias=True)])  # type: ignore[attr-defined]
        return {"prediction": float(model.predict(encoder.columns(row))[0])}

    app.post("/predict")(predict)
    return app


if __name__ == "__main__":
    kind, state, port = sys.argv[1:]
    made = constant() if kind == "constant" else scikit_learn(Path(state))
    uvicorn.run(
        made,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
