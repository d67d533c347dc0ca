"""The verdict: a pure function of the contract and the findings. It collects what the rules of each view give."""

from collections.abc import Callable
from typing import Literal

from monitoring.findings import Findings
from monitoring.reasons import CHANGES_OF_THE_WORLD, Reason
from monitoring.rules.drift import input_drift, prediction_drift, unchanged
from monitoring.rules.health import system_health
from monitoring.rules.performance import lacking, live_performance
from monitoring.rules.quality import broken, refused
from pipeline.contract import Contract
from pipeline.contract.base import Section

Status = Literal["healthy", "watch", "act", "not enough data", "no model"]
Rule = Callable[[Contract, Findings], list[Reason]]

RULES: tuple[Rule, ...] = (live_performance, input_drift, refused, broken, prediction_drift, system_health, unchanged)

_GRAVITY = {"act": 0, "watch": 1, "note": 2}


class Verdict(Section):
    """What is to be thought of the served model, and why."""

    status: Status
    reasons: list[Reason]  # the gravest first
    shift: bool = False  # the world has changed: what the model meets, or how wrong it is

    @property
    def sentences(self) -> list[str]:
        """The reasons in plain words, the gravest first."""
        return [reason.sentence for reason in self.reasons]


def verdict(contract: Contract, findings: Findings) -> Verdict:
    """Judge the findings by the contract's limits.

    Too few answers, or truths, never make a model healthy: then the verdict is "not enough data". Where too few rows
    were asked for to judge anything, nothing is judged. Refused requests count as asked: where most are refused, few
    answers are no lack of evidence.
    """
    least = contract.monitoring.minimum_rows
    if findings.version is None:
        return _alone("no model", f"{contract.name}: no model is released yet.")
    if findings.asked < least:
        return _alone("not enough data", _too_few(contract, findings), findings.asked, least)
    found = [reason for rule in RULES for reason in rule(contract, findings)]
    lack = [] if findings.answers >= least else [_note(_too_few(contract, findings), findings.answers, least)]
    lack += lacking(contract, findings)
    reasons = sorted([*found, *lack], key=lambda reason: _GRAVITY[reason.severity])  # it keeps the rules' order
    gravest = reasons[0].severity if reasons else "note"
    if gravest == "act":
        shift = any(reason.severity == "act" and reason.view in CHANGES_OF_THE_WORLD for reason in reasons)
        return Verdict(status="act", reasons=reasons, shift=shift)
    if gravest == "watch":
        return Verdict(status="watch", reasons=reasons)
    return Verdict(status="not enough data", reasons=lack) if lack else Verdict(status="healthy", reasons=reasons)


def _too_few(contract: Contract, findings: Findings) -> str:
    least, days = contract.monitoring.minimum_rows, contract.monitoring.window_days
    some = f"{findings.answers} prediction{'' if findings.answers == 1 else 's'}"
    return (
        f"Version {findings.version} answered {some} in {days} days; "
        f"at least {least} are needed to judge (monitoring.minimum_rows)."
    )


def _alone(status: Status, sentence: str, value: int | None = None, limit: int | None = None) -> Verdict:
    return Verdict(status=status, reasons=[_note(sentence, value, limit)])


def _note(sentence: str, value: int | None, limit: int | None) -> Reason:
    return Reason(view="data quality", severity="note", subject="answers", sentence=sentence, value=value, limit=limit)
