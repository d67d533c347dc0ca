"""The plots of an evaluation, by file name: SVG that any page can hold, the same bytes for the same input."""

import warnings
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.contract import Contract
from training.data import Part
from training.evaluation.document import Evaluation
from training.evaluation.drawing import SETTINGS, to_svg
from training.evaluation.group_plots import importance, interval_coverage, slices
from training.evaluation.scatter_plots import predicted_against_true, residuals

Numbers = NDArray[np.float64]


def plots(contract: Contract, evaluation: Evaluation, part: Part, predicted: Numbers) -> dict[str, bytes]:
    """Return the plots that can be drawn, as SVG: one of slices only where the contract names some.

    Args:
        contract: names the target, its unit and the slices.
        evaluation: of the same rows.
        part: the test rows.
        predicted: their predictions, shape (rows,); rows whose prediction is not finite are left out.
    """
    usable = np.isfinite(predicted)
    if contract.target.transform == "log":
        usable &= predicted > 0
    if not usable.any():
        return {}
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's fonts draw the text, not matplotlib's
        figures = _figures(contract, evaluation, part.take(usable), predicted[usable])
        return {f"{name}.svg": to_svg(figure) for name, figure in figures if figure is not None}


def _figures(
    contract: Contract, evaluation: Evaluation, part: Part, predicted: Numbers
) -> Iterator[tuple[str, Figure | None]]:
    interval = evaluation.interval
    yield "predicted_against_true", predicted_against_true(contract, interval, part.target, predicted)
    yield "residuals", residuals(contract, interval, part.target, predicted)
    yield "slices", slices(contract, evaluation, part, predicted)
    yield "importance", importance(contract, evaluation)
    yield "interval_coverage", interval_coverage(contract, evaluation, part, predicted)
