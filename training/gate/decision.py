"""What the gate decided, with all that it found; stored as `decision.json` beside the model."""

from typing import Literal

from pipeline.bootstrap import Estimate
from pipeline.contract.base import Section
from training.errors import GateRefused
from training.rules import Rule

DECISION = "decision.json"
WAY_OUT = "What to do stands in docs/training.md, under: When the gate refuses."
REFUSED = "Refused"  # how the sentence of a refused challenger begins


class Compared(Section):
    """Champion and challenger on the same held-out rows, which neither was fitted on."""

    champion: int  # the version that Git says is live
    error: str  # the metric: mean_abs_log_error or mae
    deciding: Literal["all", "recent"]  # recent: where monitoring has found a shift
    rows: int  # that decide
    champion_error: float
    challenger_error: float
    gain: Estimate  # (champion's error - challenger's) / champion's error, on the rows that decide


class Decision(Section):
    """The gate's verdict with all its rules; `sentence` is for people."""

    passed: bool
    rules: list[Rule]
    sentence: str  # of a refused challenger: which rules refused it, and by how much
    compared: Compared | None  # None for the first model


def require(decision: Decision) -> None:
    """Raise GateRefused, with the decision's sentence and a note on where the way out stands, unless it passed."""
    if not decision.passed:
        refusal = GateRefused(decision.sentence)
        refusal.add_note(WAY_OUT)
        raise refusal
