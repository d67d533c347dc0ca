"""The live error, and how the service did."""

import numpy as np
import pandas as pd

from monitoring.findings import Health, Performance, Refusals
from monitoring.frames import HIGH, LATENCY_MS, LOW
from pipeline.contract import PREDICTION, Contract


def performance(contract: Contract, live: pd.DataFrame, held_out_mae: float) -> Performance:
    """Measure live predictions, one row each, on the truth that has arrived.

    Args:
        contract: names the target and the coverage that its interval promises.
        live: at least one answer, with prediction, interval and target (missing where it has not arrived).
        held_out_mae: of the served version, in the target's unit.
    """
    judged = live.dropna(subset=[PREDICTION, contract.target.name])
    counted = {
        "truths": len(judged),
        "truth_share": len(judged) / len(live),
        "nominal": contract.training.interval,
        "held_out_mae": held_out_mae,
    }
    if judged.empty:
        return Performance.model_validate(counted)
    truth = judged[contract.target.name].to_numpy(dtype="float64")
    error = judged[PREDICTION].to_numpy(dtype="float64") - truth
    return Performance.model_validate(counted | _errors(error, truth) | {"coverage": _coverage(judged, truth)})


def refusals(fields: dict[str, dict[str, int]], answers: int) -> Refusals:
    """Put refused values, by field and reason, in relation to the answers."""
    total = sum(sum(reasons.values()) for reasons in fields.values())
    return Refusals(total=total, share=total / (total + answers) if total else 0, fields=fields)


def health(live: pd.DataFrame | None) -> Health:
    """Return how many answers there were, and their latency in milliseconds."""
    if live is None or live[LATENCY_MS].isna().all():
        return Health(answers=0 if live is None else len(live), latency_p50_ms=None, latency_p95_ms=None)
    median, late = (float(live[LATENCY_MS].quantile(share)) for share in (0.5, 0.95))
    return Health(answers=len(live), latency_p50_ms=median, latency_p95_ms=late)


def _errors(error: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": 1 - float(np.sum(error**2)) / spread if spread else None,
        "bias": float(np.mean(error)),
    }


def _coverage(judged: pd.DataFrame, truth: np.ndarray) -> float:
    low, high = (judged[name].to_numpy(dtype="float64") for name in (LOW, HIGH))
    return float(np.mean((low <= truth) & (truth <= high)))
