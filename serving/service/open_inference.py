"""The Open Inference Protocol v2 (REST), so that KServe can front the service and its clients get the same numbers.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import Request, Response
from starlette.routing import Route

from pipeline.prediction_log import Answer, PredictionLogError
from pipeline.settings import Settings
from serving.service import open_inference_model as told
from serving.service.problems import Problem, in_words, log_failure, protocol_error
from serving.service.records import RecordRefused
from serving.service.rows import Asked, Done, Said, check_count, respond, say
from serving.service.state import state_of
from serving.service.tensors import InferenceRequest, bad, read_request, to_rows

_BINARY_HEADER = "inference-header-content-length"
_MODEL = "/v2/models/{model}"
_VERSION = _MODEL + "/versions/{version}"

Endpoint = Callable[[Request], Awaitable[Response]]


class RowsRefused(Problem):
    """Records of a request that the contract does not allow. The protocol has no answer to a part of a request."""

    def __init__(self, refused: Sequence[RecordRefused], first: int) -> None:
        others = len(refused) - 1
        more = f"; and {others} more row{'s' * (others > 1)}" if others else ""
        super().__init__(422, refused[0].title, f"row {first}: {in_words(refused[0])}{more}", kind=refused[0].kind)
        self.refused = refused


def open_inference(settings: Settings) -> list[Route]:
    """Return the protocol's routes; `batch_rows` of the settings is the limit of a request."""

    async def infer(request: Request) -> Response:
        if _BINARY_HEADER in request.headers:
            raise bad("the extension for binary tensors is not offered; send `data` as JSON")
        return await respond(request, told.served_as_named(request), work)

    def work(asked: Asked) -> Done:
        wanted = read_request(asked.body)
        _check_outputs(wanted)
        check_count(max((len(tensor.data or ()) for tensor in wanted.inputs), default=0), settings.batch_rows)
        rows = to_rows(wanted.inputs, asked.served.bundle.contract)
        return _done(wanted, _all_said(say(asked, rows)))

    def both(path: str, endpoint: Endpoint, method: str) -> list[Route]:
        return [Route(f"{base}{path}", _with_errors(endpoint), methods=[method]) for base in (_MODEL, _VERSION)]

    return [
        Route("/v2", _with_errors(told.server), methods=["GET"]),
        Route("/v2/health/live", _with_errors(told.live), methods=["GET"]),
        Route("/v2/health/ready", _with_errors(told.ready), methods=["GET"]),
        *both("", told.metadata, "GET"),
        *both("/ready", told.model_ready, "GET"),
        *both("/infer", infer, "POST"),
    ]


def _with_errors(endpoint: Endpoint) -> Endpoint:
    """Tell what goes wrong as the protocol does."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (Problem, PredictionLogError) as error:
            problem = error if isinstance(error, Problem) else log_failure(error)
            refused = problem.refused if isinstance(problem, RowsRefused) else [problem]
            state_of(request).count(*(one for one in refused if isinstance(one, RecordRefused)))
            return protocol_error(problem)

    return answer


def _check_outputs(wanted: InferenceRequest) -> None:
    for output in wanted.outputs or ():
        if output.name not in told.OUTPUTS:
            raise bad(f"outputs: {output.name!r} is not given; allowed: {', '.join(told.OUTPUTS)}")


def _all_said(said: Sequence[Said | Problem]) -> list[Answer]:
    refused = [(place, one) for place, one in enumerate(said, 1) if isinstance(one, RecordRefused)]
    if refused:
        raise RowsRefused([one for _, one in refused], refused[0][0])
    for one in said:
        if isinstance(one, Problem):  # no finite number
            raise one
    return [one[0] for one in said if not isinstance(one, Problem)]


def _done(wanted: InferenceRequest, answers: list[Answer]) -> Done:
    names = [output.name for output in wanted.outputs or ()] or list(told.OUTPUTS)

    def tell(logged: Sequence[Answer]) -> str:
        content = {
            "model_name": logged[0].model,
            "model_version": str(logged[0].version),
            **({} if wanted.id is None else {"id": wanted.id}),
            "outputs": [_tensor(name, logged) for name in dict.fromkeys(names)],
        }
        return json.dumps(content, ensure_ascii=False, allow_nan=False)

    return Done(answers, (), tell)


def _tensor(name: str, logged: Sequence[Answer]) -> dict[str, Any]:
    data = [getattr(answer, name) for answer in logged]
    return {"name": name, "datatype": told.OUTPUTS[name], "shape": [len(data)], "data": data}
