"""Requests checked against the contract: a body becomes a record in its normal form, or is refused field by field."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from pipeline.coders import LARGEST
from pipeline.contract import Column, Contract
from pipeline.refusal import Reason, Refusal
from serving.service.fields import request_field
from serving.service.problems import Problem

BODY = "(body)"  # the field of refusals that concern the request as a whole
OTHER = "(other)"  # how fields that the contract does not know are counted: callers must not make up series

_REASONS: dict[str, Reason] = {
    "missing": "missing_column",
    "blank": "missing",
    "extra_forbidden": "unexpected",
    "json_invalid": "unreadable",
    "greater_than_equal": "range",
    "less_than_equal": "range",
    "finite_number": "range",
    "category": "category",
    "string_too_long": "category",
}  # any other kind of error that pydantic names is one of type


class RecordRefused(Problem):
    """A request that the contract does not allow. Each refusal is counted."""

    def __init__(self, refusals: tuple[Refusal, ...], names: frozenset[str]) -> None:
        unreadable = refusals[0].reason == "unreadable"
        super().__init__(
            400 if unreadable else 422,
            "The request is not JSON" if unreadable else "The record was refused",
            _sentence(refusals),
            kind="unreadable-request" if unreadable else "refused-record",
            refusals=refusals,
        )
        self.counted = [(item.field if item.field in names else OTHER, item.reason) for item in refusals]


class Records:
    """Checks the requests of one contract. Safe to share between threads."""

    def __init__(self, contract: Contract) -> None:
        self.columns = contract.features
        # Column names can be any words, so the fields are numbered, and known by their aliases.
        fields: dict[str, Any] = {
            f"f{place}": request_field(name, column) for place, (name, column) in enumerate(self.columns.items())
        }
        self.model: type[BaseModel] = create_model("Record", __config__=ConfigDict(extra="forbid"), **fields)
        self._names = frozenset(self.columns) | {BODY}

    def read(self, body: bytes) -> dict[str, Any]:
        """Return the record of a request's body: every feature by its name, in the encoder's normal form.

        Raises:
            RecordRefused: naming each field that is refused, with its value and what is allowed.
        """
        try:
            return self.model.model_validate_json(body).model_dump(by_alias=True)
        except ValidationError as error:
            raise RecordRefused(self._refusals(error.errors(include_url=False)), self._names) from error

    def _refusals(self, errors: Iterable[ErrorDetails]) -> tuple[Refusal, ...]:
        return tuple(self._refusal(error) for error in errors)

    def _refusal(self, error: ErrorDetails) -> Refusal:
        reason = _REASONS.get(error["type"], "type")
        if not error["loc"]:
            problem = error.get("ctx", {}).get("error")  # where the JSON breaks off
            allowed = "an object with the contract's fields" + (f" ({problem})" if problem else "")
            return Refusal(BODY, reason, allowed=allowed)
        name = str(error["loc"][0])
        if reason == "unexpected":
            return Refusal(name, reason, error["input"], "the fields " + ", ".join(self.columns))
        value = None if reason == "missing_column" else error["input"]
        if value is None and reason == "type":  # null where a value is required
            reason = "missing"
        return Refusal(name, reason, value, _allowed(self.columns[name], error))


def _allowed(column: Column, error: ErrorDetails) -> str:
    if error["type"] == "string_too_long":
        return f"a word of at most {error['ctx']['max_length']} letters"
    limits = error.get("ctx", {}).values()
    beyond = error["type"] == "finite_number" or LARGEST in limits or -LARGEST in limits
    return f"{column.allowed} that a 32-bit float can hold" if beyond else column.allowed


def _sentence(refusals: tuple[Refusal, ...]) -> str:
    more = len(refusals) - 1
    return refusals[0].message + (f"; and {more} more, see errors" if more else "")
