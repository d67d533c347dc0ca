"""The live error: on the truth that has arrived, by slice and by version, and what to expect of the rest."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from monitoring.frames import VERSION
from monitoring.measured import Bias, Expected, Performance, VersionError
from monitoring.performance.by_slice import by_slice
from monitoring.performance.certainty import difference_of_means, ends_of, ratio_of_means
from monitoring.performance.estimate import Source, expected_error
from monitoring.performance.live_errors import Errors, errors_of, is_relative, judged
from pipeline.contract import PREDICTION, Contract


@dataclass(frozen=True)
class Known:
    """What the live error is compared with."""

    mae: float  # of the served version on its held-out rows, as the release says; in the target's unit
    reference: pd.DataFrame | None = None  # its data; held-out rows carry prediction and truth
    version: int | None = None  # the served one
    others: pd.DataFrame | None = None  # answers of other versions in the window, with their version
    other_mae: dict[int, float] = field(default_factory=dict)  # held-out MAE of these


def performance(contract: Contract, live: pd.DataFrame, known: Known) -> Performance:
    """Measure the served version's predictions, one row each, on the truth that has arrived.

    Args:
        contract: names the target, the slices, and the coverage that the interval promises.
        live: its answers, with prediction, interval and target (missing where it has not arrived).
        known: what it is compared with.
    """
    rows, held_out = judged(contract, live), judged(contract, _held_out(contract, known.reference))
    errors, expected = errors_of(contract, rows), errors_of(contract, held_out)
    return Performance.model_validate(
        {
            "truths": len(rows),
            "truth_share": len(rows) / len(live) if len(live) else 0.0,
            "nominal": contract.training.interval,
            "held_out_mae": known.mae,
            "held_out_rows": len(held_out),
            "versions": _versions(contract, live, known),
            "expected": _expected(contract, live, rows, held_out),
        }
        | (_measured(contract, rows, errors, held_out, expected) if len(rows) else {})
    )


def _held_out(contract: Contract, reference: pd.DataFrame | None) -> pd.DataFrame:
    return pd.DataFrame(columns=[PREDICTION, contract.target.name]) if reference is None else reference


def _measured(
    contract: Contract, rows: pd.DataFrame, errors: Errors, held_out: pd.DataFrame, expected: Errors
) -> dict[str, Any]:
    seed = contract.training.seed
    return _numbers(errors) | {
        "ends": ends_of(errors, seed),
        "growth": ratio_of_means(errors.absolute, expected.absolute, seed),
        "shifted": _bias(contract, errors, expected),
        "slices": by_slice(contract, rows, errors, held_out, expected),
    }


def _numbers(errors: Errors) -> dict[str, float | None]:
    spread = float(np.sum((errors.truth - errors.truth.mean()) ** 2))
    return {
        "mae": float(errors.absolute.mean()),
        "rmse": float(np.sqrt(np.mean(errors.error**2))),
        "r2": 1 - float(np.sum(errors.error**2)) / spread if spread else None,
        "bias": float(errors.error.mean()),
        "coverage": None if errors.inside is None else float(errors.inside.mean()),
    }


def _bias(contract: Contract, errors: Errors, expected: Errors) -> Bias | None:
    change = difference_of_means(errors.scaled, expected.scaled, contract.training.seed)
    if change is None:
        return None
    return Bias(
        relative=is_relative(contract),
        mean=float(np.nanmean(errors.scaled)),
        held_out=float(np.nanmean(expected.scaled)),
        typical=float(np.nanmean(np.abs(expected.scaled))),
        now=float(np.nanmean(np.abs(errors.scaled))),
        change=change,
    )


def _expected(contract: Contract, live: pd.DataFrame, rows: pd.DataFrame, held_out: pd.DataFrame) -> Expected | None:
    waiting = live.loc[live[contract.target.name].isna(), PREDICTION].dropna().to_numpy(dtype=np.float64)
    now, known = (Source(_predictions(side), errors_of(contract, side).absolute) for side in (rows, held_out))
    return expected_error(waiting, now, known, contract.monitoring.minimum_rows)


def _predictions(rows: pd.DataFrame) -> "np.ndarray[tuple[Any, ...], np.dtype[np.float64]]":
    return rows[PREDICTION].to_numpy(dtype=np.float64)


def _versions(contract: Contract, live: pd.DataFrame, known: Known) -> list[VersionError]:
    parts = [] if known.version is None else [_version(contract, known.version, live, known.mae)]
    if known.others is not None:
        for version in known.others[VERSION].unique().tolist():
            rows = known.others[known.others[VERSION] == version]
            parts.append(_version(contract, version, rows, known.other_mae.get(version)))
    return sorted(parts, key=lambda part: -part.version)


def _version(contract: Contract, version: int, live: pd.DataFrame, held_out_mae: float | None) -> VersionError:
    errors = errors_of(contract, judged(contract, live))
    numbers = _numbers(errors) if len(errors) else {}
    measured = {name: numbers.get(name) for name in ("mae", "bias", "coverage")}
    return VersionError(version=version, answers=len(live), truths=len(errors), held_out_mae=held_out_mae, **measured)
