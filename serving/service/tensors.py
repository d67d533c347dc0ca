"""Records as the tensors of the Open Inference Protocol, one a field, and answers as tensors again."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.contract import CategoryColumn, Column, Contract, IntegerColumn, NumberColumn
from pipeline.refusal import Refusal
from serving.service.problems import Problem
from serving.service.records import RecordRefused

_INTEGERS = tuple(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_NUMBERS = ("FP64", "FP32", "FP16", *_INTEGERS)
_TYPES: dict[str, set[type]] = {
    **{name: {int} if name in _INTEGERS else {int, float} for name in _NUMBERS},
    "BOOL": {bool},
    "BYTES": {str},
}
_BINARY = ("binary_data_size", "binary_data", "binary_data_output")
_EXACT = 2**53  # whole numbers below are themselves as FP64


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)  # members that are not known are parameters of other servers: ignored

    parameters: dict[str, Any] | None = None


class RequestedOutput(_Part):
    """A tensor that is asked for."""

    name: str


class InputTensor(_Part):
    """The values of one field, a row each."""

    name: str = Field(description="A field of the record")
    shape: list[int] = Field(description="[rows] or [rows, 1]")
    datatype: str = Field(description="BYTES for words, BOOL for truths, FP or INT of any width for numbers")
    data: list[Any] | None = Field(default=None, description="Row by row, flat or nested; null where there is none")


class InferenceRequest(_Part):
    """Records, field by field."""

    id: str | None = Field(default=None, description="Comes back with the answer")
    inputs: list[InputTensor]
    outputs: list[RequestedOutput] | None = Field(default=None, description="Which tensors to give; else all")


def bad(message: str) -> Problem:
    """Return what is told of a request that the protocol, or the contract's fields, do not allow."""
    return Problem(400, "The request was refused", message, kind="refused-tensors")


def read_request(body: bytes) -> InferenceRequest:
    """Read a request's body. Raises Problem, naming the first member that is not as the protocol has it."""
    try:
        request = InferenceRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise bad(f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}") from error
    parts: Sequence[_Part] = (request, *request.inputs, *(request.outputs or ()))
    if any((part.parameters or {}).get(name) for part in parts for name in _BINARY):
        raise bad("the extension for binary tensors is not offered; send `data` as JSON, and ask for no binary data")
    return request


def to_rows(inputs: Sequence[InputTensor], contract: Contract) -> list[dict[str, Any]]:
    """Return the rows that the tensors hold, as records that are not checked yet.

    Raises:
        RecordRefused: when a tensor is no field of the contract, or that of a required field is not there.
        Problem: when a tensor's datatype, shape or data do not fit its field, or one another.
    """
    _check_names([tensor.name for tensor in inputs], contract)
    columns = {tensor.name: _values(tensor, contract.features[tensor.name]) for tensor in inputs}
    first, rows = inputs[0].name, len(columns[inputs[0].name])
    for name, values in columns.items():
        if len(values) != rows:
            raise bad(f"{name}: has {len(values)} rows, {first} has {rows}; all must have the same")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def datatype(column: Column) -> str:
    """Return the datatype that a field is described with."""
    if isinstance(column, IntegerColumn):
        return "INT64"
    return _allowed(column)[0]


def _allowed(column: Column) -> tuple[str, ...]:
    if isinstance(column, CategoryColumn):
        return ("BYTES",)
    return _NUMBERS if isinstance(column, NumberColumn | IntegerColumn) else ("BOOL",)


def _check_names(names: Sequence[str], contract: Contract) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise bad(f"{twice[0]}: is there more than once")
    fields, known = contract.features, "the fields " + ", ".join(contract.features)
    unknown = [Refusal(name, "unexpected", allowed=known) for name in names if name not in fields]
    absent = [
        Refusal(name, "missing_column", allowed=column.allowed)
        for name, column in fields.items()
        if column.required and name not in names
    ]
    if unknown or absent:
        raise RecordRefused((*unknown, *absent), frozenset(fields))
    if not names:
        raise bad("inputs: is empty; allowed: " + known)


def _values(tensor: InputTensor, column: Column) -> list[Any]:
    if tensor.datatype not in _allowed(column):
        raise bad(f"{tensor.name}: is of datatype {tensor.datatype}; allowed: {', '.join(_allowed(column))}")
    rows = tensor.shape[0] if tensor.shape else 0
    if rows < 1 or tensor.shape[1:] not in ([], [1]):
        raise bad(
            f"{tensor.name}: has the shape {tensor.shape!s:.60}; allowed: [rows] or [rows, 1], with a row or more"
        )
    values = tensor.data or []
    if len(tensor.shape) > 1 and all(isinstance(value, list) and len(value) == 1 for value in values):
        values = [value[0] for value in values]
    if len(values) != rows:
        raise bad(f"{tensor.name}: has {len(values)} values, and the shape {tensor.shape}")
    _check_values(tensor, values)
    if isinstance(column, IntegerColumn) and tensor.datatype.startswith("FP"):
        return [_whole(value) for value in values]
    return values


def _check_values(tensor: InputTensor, values: Sequence[Any]) -> None:
    expected = _TYPES[tensor.datatype] | {type(None)}
    if not expected.issuperset(map(type, values)):
        place = next(place for place, value in enumerate(values) if type(value) not in expected)
        raise bad(f"{tensor.name}: {values[place]!r:.60} (row {place + 1}) is no {tensor.datatype}")
    numbers = [value for value in values if value is not None] if tensor.datatype in _INTEGERS else []
    limits = np.iinfo(tensor.datatype.lower()) if numbers else None
    if limits and not (limits.min <= min(numbers) and max(numbers) <= limits.max):
        raise bad(f"{tensor.name}: {min(numbers)} to {max(numbers)} is no {tensor.datatype}")


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value
