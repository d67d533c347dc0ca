"""How sentences and pages write numbers."""


def effect(value: float, digits: int = 2, sign: str = "") -> str:
    """Write a size in standard deviations: of one that is beyond all measure, its order."""
    return f"{value:{sign}.{digits}f}" if abs(value) < 1e6 else f"{value:{sign}.3g}"


def number(value: float | None) -> str:
    """Write a number for people: thousands apart, and no more digits than they read."""
    if value is None:
        return "unknown"
    if abs(value) >= 1e15:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
