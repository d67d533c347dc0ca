"""Plots with a point for each row: predicted against true values, and residuals."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from numpy.typing import NDArray

from pipeline.bundle.format import Interval
from pipeline.contract import Contract
from training.conformal import covered
from training.evaluation.drawing import (
    BAD,
    BAR,
    FAINT,
    INK,
    POINT,
    drawn_rows,
    new_figure,
    target_axis,
    target_name,
    tidy,
)

Numbers = NDArray[np.float64]

# Ratios of predicted to true values that an axis shows, where they lie close together and where they do not.
_NEAR = (0.5, 2 / 3, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
_FAR = (0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 100.0)


def predicted_against_true(contract: Contract, interval: Interval, actual: Numbers, predicted: Numbers) -> Figure:
    """Draw predictions over true values, both of shape (n,), with the interval around the line where they are equal."""
    figure = new_figure(6.4)
    axes = figure.subplots()
    both = np.concatenate([actual, predicted])
    line = _steps(contract, float(both.min()), float(both.max()))
    low, high = _around(interval, line)
    axes.fill_between(line, low, high, color=BAR, alpha=0.28, linewidth=0, label=f"{interval.level:.0%} interval")
    axes.plot(line, line, color=INK, linewidth=1)
    _points(axes, contract, interval, actual, predicted, actual, predicted)
    target_axis(axes, contract, "xy")
    axes.set(xlim=(line[0], line[-1]), ylim=(line[0], line[-1]))
    tidy(axes, "Predicted against true values", target_name(contract, "True"), target_name(contract, "Predicted"))
    _legend(axes)
    return figure


def residuals(contract: Contract, interval: Interval, actual: Numbers, predicted: Numbers) -> Figure:
    """Draw residuals over predictions, with their histogram; ratios to the true value for a log target."""
    figure = new_figure(5.2)
    axes, side = figure.subplots(1, 2, sharey=True, width_ratios=(6, 1))
    log = contract.target.transform == "log"
    found = predicted / actual if log else predicted - actual
    low, high = (float(end) for end in _around(interval, np.array([1.0 if log else 0.0]))[:, 0])
    axes.axhspan(low, high, color=BAR, alpha=0.28, linewidth=0, label=f"{interval.level:.0%} interval")
    axes.axhline(1.0 if log else 0.0, color=INK, linewidth=1)
    _points(axes, contract, interval, actual, predicted, predicted, found)
    target_axis(axes, contract, "x")
    share = f"Prediction above or below the true {contract.target.name}"
    tidy(
        axes,
        "Residuals",
        target_name(contract, "Predicted"),
        share if log else target_name(contract, "Predicted - true"),
    )
    _legend(axes)
    _histogram(side, found, log)
    if log:
        _ratio_axis(axes, found)
    return figure


def _points(
    axes: Axes, contract: Contract, interval: Interval, actual: Numbers, predicted: Numbers, x: Numbers, y: Numbers
) -> None:
    rows = drawn_rows(np.arange(len(actual)), contract.training.seed)
    inside = covered(interval, actual, predicted)[rows]
    for chosen, colour, label in ((inside, POINT, "inside"), (~inside, BAD, "outside")):
        places = rows[chosen]
        axes.scatter(x[places], y[places], s=11, color=colour, alpha=0.6, linewidths=0, label=label)


def _around(interval: Interval, values: Numbers) -> Numbers:
    """Return the ends of the interval around values, shape (2, n)."""
    half = interval.half_width
    if interval.scale == "log":
        return np.stack([values * math.exp(-half), values * math.exp(half)])
    return np.stack([values - half, values + half])


def _steps(contract: Contract, low: float, high: float) -> Numbers:
    if contract.target.transform == "log":
        return np.geomspace(low / 1.05, high * 1.05, 100)
    apart = 0.03 * (high - low) or 1.0
    return np.linspace(low - apart, high + apart, 100)


def _legend(axes: Axes) -> None:
    axes.legend(
        frameon=False,
        labelcolor=FAINT,
        ncols=4,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        handletextpad=0.5,
        columnspacing=1.4,
    )


def _histogram(axes: Axes, found: Numbers, log: bool) -> None:
    low, high = float(found.min()), float(found.max())
    bins = np.geomspace(low, high, 41).tolist() if log and low < high else 40
    axes.hist(found, bins=bins, orientation="horizontal", color=BAR)
    tidy(axes, "", "Rows")


def _ratio_axis(axes: Axes, found: Numbers) -> None:
    wide = float(found.max() / found.min()) > 6
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(_FAR if wide else _NEAR))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio - 1:+.0%}" if ratio != 1 else "0%"))
