"""Plots with a line for each group: errors and coverage by slice, and importance by feature."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from pipeline.bootstrap import CONFIDENCE, estimate
from pipeline.contract import Contract
from pipeline.profile.wording import word
from pipeline.slices import slice_groups, slice_labels
from training.conformal import covered
from training.data import Part
from training.evaluation.document import Evaluation, Importance
from training.evaluation.dot_plot import Dot, dot_plot
from training.evaluation.drawing import BAD, BAR, INK, POINT, new_figure, tidy
from training.evaluation.readable import amount
from training.metrics import METRICS

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FEATURES = 25
_DASHED = (0, (4, 3))


def slices(contract: Contract, evaluation: Evaluation, part: Part, predicted: Numbers) -> Figure | None:
    """Draw the error of each slice with its interval, beside that of all rows; None where no rows are cut."""
    overall = evaluation.metrics.get(evaluation.error)
    if overall is None or not contract.gate.slices:
        return None
    sections = {
        column: [
            _error(contract, evaluation, column, group, part.target[rows], predicted[rows]) for group, rows in groups
        ]
        for column, groups in _groups(contract, part).items()
    }
    note = (
        f"Error with its 95 % interval: {_error_label(contract, evaluation.error)}\n"
        f"Dashed: all rows. Red: the worst. Pale: fewer than {contract.gate.slice_rows} rows, which do not count"
    )
    figure, axes = dot_plot("Error by slice", note, sections)
    axes.axvline(overall.value, color=INK, linewidth=1, linestyle=_DASHED, zorder=1)
    axes.set_xlim(left=0)
    return figure


def interval_coverage(contract: Contract, evaluation: Evaluation, part: Part, predicted: Numbers) -> Figure:
    """Draw the share of rows inside of the interval: of all, by the size of the prediction, and by slice."""
    level = evaluation.interval.level
    note = (
        f"Share of rows inside of the interval, and how sure it is (95 %)\n"
        f"Dashed: what is promised, {level:.0%}. Red: surely less. Groups of at least {contract.gate.slice_rows} rows"
    )
    figure, axes = dot_plot(
        "Coverage of the prediction interval", note, _coverages(contract, evaluation, part, predicted)
    )
    axes.axvline(level, color=INK, linewidth=1, linestyle=_DASHED, zorder=1)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlim(right=1.01)
    return figure


def importance(contract: Contract, evaluation: Evaluation) -> Figure | None:
    """Draw how much the error grows without each feature, the largest first; None where that is not known."""
    shown: Sequence[Importance] = evaluation.importance[:_FEATURES]
    if not shown:
        return None
    figure = new_figure(1.3 + 0.24 * len(shown))
    axes = figure.subplots()
    note = f"Growth of the {_error_label(contract, evaluation.error)}, when a feature's values are shuffled"
    tidy(axes, "Importance of features", note)
    axes.barh(range(len(shown)), [one.increase for one in shown], height=0.62, color=BAR)
    for place, one in enumerate(shown):
        axes.plot([one.low, one.high], [place, place], color=POINT, linewidth=1.4)
    axes.set_yticks(range(len(shown)), [word(one.feature) for one in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    return figure


def _error_label(contract: Contract, error: str) -> str:
    unit = f" ({contract.target.unit})" if contract.target.unit else ""
    return f"mean absolute error{unit}" if error == "mae" else "mean |log(predicted / true)|"


def _groups(contract: Contract, part: Part) -> dict[str, list[tuple[str, Mask]]]:
    """Return the rows of each group, shape (rows,), by column; empty groups are left out."""
    labels = slice_labels(contract, part.frame)
    return {
        column: [(group, rows) for group in groups if (rows := labels[column] == group).any()]
        for column, groups in slice_groups(contract).items()
    }


def _error(
    contract: Contract, evaluation: Evaluation, column: str, group: str, actual: Numbers, predicted: Numbers
) -> Dot:
    error, worst = METRICS[evaluation.error], evaluation.worst
    found = estimate(error, actual, predicted, seed=contract.training.seed)
    colour = POINT if len(actual) >= contract.gate.slice_rows else BAR
    if worst and (worst.column, worst.group) == (column, group):
        colour = BAD
    low, high = (found.low, found.high) if found else (None, None)
    return Dot(group, len(actual), float(error(actual, predicted)), low, high, colour)


def _coverages(contract: Contract, evaluation: Evaluation, part: Part, predicted: Numbers) -> dict[str, list[Dot]]:
    inside, level = covered(evaluation.interval, part.target, predicted), evaluation.interval.level
    fifths = [rows for rows in np.array_split(np.argsort(predicted, kind="stable"), 5) if len(rows)]
    found = {
        "": [_covered("all rows", inside, level)],
        "by the size of the prediction": [_covered(_span(contract, predicted[r]), inside[r], level) for r in fifths],
    }
    for column, groups in _groups(contract, part).items():
        large = [(group, rows) for group, rows in groups if rows.sum() >= contract.gate.slice_rows]
        found[column] = [_covered(group, inside[rows], level) for group, rows in large]
    return found


def _covered(label: str, inside: Mask, level: float) -> Dot:
    """Return the share with its interval by Wilson; red where that ends below what is promised."""
    rows = len(inside)
    ends = stats.binomtest(int(inside.sum()), rows).proportion_ci(CONFIDENCE, method="wilson")
    low, high = float(ends.low), float(ends.high)
    return Dot(label, rows, float(np.mean(inside)), low, high, BAD if high < level else POINT)


def _span(contract: Contract, predicted: Numbers) -> str:
    return f"{amount(float(predicted.min()))} to {amount(float(predicted.max()), contract.target.unit)}"
