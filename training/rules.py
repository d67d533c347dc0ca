"""A rule: what was found, what is allowed, and one sentence for people. What cannot be measured does not pass."""

import math
import operator
from collections.abc import Callable
from typing import Literal

from pipeline.contract.base import Section
from training.units import PLAIN, Unit

Side = Literal["at least", "at most", "above", "below"]

_HOLDS: dict[Side, Callable[[float, float], bool]] = {
    "at least": operator.ge,
    "at most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}
_SHORT = ("at least", "above")


class Rule(Section):
    """One rule. `value` is None where what it asks for is not defined."""

    name: str
    passed: bool
    value: float | None
    limit: float | None
    sentence: str


def rule(name: str, value: float | None, side: Side, limit: float, unit: Unit = PLAIN, note: str = "") -> Rule:
    """Judge a value by a limit. A value that is missing or not finite fails.

    Args:
        name: what the value is, as the beginning of a sentence.
        value: what was found.
        side: where the value must stand; `above` and `below` leave the limit itself out.
        limit: what is allowed.
        unit: how both are written.
        note: what a reader may ask next; stands in brackets at the end.
    """
    found = value if value is not None and math.isfinite(value) else None
    passed = found is not None and _HOLDS[side](found, limit)
    must = f"must be {side} {unit.value(limit)}"
    sentence = f"{name} is not defined, and {must}" if found is None else f"{name} is {unit.value(found)}, and {must}"
    if found is not None and not passed and found != limit:
        sentence += f": {unit.gap(found - limit)} {'short' if side in _SHORT else 'too much'}"
    return Rule(name=name, passed=passed, value=found, limit=limit, sentence=sentence + (f" ({note})" if note else ""))
