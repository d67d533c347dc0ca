"""The live error by group of rows, beside that of the same group among the held-out rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from monitoring.measured import Ends, SliceError
from monitoring.performance.live_errors import Errors
from monitoring.performance.luck import Moments, higher_by_luck, moments_by_group
from pipeline.contract import Contract
from pipeline.slices import slice_codes

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Group:
    """What is known of one group's errors."""

    absolute: Moments
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
    live, known = groups_of(contract, rows, errors), groups_of(contract, held_out, held_out_errors)
    least = max(contract.gate.slice_rows, 2)
    return [_slice(key, group, known.get(key), least) for key, group in live.items()]


def groups_of(contract: Contract, rows: pd.DataFrame, errors: Errors) -> dict[tuple[str, str], Group]:
    """Return what is known of the errors by column and group."""
    if not len(errors):
        return {}
    found: dict[tuple[str, str], Group] = {}
    for column, (codes, names) in slice_codes(contract, rows).items():
        groups, places = np.unique(names, return_inverse=True)
        for name, group in zip(groups, _groups(places[codes], errors, len(groups)), strict=True):
            found |= {(column, str(name)): group} if group.absolute.rows else {}
    return found


def _groups(codes: "np.ndarray[tuple[int], np.dtype[np.intp]]", errors: Errors, groups: int) -> list[Group]:
    divisor = np.maximum(np.bincount(codes, minlength=groups), 1)
    bias = np.bincount(codes, weights=errors.error, minlength=groups) / divisor
    inside = np.zeros(len(codes)) if errors.inside is None else errors.inside
    coverage = np.bincount(codes, weights=inside, minlength=groups) / divisor
    absolute = moments_by_group(codes, errors.absolute, groups)
    return [Group(*one) for one in zip(absolute, bias.tolist(), coverage.tolist(), strict=True)]


def _slice(key: tuple[str, str], live: Group, known: Group | None, least: int) -> SliceError:
    enough = known is not None and min(live.absolute.rows, known.absolute.rows) >= least
    return SliceError(
        column=key[0],
        group=key[1],
        truths=live.absolute.rows,
        mae=live.absolute.mean,
        mae_ends=_ends(live.absolute),
        bias=live.bias,
        coverage=live.coverage,
        held_out_rows=known.absolute.rows if known else 0,
        held_out_mae=known.absolute.mean if known else None,
        chance=higher_by_luck(live.absolute, known.absolute) if known and enough else None,
    )


def _ends(absolute: Moments) -> Ends | None:
    if absolute.rows < 2:
        return None
    t = float(stats.t.ppf((1 + _CONFIDENCE) / 2, absolute.rows - 1))
    half = t * absolute.deviation / np.sqrt(absolute.rows)
    return Ends(low=max(absolute.mean - half, 0.0), high=absolute.mean + half)
