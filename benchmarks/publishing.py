"""Publishing a hundred equal windows: one more costs what the window costs, not what the data set costs."""

from benchmarks import registry
from benchmarks.table import Bar, Figure

TITLE = "publishing one more window"
_SHOWN = (2, 50, 100)


def measure(full: bool = False) -> list[Figure]:  # noqa: ARG001 (there is no longer form of it)
    """Return the seconds of some publishes, medians over their neighbours, and how the last compare to the first."""
    found = registry.measure(windows=max(_SHOWN))
    figures = [Figure(TITLE, f"window {number}, {found.rows:,} rows", found.around(number), "s") for number in _SHOWN]
    return [*figures, Figure(TITLE, "hundredth over second", found.ratio, bar=Bar("at most", 1.5))]
