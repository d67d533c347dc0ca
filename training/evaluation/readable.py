"""How values of features and of the target are written for people."""

import math

from pipeline.contract import CategoryColumn, Column
from pipeline.profile.wording import number
from pipeline.readable import feature_value


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
