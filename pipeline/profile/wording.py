"""How numbers, words, shares and times are written where people read them."""

import math
from datetime import datetime


def number(value: float, deviation: float | None = None) -> str:
    """Return a number with thousands separators: whole numbers as such, others to a hundredth of the deviation."""
    if not abs(value) < 1e15 or (value and abs(value) < 1e-4):
        return f"{value:.4g}"
    if deviation:
        places = 2 - math.floor(math.log10(deviation))
        return f"{value:,.{min(max(places, 0), 6)}f}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 10_000 else f"{value:,.4g}"


def word(text: str, longest: int = 40) -> str:
    """Return a word on one line and of a bearable length."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def share(value: float) -> str:
    """Return a share in percent: `0 %`, `under 0.1 %`, `1.2 %`, `35 %`, and never `100 %` for less than all."""
    percent = 100 * value
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.1f} %" if (percent < 10 and percent) or 99 < percent < 100 else f"{percent:.0f} %"


def time(value: datetime) -> str:
    """Return a time; midnight is left out."""
    return value.isoformat(" ", "seconds").removesuffix(" 00:00:00")
