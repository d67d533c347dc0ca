"""The picture of a replay: the error of each course over the periods, retrainings, and the verdicts below."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cli.replay.result import COURSES, Course, Line, Result
from pipeline.profile.wording import number
from training.evaluation.drawing import BAD, BAR, FAINT, INK, LINE, POINT, SETTINGS, new_figure, tidy, to_svg

_HEIGHT = 4.6  # inches
_DRAWN: dict[Course, dict[str, object]] = {
    "every": {"color": BAR, "linewidth": 3.5, "zorder": 2},
    "frozen": {"color": BAD, "linewidth": 1.4, "linestyle": (0, (4, 2)), "zorder": 5},
    "loop": {"color": POINT, "linewidth": 2.0, "marker": "o", "markersize": 4, "zorder": 4},
}
_VERDICTS = {"healthy": "#5a9e6f", "watch": "#d9a441", "act": "#d98080"}
_LONG = 14  # periods from which on not every one is named


def draw(result: Result) -> bytes:
    """Return the picture as SVG; the same result gives the same bytes."""
    with mpl.rc_context(SETTINGS):
        figure = new_figure(_HEIGHT)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(9, 1))
        _errors(above, result)
        _retrainings(above, result)
        _verdicts(below, result.lines)
        return to_svg(figure)


def _errors(axes: Axes, result: Result) -> None:
    unit = f" ({result.unit})" if result.unit else ""
    tidy(axes, f"Error of {result.target} per period", "", f"mean absolute error{unit}")
    places = np.arange(len(result.lines))
    for course in COURSES:
        errors = [line.errors[course] for line in result.lines]
        label = f"{course}: {number(result.error(course))}"
        axes.plot(places, np.array(errors, dtype=float), label=label, **_DRAWN[course])  # type: ignore[arg-type]
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.6g}"))))
    axes.tick_params(labelbottom=False)


def _retrainings(axes: Axes, result: Result) -> None:
    """Mark what happened at the end of periods, and where the scenario began."""
    styles = {"released": {"color": POINT, "linestyle": "-"}, "refused": {"color": FAINT, "linestyle": ":"}}
    named = set()
    for place, line in enumerate(result.lines):
        if line.retraining:
            label = None if line.retraining in named else f"retrained, {line.retraining}"
            axes.axvline(place + 0.5, linewidth=1.2, label=label, zorder=1, **styles[line.retraining])  # type: ignore[arg-type]
            named.add(line.retraining)
    shifted = [place for place, line in enumerate(result.lines) if line.shifted]
    if shifted:
        label = f"{result.target} times {result.asked.target_shift:g}"
        axes.axvspan(shifted[0] - 0.5, shifted[-1] + 0.5, color=LINE, alpha=0.5, label=label, zorder=0)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, ncols=2, loc="lower left")


def _verdicts(axes: Axes, lines: tuple[Line, ...]) -> None:
    step = -(-len(lines) // _LONG)
    for place, line in enumerate(lines):
        axes.axvspan(place - 0.45, place + 0.45, color=_VERDICTS.get(line.verdict, LINE))
        axes.text(place, 0.5, line.word if step == 1 else line.word[0], color=INK, fontsize=8, ha="center", va="center")
    axes.set_xticks(range(0, len(lines), step), [line.start for line in lines[::step]], rotation=30, ha="right")
    axes.set_yticks([])
    axes.set_xlabel("period, and the verdict at its end", color=FAINT)
    axes.tick_params(colors=FAINT, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
