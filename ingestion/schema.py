"""The schema that a normalised batch must pass, derived from the contract."""

from typing import Any

import numpy as np
import pandera.pandas as pa

from pipeline.coders import LARGEST
from pipeline.contract import CategoryColumn, Column, Contract, IntegerColumn, NumberColumn

_DTYPES: dict[str, Any] = {
    "number": "float64",
    "integer": "float64",
    "boolean": None,  # bool, or objects where one is missing: the check says what it may be
    "category": str,
    "text": str,
    "date": "datetime64[us]",
}


def batch_schema(contract: Contract) -> pa.DataFrameSchema:
    """Return a strict schema; the error of each check is the reason of a refusal (`pipeline.refusal.Reason`)."""
    columns = {
        name: pa.Column(_DTYPES[column.type], checks=_checks(column), nullable=not column.required)
        for name, column in contract.batch_columns.items()
    }
    # The second and every later row of a key is a duplicate; keys are unique within a window only.
    key = list(contract.key) or None
    return pa.DataFrameSchema(columns, strict=True, unique=key, report_duplicates="exclude_first")


def _checks(column: Column) -> list[pa.Check]:
    if isinstance(column, NumberColumn | IntegerColumn):
        low = -LARGEST if column.minimum is None else max(column.minimum, -LARGEST)
        high = LARGEST if column.maximum is None else min(column.maximum, LARGEST)
        whole = [pa.Check(_is_whole, error="type")] if isinstance(column, IntegerColumn) else []
        return [*whole, pa.Check.in_range(low, high, error="range")]
    if isinstance(column, CategoryColumn) and not column.open:
        return [pa.Check.isin(column.categories, error="category")]
    return [pa.Check.isin([True, False], error="type")] if column.type == "boolean" else []


def _is_whole(values: Any) -> Any:
    return ~np.isfinite(values) | (values % 1 == 0)  # an infinite number is out of range, and that is enough
