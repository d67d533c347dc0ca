"""How values of features and of the target are written for people."""

import math
from typing import Any

from pipeline.coders import coder, is_missing
from pipeline.contract import CategoryColumn, Column
from pipeline.profile.wording import number


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


def feature_code(column: Column, code: float) -> str:
    """Return the same for a value as the encoder writes it; a word that is not in the list has no name there."""
    if isinstance(column, CategoryColumn) and code >= 0:
        return column.categories[int(code)]
    if isinstance(column, CategoryColumn):
        return "missing" if math.isnan(code) else "other"
    return feature_value(column, float(code))


def amount(value: float, unit: str | None = None) -> str:
    """Return a value of the target, to six digits, with its unit if one is given."""
    if not math.isfinite(value):
        return "no finite number"
    text = number(float(f"{value:.6g}"))
    return f"{text} {unit}" if unit else text
