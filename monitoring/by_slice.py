"""The live error by group of rows, beside that of the same group among the held-out rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from monitoring.live_errors import Errors, Floats
from monitoring.measured import Ends, SliceError
from pipeline.contract import Contract
from pipeline.slices import slice_codes

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Moments:
    """What is known of one group's errors."""

    rows: int
    mae: float
    spread: float  # standard deviation of the absolute error (n - 1)
    bias: float
    coverage: float


def by_slice(
    contract: Contract, rows: pd.DataFrame, errors: Errors, held_out: pd.DataFrame, held_out_errors: Errors
) -> list[SliceError]:
    """Return the error of each group that has a truth, in the order of the contract's slices, then by name.

    Args:
        contract: its `gate.slices` say how rows are cut, and `gate.slice_rows` which groups count.
        rows: live answers whose truth is known.
        errors: of these.
        held_out: the reference's rows with prediction and truth.
        held_out_errors: of these.
    """
    live, known = moments_by_group(contract, rows, errors), moments_by_group(contract, held_out, held_out_errors)
    least = max(contract.gate.slice_rows, 2)
    return [_slice(key, moments, known.get(key), least) for key, moments in live.items()]


def moments_by_group(contract: Contract, rows: pd.DataFrame, errors: Errors) -> dict[tuple[str, str], Moments]:
    """Return the moments of the absolute error by column and group."""
    if not len(errors):
        return {}
    found: dict[tuple[str, str], Moments] = {}
    for column, (codes, names) in slice_codes(contract, rows).items():
        groups, places = np.unique(names, return_inverse=True)
        found |= {(column, str(groups[place])): one for place, one in _moments(places[codes], errors, len(groups))}
    return found


def _moments(
    codes: "np.ndarray[tuple[int], np.dtype[np.intp]]", errors: Errors, groups: int
) -> list[tuple[int, Moments]]:
    def total(column: Floats) -> Floats:
        return np.bincount(codes, weights=column, minlength=groups).astype(np.float64)

    count = np.bincount(codes, minlength=groups)
    divisor = np.maximum(count, 1)
    mae = total(errors.absolute) / divisor
    around = total((errors.absolute - mae[codes]) ** 2)
    spread = np.sqrt(around / np.maximum(count - 1, 1))
    bias = total(errors.error) / divisor
    coverage = np.zeros(groups) if errors.inside is None else total(errors.inside) / divisor
    return [
        (place, Moments(int(count[place]), *(float(part[place]) for part in (mae, spread, bias, coverage))))
        for place in np.flatnonzero(count).tolist()
    ]


def _slice(key: tuple[str, str], live: Moments, known: Moments | None, least: int) -> SliceError:
    enough = known is not None and min(live.rows, known.rows) >= least
    return SliceError(
        column=key[0],
        group=key[1],
        truths=live.rows,
        mae=live.mae,
        mae_ends=_ends(live),
        bias=live.bias,
        coverage=live.coverage,
        held_out_rows=known.rows if known else 0,
        held_out_mae=known.mae if known else None,
        chance=_chance(live, known) if known and enough else None,
    )


def _ends(moments: Moments) -> Ends | None:
    if moments.rows < 2:
        return None
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, moments.rows - 1)) * moments.spread / np.sqrt(moments.rows)
    return Ends(low=max(moments.mae - half, 0.0), high=moments.mae + half)


def _chance(live: Moments, known: Moments) -> float:
    """Return how likely it is that the error is so much higher by luck (Welch 1947, doi:10.2307/2332510)."""
    if not live.spread and not known.spread:  # all errors are equal: there is no luck in them
        return float(live.mae <= known.mae)
    sides = (live.mae, live.spread, live.rows, known.mae, known.spread, known.rows)
    return float(stats.ttest_ind_from_stats(*sides, equal_var=False, alternative="greater").pvalue)
