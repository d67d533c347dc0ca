"""How sentences and pages write numbers."""


def number(value: float | None) -> str:
    """Write a number for people: thousands apart, and no more digits than they read."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
