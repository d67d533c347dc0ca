"""Checking rows in their normal form against the schema."""

from collections import defaultdict
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

from ingestion.normalise import Failure, Mask, Normal
from ingestion.schema import batch_schema, limits
from pipeline.contract import Column, Contract, DateColumn, IntegerColumn, NumberColumn
from pipeline.refusal import Reason

# What pandera calls its own check; ours carry the reason as their error.
_REASONS: dict[str, Reason] = {"not_nullable": "missing"}


def breaches(contract: Contract, normal: Normal) -> list[Failure]:
    """Return what the schema refuses of a batch, beside the cells that have no normal form.

    A column whose least and greatest value say that nothing can be wrong with it is not looked at any further.
    """
    columns = contract.batch_columns
    doubtful = [name for name in normal.batch.schema.names if not _is_clear(columns[name], normal.batch.column(name))]
    if not doubtful:
        return []
    try:
        batch_schema(contract, doubtful).validate(_frame(normal.batch, doubtful), lazy=True)
    except SchemaErrors as errors:
        return _failures(normal, errors.failure_cases)
    return []


def _is_clear(column: Column, cells: Any) -> bool:
    if cells.null_count and column.required:
        return False
    if cells.null_count == len(cells) or not isinstance(column, NumberColumn | IntegerColumn | DateColumn):
        return True  # what is a word or a truth value in its normal form is allowed
    if isinstance(column, DateColumn):
        edges = pc.min_max(cells).as_py()
        return bool(column.minimum <= edges["min"].date() and edges["max"].date() <= column.maximum)
    # Any value in place of what is missing changes nothing here, and NumPy is faster than pyarrow's own functions.
    values = (cells.fill_null(pc.first(cells)) if cells.null_count else cells).to_numpy()
    low, high = limits(column)
    inside = low <= values.min() and values.max() <= high
    return bool(inside and (column.type == "number" or (values == np.floor(values)).all()))


def _frame(batch: Any, names: list[str]) -> pd.DataFrame:
    texts = {
        name: batch.column(name).cast(pa.string())
        if pa.types.is_dictionary(batch.schema.field(name).type)
        else batch.column(name)
        for name in names
    }
    frame: pd.DataFrame = pa.table(texts).to_pandas()
    return frame


def _failures(normal: Normal, cases: pd.DataFrame) -> list[Failure]:
    known: dict[str, Mask] = {failure.field: failure.mask for failure in normal.failures}
    count = normal.batch.num_rows
    found: dict[tuple[str, Reason], Mask] = defaultdict(lambda: np.zeros(count, dtype=bool))
    for key, rows in cases.groupby(["check", "column"], sort=False)["index"]:
        check, field = (str(part) for part in key)  # one part for each column
        reason: Any = check if check in get_args(Reason) else _REASONS.get(check, "type")
        places = slice(None) if rows.isna().any() else rows.to_numpy(dtype=np.int64)
        found[field, reason][places] = True
    nothing = np.zeros(count, dtype=bool)
    left = ((field, reason, mask & ~known.get(field, nothing)) for (field, reason), mask in found.items())
    return [Failure(field, reason, mask) for field, reason, mask in left if mask.any()]
