"""The application: routes, their shared state, and what starts and ends with it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Route

from pipeline.prediction_log import Outbox, PredictionLogError
from pipeline.settings import Settings
from serving.service import page, problems
from serving.service.actuals import actuals
from serving.service.batch import predict_batch
from serving.service.elsewhere import Elsewhere
from serving.service.explain import explain_router
from serving.service.garbage import seldom_sought
from serving.service.metrics import Metrics
from serving.service.middleware import Observed
from serving.service.open_inference import open_inference
from serving.service.openapi import documented
from serving.service.operations import router
from serving.service.predict import Predict
from serving.service.records import RecordRefused
from serving.service.shadow import Shadow
from serving.service.state import State, state_of
from serving.service.watcher import Watcher

_DRAIN_SECONDS = 5


def create_app(settings: Settings, model: str) -> FastAPI:
    """Make the prediction service of a contract. The log is opened and releases are followed once it starts.

    Args:
        settings: where releases and the prediction log are.
        model: the contract's name.
    """
    watcher, metrics = Watcher(settings, model), Metrics()
    predict = Predict()
    app = FastAPIOffline(
        redoc_url=None,
        redirect_slashes=False,  # behind a proxy that ends TLS, it would send clients to plain http, key and all
        title=model,
        lifespan=_lifespan(settings, model, watcher, metrics, predict),
        generate_unique_id_function=lambda route: route.name,  # what generated clients call their methods
    )
    # Plain routes: their bodies are checked by the contract that is served, which FastAPI cannot know beforehand.
    app.router.routes.insert(0, Route("/predict", predict, methods=["POST"]))
    for routes in (page.router, router, explain_router()):
        app.include_router(routes)
    app.add_route("/predict/batch", predict_batch(settings), methods=["POST"])
    app.add_route("/actuals", actuals(), methods=["POST"])
    app.router.routes += open_inference(settings)
    build = app.build_middleware_stack
    # In the place of Starlette's outermost layer, which answers what fails: this one does, as problems.
    app.build_middleware_stack = lambda: Observed(  # type: ignore[method-assign]
        build().app,  # type: ignore[attr-defined]
        metrics,
        settings,
        {"/predict": predict.answer},
    )
    app.state.closed = bool(settings.api_keys)
    app.add_exception_handler(RecordRefused, _count_and_answer)
    app.add_exception_handler(problems.Problem, problems.answer_problem)
    app.add_exception_handler(HTTPException, problems.answer_http_error)
    app.add_exception_handler(PredictionLogError, problems.answer_log_failure)
    app.openapi = documented(app, settings, model, watcher)  # type: ignore[method-assign]
    return app


def _lifespan(settings: Settings, model: str, watcher: Watcher, metrics: Metrics, predict: Predict) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        path = Path(settings.place("prediction_log", model))
        outbox = Outbox(path)
        shadow = Shadow(path, settings.shadow_per_second)
        app.state.service = predict.state = State(model, watcher, outbox, metrics, shadow, _elsewhere(settings, model))
        watcher.start()
        shadow.start()
        with seldom_sought(), _shipping(settings, model, path, metrics) as stop:
            yield
            watcher.stop()
            shadow.stop()
            outbox.close()
            stop()  # after the outbox: what was written last is copied as well

    return lifespan


def _elsewhere(settings: Settings, model: str) -> Elsewhere:
    if not settings.predictions_uri:
        return Elsewhere()
    from pipeline.prediction_log.copied import CopiedLog  # psycopg is loaded only where it is used
    from pipeline.prediction_log.database import database_of

    database = database_of(settings, model)
    assert database is not None  # noqa: S101 (its address is set)
    return Elsewhere(CopiedLog(database, model))


@contextmanager
def _shipping(settings: Settings, model: str, path: Path, metrics: Metrics) -> Iterator[Callable[[], None]]:
    """Copy the log to PostgreSQL, where one is set, and give what ends that."""
    if not settings.predictions_uri:
        yield lambda: None
        return
    from pipeline.prediction_log.database import database_of
    from serving.shipper import Shipper

    database = database_of(settings, model)
    assert database is not None  # noqa: S101 (its address is set)
    shipper = Shipper(path, database, model)
    metrics.unshipped(lambda: shipper.waiting)
    shipper.start()
    yield lambda: shipper.stop(_DRAIN_SECONDS)


async def _count_and_answer(request: Request, error: Exception) -> Response:
    """Answer a refused record; monitoring reads the counts."""
    assert isinstance(error, RecordRefused)  # noqa: S101 (it is registered for these)
    state_of(request).count(error)
    return error.response()
