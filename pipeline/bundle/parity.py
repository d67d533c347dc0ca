"""Parity: the ONNX model must say what the trained scikit-learn model says, or there is no bundle.

What is far above float32 rounding (about 1e-6) is a row that falls on the other side of a split, or an operator that
was converted wrongly. Which rows show it, see `probes.py`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.encode import Matrix
from pipeline.errors import PipelineError

TOLERANCE = 1e-4
Numbers = NDArray[np.float64]
Predict = Callable[[Matrix], Numbers]


class ParityError(PipelineError):
    """ONNX and scikit-learn disagree: the version must not be registered."""


def relative_difference(expected: Numbers, found: Numbers) -> Numbers:
    """Return |found - expected| / |expected| per row; NaN, which passes no comparison, where one of them is undefined.

    Near zero a relative difference means nothing: the divisor is at least a hundredth of the rows' median size.
    """
    size = np.abs(expected)
    usual = float(np.median(size[np.isfinite(size)])) if np.isfinite(size).any() else 1.0
    with np.errstate(invalid="ignore"):
        difference = np.abs(found - expected) / np.maximum(size, max(usual / 100, 1e-12))
    return np.where(expected == found, 0.0, difference)


def prove_parity(trained: Predict, converted: Predict, rows: Mapping[str, Matrix], names: tuple[str, ...]) -> float:
    """Compare two models on each group of rows and return the largest relative difference.

    Args:
        trained: the scikit-learn model.
        converted: the ONNX model.
        rows: groups of encoded rows, each of shape (n, features), by the name that a message calls them.
        names: the features' names, in order.

    Raises:
        ParityError: above `TOLERANCE`, naming the group, the worst row and both values.
    """
    return max(_compare(trained, converted, group, matrix, names) for group, matrix in rows.items())


def _compare(trained: Predict, converted: Predict, group: str, matrix: Matrix, names: tuple[str, ...]) -> float:
    expected, found = trained(matrix), converted(matrix)
    difference = relative_difference(expected, found)
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    if difference[worst] <= TOLERANCE:
        return float(difference[worst])
    row = ", ".join(f"{name}={value:g}" for name, value in zip(names, matrix[worst], strict=True))
    raise ParityError(
        f"ONNX and scikit-learn disagree: worst at row {worst + 1} of the {group} rows, where ONNX says "
        f"{found[worst]:.10g} and scikit-learn {expected[worst]:.10g} (relative difference {difference[worst]:.2g}, "
        f"allowed {TOLERANCE:g}); the encoded row is {row}. Leave this candidate out of the contract"
    )
