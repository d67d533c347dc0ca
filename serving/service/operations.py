"""What operators and probes ask: the model, health, metrics."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serving.service.documents import ServedModel
from serving.service.openapi_parts import NOT_READY, problems
from serving.service.state import state_of, told

_NOT_READY: dict[int | str, dict[str, Any]] = {503: problems({503: NOT_READY})["503"]}
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}

router = APIRouter()


@router.get(
    "/model",
    tags=["model"],
    summary="What is served",
    response_model=None,  # it is described, and sent as it is
    responses={200: {"model": ServedModel}, **_NOT_READY},
)
def model(request: Request) -> dict[str, Any]:
    """Name, version, data version and metrics of what is served; `refused` where a later release was not taken up."""
    state = state_of(request)
    return {**state.served.describe(), **told(state.watcher.live)}


@router.get("/health/live", tags=["operations"], summary="Whether the process runs")
def live() -> dict[str, str]:
    """Answer as long as the process does."""
    return {"status": "live"}


@router.get("/health/ready", tags=["operations"], summary="Whether predictions are answered", responses=_NOT_READY)
def ready(request: Request) -> dict[str, Any]:
    """Ready: the model answers its smoke rows, and the prediction log can be written."""
    state = state_of(request)
    version = state.check().release.version
    return {"status": "ready", "version": version, **told(state.watcher.live)}


@router.get("/metrics", tags=["operations"], summary="Metrics for Prometheus", response_class=Response, responses=_TEXT)
def metrics(request: Request) -> Response:
    """Requests, latencies, predictions, refusals, and the model that is served."""
    state = state_of(request)
    return Response(state.metrics.text(state.watcher.live), media_type=CONTENT_TYPE_LATEST)
