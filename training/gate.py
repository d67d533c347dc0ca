"""The gate: whether a challenger may be registered. A metric that is missing or not finite does not pass."""

import math
from typing import Literal

from pipeline.bundle.parity import TOLERANCE
from pipeline.contract import Contract
from pipeline.contract.base import Section
from training.errors import GateRefused
from training.evaluate import Evaluated
from training.package import Packaged

Side = Literal["at least", "at most"]


class Rule(Section):
    """One rule, what it found and what it allows. `value` is None where the metric is not defined."""

    name: str
    passed: bool
    value: float | None
    limit: float | None
    sentence: str


class Decision(Section):
    """The gate's verdict with all its rules; `sentence` is for people."""

    passed: bool
    rules: list[Rule]
    sentence: str


def judge(contract: Contract, evaluated: Evaluated, packaged: Packaged) -> Decision:
    """Judge a challenger by the contract's gate."""
    gate, metrics = contract.gate, evaluated.metrics
    rules = [
        _rule("held-out rows", float(evaluated.rows), "at least", float(gate.minimum_rows)),
        _better_than_dummy(gate.share_of_dummy, metrics.get("mae"), evaluated.dummy.get("mae")),
    ]
    for name, limit in gate.limits.items():
        if limit.minimum is not None:
            rules.append(_rule(name, metrics.get(name), "at least", limit.minimum))
        if limit.maximum is not None:
            rules.append(_rule(name, metrics.get(name), "at most", limit.maximum))
    rules.append(_rule("parity of ONNX and scikit-learn", packaged.parity, "at most", TOLERANCE))
    return Decision(passed=all(rule.passed for rule in rules), rules=rules, sentence=_sentence(rules))


def require(decision: Decision) -> None:
    """Raise GateRefused, with the decision's sentence, unless it passed."""
    if not decision.passed:
        raise GateRefused(decision.sentence)


def _better_than_dummy(share: float, error: float | None, of_dummy: float | None) -> Rule:
    name = f"mae against {share:.0%} of the median dummy's"
    if of_dummy is None or _finite(of_dummy) is None:
        sentence = f"{name}: the dummy's is not defined"
        return Rule(name=name, passed=False, value=_finite(error), limit=None, sentence=sentence)
    return _rule(name, error, "at most", share * of_dummy)


def _rule(name: str, value: float | None, side: Side, limit: float) -> Rule:
    value = _finite(value)
    if value is None:
        sentence = f"{name} is not defined, and must be {side} {limit:.6g}"
        return Rule(name=name, passed=False, value=None, limit=limit, sentence=sentence)
    passed = value >= limit if side == "at least" else value <= limit
    sentence = f"{name} is {value:.6g}, and must be {side} {limit:.6g}"
    if not passed:
        sentence += f": {abs(value - limit):.6g} {'short' if side == 'at least' else 'too much'}"
    return Rule(name=name, passed=passed, value=value, limit=limit, sentence=sentence)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _sentence(rules: list[Rule]) -> str:
    refusing = [rule.sentence for rule in rules if not rule.passed]
    if refusing:
        return f"Refused: {'; '.join(refusing)}."
    return f"Passed all {len(rules)} rules: {'; '.join(rule.sentence for rule in rules)}."
