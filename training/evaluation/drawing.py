"""How plots look, and how they become SVG: the same input gives the same bytes, and text stays text."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from pipeline.contract import Contract
from pipeline.profile.wording import number

# Of pipeline/style.py.
INK, FAINT, LINE, BAR, BAD = "#1c2430", "#5b6672", "#dfe3e8", "#9fb3c8", "#c02b2b"
POINT = "#4a6785"  # that of bars, dark enough for a dot

POINTS = 1_500  # drawn at most
WIDTH = 8.5  # inches

# What matplotlib reads from nowhere else. `parse_math`: a unit may be `$`.
SETTINGS: dict[Any, Any] = {"svg.hashsalt": "plots", "svg.fonttype": "none", "text.parse_math": False, "font.size": 10}


def new_figure(height: float) -> Figure:
    """Return an empty figure, `height` inches high."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    FigureCanvasSVG(figure)
    return figure


def tidy(axes: Axes, title: str, x: str, y: str = "") -> None:
    """Give a plot its title and labels in the colours of reports."""
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=10)
    axes.set_xlabel(x, color=FAINT)
    axes.set_ylabel(y, color=FAINT)
    axes.tick_params(which="both", colors=FAINT, length=0)
    axes.set_axisbelow(True)
    axes.grid(color=LINE, linewidth=0.8)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LINE)


def target_axis(axes: Axes, contract: Contract, sides: Iterable[str]) -> None:
    """Write values of the target as people do, on a logarithmic axis where its logarithm was fitted."""
    for side in sides:
        if contract.target.transform == "log":
            axes.set(**{f"{side}scale": "log"})
        axis = axes.xaxis if side == "x" else axes.yaxis
        if contract.target.transform == "log":
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.6g}"))))


def target_name(contract: Contract, before: str) -> str:
    """Return how an axis with values of the target is called."""
    unit = f" ({contract.target.unit})" if contract.target.unit else ""
    return f"{before} {contract.target.name}{unit}"


def drawn_rows(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return at most `POINTS` of the rows' places, drawn at random, in their order."""
    if len(rows) <= POINTS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, POINTS, replace=False))


def to_svg(figure: Figure) -> bytes:
    """Return the figure as SVG, titled as its first plot is, for readers who cannot see it; needs `SETTINGS`."""
    content = io.BytesIO()
    metadata = {"Title": figure.axes[0].get_title(loc="left"), "Date": None, "Creator": None}
    figure.savefig(content, format="svg", metadata=metadata)
    return content.getvalue()
