"""The error to expect of answers whose truth is still out.

Rows whose truth is known are weighted so that their predictions lie as those of the rows in question do: cells of the
prediction's level, from quantile to quantile, get the shares that they have there (post-stratification; importance
weighting of covariate shift, Shimodaira 2000, doi:10.1016/S0378-3758(00)00115-4). NannyML's direct loss estimation is
its relative: it fits the error on the features instead, and gives no interval.

It sees that other rows are asked about than before. It cannot see that the target's relation to the features has
changed, unless judged answers, which know of it, are the source; nor that truth arrives for easier rows first.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from monitoring.measured import Ends, Expected
from monitoring.performance.live_errors import Floats

_CELLS = 30  # at most
_LEAST_OF_CELL = 20  # rows of the source
_LEAST = 50  # rows of the source
_LEAST_EFFECTIVE = 30  # rows that the weighted ones amount to
_MOST_BEYOND = 0.1
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Source:
    """Rows whose truth is known, arrays of shape (n,)."""

    prediction: Floats
    absolute: Floats  # error

    def __len__(self) -> int:
        return len(self.prediction)


def expected_error(waiting: Floats, judged: Source, held_out: Source, enough: int) -> Expected | None:
    """Return the mean absolute error to expect of rows without truth; None where there are none.

    Args:
        waiting: their predictions, shape (n,).
        judged: live answers of the same version whose truth has arrived.
        held_out: what is used until there are `enough` of those.
        enough: the rows from which judged answers are believed.
    """
    if not len(waiting):
        return None
    source, name = (judged, "judged answers") if len(judged) >= enough else (held_out, "held-out rows")
    base = Expected.model_validate({"rows": len(waiting), "source": name, "source_rows": len(source)})
    cells = min(_CELLS, len(source) // _LEAST_OF_CELL)
    if len(source) < _LEAST or cells < 2:
        return base.model_copy(update={"silent": f"only {len(source)} rows with their truth are at hand"})
    beyond = _beyond(waiting, source.prediction)
    if beyond > _MOST_BEYOND:
        reason = f"the predictions of {beyond:.0%} of the rows lie beyond all of those whose truth is known"
        return base.model_copy(update={"silent": reason, "beyond": beyond})
    return base.model_copy(update={"beyond": beyond} | _weighted(waiting, source, cells))


def _beyond(waiting: Floats, known: Floats) -> float:
    return float(np.mean((waiting < known.min()) | (waiting > known.max())))


def _weighted(waiting: Floats, source: Source, cells: int) -> dict[str, object]:
    edges = np.unique(np.quantile(source.prediction, np.linspace(0, 1, cells + 1)[1:-1]))
    count, means, squares = _by_cell(np.searchsorted(edges, source.prediction, side="right"), source, len(edges) + 1)
    wanted = np.bincount(np.searchsorted(edges, waiting, side="right"), minlength=len(edges) + 1) / len(waiting)
    effective = _effective(wanted, count)
    if effective < _LEAST_EFFECTIVE or wanted[count < 2].sum() > 0:
        reason = (
            f"too few rows with their truth are like them: they amount to {effective:.0f}, of {_LEAST_EFFECTIVE} needed"
        )
        return {"silent": reason, "effective_rows": effective}
    error = np.sqrt(np.sum(wanted**2 * squares / np.maximum(count, 1)))
    mae = float(wanted @ means)
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, effective - 1) * error)
    return {"mae": mae, "ends": Ends(low=max(mae - half, 0.0), high=mae + half), "effective_rows": effective}


def _by_cell(
    places: "np.ndarray[tuple[int], np.dtype[np.intp]]", source: Source, cells: int
) -> tuple[Floats, Floats, Floats]:
    """Return rows, mean and variance of the absolute error by cell."""
    count = np.bincount(places, minlength=cells).astype(np.float64)
    means = np.bincount(places, weights=source.absolute, minlength=cells) / np.maximum(count, 1)
    around = np.bincount(places, weights=(source.absolute - means[places]) ** 2, minlength=cells)
    return count, means, around / np.maximum(count - 1, 1)


def _effective(wanted: Floats, count: Floats) -> float:
    """Return the effective number of rows of a weighted sample (Kish 1965, Survey Sampling): (sum w)^2 / sum w^2."""
    return float(1 / np.sum(wanted**2 / np.maximum(count, 1)))
