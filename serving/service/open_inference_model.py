"""What the Open Inference Protocol tells of the server and of its model."""

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from serving.service.problems import Problem
from serving.service.served import Served
from serving.service.state import state_of
from serving.service.tensors import datatype

PLATFORM = "onnxruntime_onnx"
OUTPUTS = {"prediction": "FP64", "low": "FP64", "high": "FP64", "id": "BYTES"}


async def server(request: Request) -> Response:
    """Say what server this is."""
    return JSONResponse({"name": f"prediction service of {state_of(request).model}", "version": "2", "extensions": []})


async def live(_: Request) -> Response:
    """Live as long as the process answers."""
    return JSONResponse({"live": True})


async def ready(request: Request) -> Response:
    """Ready as `/health/ready` is."""
    await _check_ready(request)
    return JSONResponse({"ready": True})


async def model_ready(request: Request) -> Response:
    """Whether the model, and the version where the path names one, is served."""
    served = served_as_named(request)
    await _check_ready(request)
    return JSONResponse({"name": served.release.model, "ready": True})


async def _check_ready(request: Request) -> None:
    await run_in_threadpool(state_of(request).check)


async def metadata(request: Request) -> Response:
    """Say what tensors the model takes and gives."""
    served = served_as_named(request)
    inputs = {name: datatype(column) for name, column in served.bundle.contract.features.items()}
    content = {
        "name": served.release.model,
        "versions": [str(served.release.version)],
        "platform": PLATFORM,
        "inputs": [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in inputs.items()],
        "outputs": [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in OUTPUTS.items()],
    }
    return JSONResponse(content)


def served_as_named(request: Request) -> Served:
    """Return what is served, if it is what the path names."""
    state, named = state_of(request), request.path_params
    if named["model"] != state.model:
        raise _not_here(f"the model {named['model']!r} is not served here; it is {state.model}")
    wanted = named.get("version", "")
    if not wanted:
        return state.served_to(request.scope)
    served = state.version(wanted)
    if wanted != str(served.release.version):
        raise _not_here(f"version {named['version']!r} is not served; it is {served.release.version}")
    return served


def _not_here(message: str) -> Problem:
    return Problem(404, "No such model", message, kind="no-such-model")
