"""What the report says of retraining: the decision, and every condition and guard with its value and limit."""

from monitoring.retraining.conditions import Guard
from monitoring.retraining.decide import Decision
from pipeline.page import Markup, paragraph, section, state, table

_HEAD = ("", "Value", "Limit", "State", "What it says")


def retraining_section(decision: Decision) -> Markup:
    """Return the section; a guard that holds a request back is marked."""
    parts = [paragraph(decision.reason)]
    if decision.guards:
        marked = [guard.role == "guard" and not guard.passed for guard in decision.guards]
        rows = [_row(guard) for guard in decision.guards]
        parts.append(table(_HEAD, rows, numbers=(1, 2), bad=marked))
    return section("Retraining", *parts, anchor="retraining")


def _row(guard: Guard) -> tuple[str, ...]:
    words = {
        ("condition", True): "holds",
        ("condition", False): "does not hold",
        ("guard", True): "lets pass",
        ("guard", False): "holds back",
    }
    shown = words[guard.role, guard.passed]
    return f"{guard.role}: {guard.name}", f"{guard.value:.4g}", f"{guard.limit:.4g}", state(shown), guard.sentence
