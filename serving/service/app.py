"""The application: routes, their shared state, and what starts and ends with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from pipeline.prediction_log import Outbox, PredictionLogError
from pipeline.settings import Settings
from serving.service import problems
from serving.service.actuals import actuals
from serving.service.metrics import Metrics
from serving.service.middleware import Observed
from serving.service.openapi import documented
from serving.service.operations import router
from serving.service.predict import predict
from serving.service.records import RecordRefused
from serving.service.state import State, state_of
from serving.service.turns import Turns
from serving.service.watcher import Watcher


def create_app(settings: Settings, model: str) -> FastAPI:
    """Make the prediction service of a contract. The log is opened and releases are followed once it starts.

    Args:
        settings: where releases and the prediction log are.
        model: the contract's name.
    """
    watcher, metrics = Watcher(settings, model), Metrics()
    path = Path(settings.place("prediction_log", model))
    app = FastAPIOffline(redoc_url=None, title=model, lifespan=_lifespan(model, path, watcher, metrics))
    app.include_router(router)
    # Plain routes: their bodies are checked by the contract that is served, which FastAPI cannot know beforehand.
    app.add_route("/predict", predict, methods=["POST"])
    app.add_route("/actuals", actuals, methods=["POST"])
    app.add_middleware(Observed, metrics=metrics)
    app.add_exception_handler(RecordRefused, _count_and_answer)
    app.add_exception_handler(problems.Problem, problems.answer_problem)
    app.add_exception_handler(HTTPException, problems.answer_http_error)
    app.add_exception_handler(PredictionLogError, problems.answer_log_failure)
    app.openapi = documented(app, settings, model, watcher)  # type: ignore[method-assign]
    return app


def _lifespan(model: str, path: Path, watcher: Watcher, metrics: Metrics) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        outbox = Outbox(path)
        app.state.service = State(model, watcher, outbox, Turns(outbox), metrics)
        watcher.start()
        yield
        watcher.stop()
        outbox.close()

    return lifespan


async def _count_and_answer(request: Request, error: Exception) -> Response:
    """Answer a refused record; monitoring reads the counts."""
    assert isinstance(error, RecordRefused)  # noqa: S101 (it is registered for these)
    state = state_of(request)
    for field, reason in error.counted:
        state.outbox.refuse(field, reason)
        state.metrics.refusals.labels(field, reason).inc()
    return error.response()
