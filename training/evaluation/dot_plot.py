"""A plot with one line for each group of rows, under the headings of what rows are grouped by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.profile.wording import word
from training.evaluation.drawing import FAINT, INK, POINT, new_figure, tidy

GROUPS = 30  # under one heading, those with the most rows


@dataclass(frozen=True)
class Dot:
    """A line of the plot: a value with the ends of its interval, where they are known."""

    label: str
    rows: int
    value: float
    low: float | None
    high: float | None
    colour: str = POINT


def dot_plot(title: str, x: str, sections: Mapping[str, Sequence[Dot]]) -> tuple[Figure, Axes]:
    """Draw dots under their headings, from top to bottom; a heading without dots, or a dot's empty one, has no line."""
    lines: list[str | Dot] = []
    for heading, dots in sections.items():
        lines += [heading, *_largest(dots)] if heading and dots else _largest(dots)
    figure = new_figure(1.3 + 0.24 * len(lines))
    axes = figure.subplots()
    tidy(axes, title, x)
    for place, line in enumerate(lines):
        if isinstance(line, Dot):
            _draw(axes, place, line)
    _label(axes, lines)
    return figure, axes


def _largest(dots: Sequence[Dot]) -> list[Dot]:
    order = sorted(range(len(dots)), key=lambda place: -dots[place].rows)
    return [dots[place] for place in sorted(order[:GROUPS])]


def _draw(axes: Axes, place: int, dot: Dot) -> None:
    if dot.low is not None and dot.high is not None:
        axes.plot([dot.low, dot.high], [place, place], color=dot.colour, linewidth=2.2, alpha=0.45)
    axes.plot([dot.value], [place], marker="o", markersize=5.5, color=dot.colour, zorder=3)
    _beside(axes, place, f"{dot.rows:,}")


def _label(axes: Axes, lines: Sequence[str | Dot]) -> None:
    axes.set_yticks(range(len(lines)), [word(line.label if isinstance(line, Dot) else line) for line in lines])
    for text, line in zip(axes.get_yticklabels(), lines, strict=True):
        if isinstance(line, str):
            text.set(color=INK, fontweight="bold")
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(lines) - 0.4, -0.6)
    _beside(axes, -1, "rows")


def _beside(axes: Axes, place: float, text: str) -> None:
    axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), va="center", color=FAINT, fontsize=9)
