"""How numbers are written in rules: with their units, shares in percent, and gaps between shares in points."""

from dataclasses import dataclass

from pipeline.profile.wording import number


@dataclass(frozen=True)
class Unit:
    """How a kind of number is written: multiplied, and with its unit after it."""

    after: str = ""
    times: float = 1.0

    def value(self, value: float) -> str:
        """Return the number with its unit."""
        return f"{number(value * self.times)}{self.after}"

    def gap(self, value: float) -> str:
        """Return the distance between two such numbers."""
        return self.value(abs(value))


@dataclass(frozen=True)
class Percent(Unit):
    """A share to three digits or so; a distance between two is told in points."""

    after: str = " %"
    times: float = 100.0

    def value(self, value: float) -> str:
        """Return the share in percent."""
        return f"{_percent(value)}{self.after}"

    def gap(self, value: float) -> str:
        """Return the distance between two shares."""
        points = _percent(abs(value))
        return f"{points} {'point' if points == '1' else 'points'}"


def _percent(share: float) -> str:
    percent = 100 * share
    places = 2 if abs(percent) < 10 else 1 if abs(percent) < 100 else 0
    rounded = round(percent, places) + 0.0  # no -0
    return f"{rounded:,.10g}" if rounded or not percent else f"{percent:.2g}"


PLAIN = Unit()
PERCENT = Percent()
MILLISECONDS = Unit(" ms")
MEGABYTES = Unit(" MB", 1e-6)
