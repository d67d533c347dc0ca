"""Validate: a raw batch becomes a valid one, or is refused as a whole with every reason at once."""

from collections import defaultdict
from typing import Any, get_args

import pandas as pd
from pandera.errors import SchemaErrors

from ingestion.collect import Collected
from ingestion.files import BatchReport, load_table, place, refuse, save_report, save_table
from ingestion.normalise import Failure, normalise
from ingestion.schema import batch_schema
from pipeline.coders import LARGEST, Words
from pipeline.contract import SPLIT, CategoryColumn, Column, Contract, Window
from pipeline.contract.base import Section
from pipeline.data_content import to_table
from pipeline.refusal import Reason, Refusal
from pipeline.settings import Settings
from pipeline.split import assign_splits, identity_columns

# What pandera calls its own checks; ours carry the reason as their error.
_REASONS: dict[str, Reason] = {
    "column_in_dataframe": "missing_column",
    "not_nullable": "missing",
    "multiple_fields_uniqueness": "duplicate",
}


class Validated(Section):
    """A valid batch: a Parquet file of normalised rows, each with its split."""

    uri: str
    report_uri: str
    rows: int
    source: str
    window: Window
    run: str  # which run it is of


def validate(contract: Contract, settings: Settings, run: str, collected: Collected) -> Validated:
    """Store the valid batch and the report on it.

    Raises:
        BatchRefused: with one refusal for each field and reason; the report is stored all the same.
    """
    raw_ = load_table(collected.uri).to_pandas(date_as_object=False, integer_object_nulls=True)
    frame, failures = normalise(contract, raw_)
    report = _report(contract, run, collected, frame, failures)
    refusals = _refusals(contract, raw_, [*failures, *_check(contract, frame, failures)])
    if refusals:
        raise refuse(contract, settings, report, refusals)
    frame[SPLIT] = assign_splits(contract, [frame[name] for name in identity_columns(contract)])
    return Validated(
        uri=save_table(place(contract, settings, run, "valid.parquet"), to_table(contract, frame)),
        report_uri=save_report(contract, settings, report),
        rows=len(frame),
        source=collected.source,
        window=collected.window,
        run=run,
    )


def _check(contract: Contract, frame: pd.DataFrame, known: list[Failure]) -> list[Failure]:
    """Return what the schema refuses beside the cells that are refused already."""
    try:
        batch_schema(contract).validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return []
    seen = {(failure.field, row) for failure in known for row in failure.rows}
    found: dict[tuple[str, Reason], set[int]] = defaultdict(set)
    for check, column, case, index in cases[["check", "column", "failure_case", "index"]].itertuples(index=False):
        reason = check if check in get_args(Reason) else _REASONS.get(check, "type")
        field = case if reason == "missing_column" else column
        rows = range(len(frame)) if pd.isna(index) else [int(index)]
        found[field, reason].update(row for row in rows if (field, row) not in seen)
    return [Failure(field, reason, tuple(sorted(rows))) for (field, reason), rows in found.items() if rows]


def _refusals(contract: Contract, raw: pd.DataFrame, failures: list[Failure]) -> list[Refusal]:
    order = {name: place for place, name in enumerate(contract.batch_columns)}
    failures = [failure for failure in failures if not _repeats_key(contract, failure)]
    return [_refusal(contract, raw, failure) for failure in sorted(failures, key=lambda failure: order[failure.field])]


def _repeats_key(contract: Contract, failure: Failure) -> bool:
    """Whether this is the same duplicate again: a key of several columns is reported under its first one."""
    return failure.reason == "duplicate" and failure.field != contract.key[0]


def _refusal(contract: Contract, raw: pd.DataFrame, failure: Failure) -> Refusal:
    column, rows = contract.batch_columns[failure.field], len(failure.rows)
    if failure.reason == "missing_column":
        return Refusal(failure.field, failure.reason, allowed=column.allowed, rows=rows)
    first = failure.rows[0]
    if failure.reason == "duplicate":
        key = tuple(raw[name].iloc[first] for name in contract.key)
        value, allowed = (key[0] if len(key) == 1 else key), f"each {', '.join(contract.key)} once in a window"
    else:
        value = None if failure.reason == "missing" else raw[failure.field].iloc[first]
        allowed = _allowed(column, failure.reason, value)
    return Refusal(failure.field, failure.reason, value, allowed, rows=rows, first_row=first + 1)


def _allowed(column: Column, reason: Reason, value: Any) -> str:
    too_large = reason == "range" and abs(float(value)) > LARGEST
    return column.allowed + (f", no larger in size than {LARGEST:.3g}" if too_large else "")


def _report(
    contract: Contract, run: str, collected: Collected, frame: pd.DataFrame, failures: list[Failure]
) -> BatchReport:
    missing = {name: int(frame[name].isna().sum()) for name in frame.columns}
    for failure in failures:
        missing[failure.field] -= len(failure.rows)
    return BatchReport(
        model=contract.name,
        run=run,
        source=collected.source,
        window=collected.window.id,
        rows=collected.rows,
        missing={name: count for name, count in missing.items() if count},
        unknown_words=_unknown_words(contract, frame),
        ignored_columns=collected.ignored_columns,
    )


def _unknown_words(contract: Contract, frame: pd.DataFrame) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, column in contract.columns.items():
        if isinstance(column, CategoryColumn) and name in frame.columns:
            words: Any = Words(column)
            counts[name] = int(sum(n for word, n in frame[name].value_counts().items() if not words.knows(word)))
    return {name: count for name, count in counts.items() if count}
