"""The schema that normalised rows must pass, derived from the contract."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from pipeline.coders import LARGEST
from pipeline.contract import CategoryColumn, Column, Contract, DateColumn, IntegerColumn, NumberColumn

_DTYPES: dict[str, Any] = {
    "number": "float64",
    "integer": "float64",
    "boolean": None,  # bool, or objects where one is missing: the check says what it may be
    "category": str,
    "text": str,
    "date": "datetime64[us]",
}


def batch_schema(contract: Contract, names: Sequence[str] | None = None) -> pa.DataFrameSchema:
    """Return a strict schema of these columns, or of all.

    The error of each check is the reason of a refusal (`pipeline.refusal.Reason`). That keys stand once is not part of
    it: no batch of rows can tell that of a whole window.
    """
    batch_columns = contract.batch_columns
    columns = {
        name: pa.Column(
            _DTYPES[batch_columns[name].type],
            checks=_checks(batch_columns[name]),
            nullable=not batch_columns[name].required,
        )
        for name in names or batch_columns
    }
    return pa.DataFrameSchema(columns, strict=True)


def limits(column: NumberColumn | IntegerColumn) -> tuple[float, float]:
    """Return the smallest and the largest number that is allowed: the contract's, within what the encoder can hold."""
    low = -LARGEST if column.minimum is None else max(column.minimum, -LARGEST)
    return low, LARGEST if column.maximum is None else min(column.maximum, LARGEST)


def _checks(column: Column) -> list[pa.Check]:
    if isinstance(column, NumberColumn | IntegerColumn):
        whole = [pa.Check(_is_whole, error="type")] if isinstance(column, IntegerColumn) else []
        return [*whole, pa.Check.in_range(*limits(column), error="range")]
    if isinstance(column, DateColumn):
        after = pd.Timestamp(column.maximum) + pd.Timedelta(days=1)  # the last day is allowed to its end
        return [pa.Check.in_range(pd.Timestamp(column.minimum), after, include_max=False, error="range")]
    if isinstance(column, CategoryColumn) and not column.open:
        return [pa.Check.isin(column.categories, error="category")]
    return [pa.Check.isin([True, False], error="type")] if column.type == "boolean" else []


def _is_whole(values: Any) -> Any:
    return ~np.isfinite(values) | (values % 1 == 0)  # an infinite number is out of range, and that is enough
