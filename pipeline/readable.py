"""How values of features are written for people."""

from typing import Any

from pipeline.coders import coder, is_missing
from pipeline.contract import CategoryColumn, Column


def feature_value(column: Column, value: Any) -> str:
    """Return a feature's value as validated rows hold it: the contract's word, yes or no, or a number with its unit."""
    if is_missing(value):
        return "missing"
    if isinstance(column, CategoryColumn):
        return str(coder(column).normalise(value))
    if column.type == "boolean":
        return "yes" if value else "no"
    # No thousands apart: the number may be a year.
    text = f"{value:.15g}" if float(value).is_integer() else f"{value:.6g}"
    return f"{text} {column.unit}" if column.unit else text
