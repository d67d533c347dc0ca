"""Which predictions are meant: by id, by values of their features, or by age."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipeline.coders import coder
from pipeline.contract import Contract
from pipeline.prediction_log.steps import PredictionLogError


@dataclass(frozen=True)
class Choice:
    """Predictions that fulfil every condition that is given."""

    ids: tuple[str, ...] = ()  # one of these
    features: tuple[tuple[str, tuple[Any, ...]], ...] = ()  # each field has one of its values
    before: str | None = None  # answered earlier, as `utc_text` writes times

    def in_sqlite(self) -> tuple[str, list[Any]]:
        """Return the condition of a WHERE clause, and its values."""
        parts: list[tuple[str, list[Any]]] = []
        if self.ids:
            parts.append(("id IN (SELECT value FROM json_each(?))", [json.dumps(self.ids)]))
        for field, values in self.features:
            held = f"value IN ({', '.join('?' * len(values))})"
            one = f"EXISTS (SELECT 1 FROM json_each(predictions.features) WHERE key = ? AND {held})"  # noqa: S608 (own)
            parts.append((one, [field, *values]))
        if self.before is not None:
            parts.append(("time < ?", [self.before]))
        return _all(parts)

    def in_postgresql(self) -> tuple[str, list[Any]]:
        """Return the condition of a WHERE clause, and its values."""
        parts: list[tuple[str, list[Any]]] = []
        if self.ids:
            parts.append(("id = ANY(%s)", [list(self.ids)]))
        for field, values in self.features:
            held = [json.dumps({field: value}) for value in values]
            parts.append(("features @> ANY(%s::text[]::jsonb[])", [held]))
        if self.before is not None:
            parts.append(("time < %s::timestamptz", [self.before]))
        return _all(parts)


def choose(contract: Contract, ids: Sequence[str], keys: Sequence[str]) -> Choice:
    """Return what a person chose: ids, and features as `FIELD=VALUE`, the value as a person or a batch writes it.

    Raises:
        PredictionLogError: when nothing is chosen, a key is written otherwise, or its field is not in the log.
    """
    if not ids and not keys:
        raise PredictionLogError("nothing is chosen: give a FIELD=VALUE or a prediction id")
    return Choice(ids=tuple(ids), features=tuple(_feature(contract, key) for key in keys))


def _feature(contract: Contract, key: str) -> tuple[str, tuple[Any, ...]]:
    field, equals, text = key.partition("=")
    if not equals or not field:
        raise PredictionLogError(f"{key!r} is no FIELD=VALUE")
    column = contract.features.get(field)
    if column is not None and not column.log:
        raise PredictionLogError(f"{field} is not in the log (log: false in the contract): choose by prediction id")
    values: list[Any] = [text]  # an earlier contract may have had the column, or another type for it
    with suppress(ValueError):
        values.append(json.loads(text))
    for value in tuple(values):
        with suppress(ValueError):
            values.append(coder(column).normalise(value) if column else value)
    plain = [value for value in values if isinstance(value, str | int | float)]
    return field, tuple({(type(value), value): value for value in plain}.values())


def _all(parts: list[tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
    return " AND ".join(part for part, _ in parts) or "TRUE", [value for _, values in parts for value in values]
