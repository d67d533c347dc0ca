"""Champion and challenger on the same rows, row by row: most of what makes a row hard is then out of the comparison."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.bootstrap import estimate, lower_bound
from pipeline.contract import Contract
from training.gate.decision import Compared
from training.gate.evidence import Evidence, Rival
from training.metrics import error_name

Numbers = NDArray[np.float64]


def gain(champion: Numbers, challenger: Numbers, axis: int = -1) -> Any:
    """Share of the champion's mean error that the challenger saves; not finite where the champion has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - np.mean(challenger, axis=axis) / np.mean(champion, axis=axis)


def worsening(champion: Numbers, challenger: Numbers, axis: int = -1) -> Any:
    """Share of the champion's mean error by which the challenger's is larger: a gain with the other sign."""
    return -gain(champion, challenger, axis)


def compare(contract: Contract, evidence: Evidence, rival: Rival) -> Compared | None:
    """Return both on the rows that decide; None where an error is not defined, or there are none."""
    champion, challenger = rival.errors[evidence.deciding], evidence.errors[evidence.deciding]
    found = estimate(gain, champion, challenger, seed=contract.training.seed)
    if found is None:
        return None
    return Compared(
        champion=rival.version,
        error=error_name(contract),
        deciding="recent" if evidence.shift else "all",
        rows=len(champion),
        champion_error=float(np.mean(champion)),
        challenger_error=float(np.mean(challenger)),
        gain=found,
    )


def bound_of_gain(contract: Contract, evidence: Evidence, rival: Rival) -> float | None:
    """Return what the gain on the deciding rows is at least, at the gate's confidence; None where it is not defined."""
    rows = evidence.deciding
    return lower_bound(
        gain,
        rival.errors[rows],
        evidence.errors[rows],
        confidence=contract.gate.confidence,
        seed=contract.training.seed,
    )


def worsening_on(
    contract: Contract, evidence: Evidence, rival: Rival, rows: NDArray[np.bool_], confidence: float
) -> tuple[float | None, float | None]:
    """Return by which share the error on some rows has grown, and by which it has at least, each None if undefined."""
    champion, challenger = rival.errors[rows], evidence.errors[rows]
    if not len(champion):
        return None, None
    found = float(worsening(champion, challenger))
    least = lower_bound(worsening, champion, challenger, confidence=confidence, seed=contract.training.seed)
    return (found, least) if math.isfinite(found) else (None, None)


def corrected(confidence: float, judgements: int) -> float:
    """Return the confidence at which each of several judgements is made, so that all hold together (Bonferroni)."""
    return 1 - (1 - confidence) / max(judgements, 1)
