"""The verdict: a pure function of the contract and the findings."""

from math import sqrt
from typing import Literal

from monitoring.findings import ColumnDrift, Drift, Findings, Performance
from pipeline.contract import Contract
from pipeline.contract.base import Section

Status = Literal["healthy", "watch", "act", "not enough data", "no model"]

MANY_REFUSED = 0.1  # share of refused values from which the clients' side wants a look
_LEAST_GAP = 0.05  # below the nominal coverage; less matters to nobody
_NAMED = 5  # columns that a sentence names


class Verdict(Section):
    """What is to be thought of the served model, and why."""

    status: Status
    reasons: list[str]  # plain sentences, each with its number and limit; the gravest first
    retrain: str | None  # why to train again, or None
    shift: bool = False  # the world has changed: what the model meets, or how wrong it is


def verdict(contract: Contract, findings: Findings) -> Verdict:
    """Judge the findings by the contract's limits.

    Too few answers, or truths, never make a model healthy: then the verdict is "not enough data".
    """
    if findings.version is None:
        reason = "no model is released yet"
        return Verdict(status="no model", reasons=[f"{contract.name}: {reason}."], retrain=reason)
    act, watch, lack = _act(contract, findings), _watch(contract, findings), _lack(contract, findings)
    rows = findings.live.rows if findings.live else 0
    if rows < contract.monitoring.minimum_rows:
        return Verdict(status="not enough data", reasons=lack + act + watch, retrain=None)
    if act:
        return Verdict(status="act", reasons=act + watch + lack, retrain=" ".join(act), shift=True)
    if watch or lack:
        return Verdict(status="watch" if watch else "not enough data", reasons=watch + lack, retrain=None)
    return Verdict(status="healthy", reasons=_good(contract, findings), retrain=None)


def _act(contract: Contract, findings: Findings) -> list[str]:
    limit = contract.monitoring.drifted_share
    reasons = []
    measured = findings.performance
    if measured and measured.truths >= contract.monitoring.minimum_rows and _too_wrong(contract, measured):
        reasons.append(_error_sentence(contract, measured))
    if findings.live and findings.live.share >= limit:
        reasons.append(_share_sentence("live traffic", findings.live, limit))
    return reasons


def _watch(contract: Contract, findings: Findings) -> list[str]:
    limit = contract.monitoring.drifted_share
    reasons = []
    if findings.live and findings.live.changed and findings.live.share < limit:
        reasons.append(_share_sentence("live traffic", findings.live, limit))
    if findings.live:
        reasons += [item.sentence for item in findings.live.quality if item.problem != "unseen"]
    if findings.prediction and findings.prediction.drifted:
        reasons.append(_prediction_sentence(findings.prediction))
    if findings.performance:
        reasons += _coverage_sentence(contract, findings.performance)
    if findings.refusals.share >= MANY_REFUSED:
        reasons.append(_refusal_sentence(findings))
    if findings.new_data and findings.new_data.share >= limit:
        reasons.append(_share_sentence("newly ingested data", findings.new_data, limit))
    return reasons


def _lack(contract: Contract, findings: Findings) -> list[str]:
    least = contract.monitoring.minimum_rows
    answers = findings.live.rows if findings.live else 0
    truths = findings.performance.truths if findings.performance else 0
    days = contract.monitoring.window_days
    if answers < least:
        return [f"{answers} predictions were answered in {days} days; at least {least} are needed to judge."]
    if truths < least:
        return [f"The truth of {truths} of {answers} answers has arrived; the live error is judged from {least} on."]
    return []


def _good(contract: Contract, findings: Findings) -> list[str]:
    drift, measured = findings.live, findings.performance
    reasons = [f"None of {drift.features} columns of live traffic drifted, over {drift.rows} answers."] if drift else []
    return reasons + ([_error_sentence(contract, measured)] if measured else [])


def _too_wrong(contract: Contract, measured: Performance) -> bool:
    return measured.mae is not None and measured.mae > contract.monitoring.error_ratio * measured.held_out_mae


def _error_sentence(contract: Contract, measured: Performance) -> str:
    unit = f" {contract.target.unit}" if contract.target.unit else ""
    ratio = "" if measured.ratio is None else f"{measured.ratio:.2f} times "
    held_out, limit = number(measured.held_out_mae), contract.monitoring.error_ratio
    return (
        f"The live mean absolute error is {number(measured.mae)}{unit} over {measured.truths} truths, {ratio}the "
        f"{held_out}{unit} of the held-out rows (limit: {limit:g} times)."
    )


def _share_sentence(what: str, drift: Drift, limit: float) -> str:
    changed = drift.changed
    named = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else "")
    columns = "column" if len(changed) == 1 else "columns"
    return (
        f"{len(changed)} {columns} of {drift.features} ({drift.share:.0%}) of {what} drifted from the training data "
        f"(to act: {limit:.0%}): {named}."
    )


def _prediction_sentence(drift: ColumnDrift) -> str:
    return (
        f"The predictions lie {drift.distance:.2f} standard deviations (Wasserstein distance) from those on the "
        f"held-out rows (limit: {drift.limit:.2f})."
    )


def _coverage_sentence(contract: Contract, measured: Performance) -> list[str]:
    if measured.coverage is None or measured.truths < contract.monitoring.minimum_rows:
        return []
    chance = 3 * sqrt(measured.nominal * (1 - measured.nominal) / measured.truths)
    least = measured.nominal - max(_LEAST_GAP, chance)
    if measured.coverage >= least:
        return []
    holds = f"{measured.coverage:.1%} of {measured.truths} truths"
    return [f"The interval holds {holds}, and promises {measured.nominal:.0%} (limit: {least:.1%})."]


def _refusal_sentence(findings: Findings) -> str:
    refused = findings.refusals
    worst = max(refused.fields, key=lambda field: sum(refused.fields[field].values()))
    return (
        f"{refused.total} values were refused beside {findings.health.answers} answers ({refused.share:.0%}; "
        f"limit: {MANY_REFUSED:.0%}), most of them of {worst}."
    )


def number(value: float | None) -> str:
    """Write a number for people: thousands apart, and no more digits than they read."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
