"""Rules of data quality: broken columns, and values that were refused."""

from monitoring.findings import Drift, Findings, Quality, Refusals, RefusedField
from monitoring.reasons import Reason, Severity
from pipeline.contract import Contract


def broken(contract: Contract, findings: Findings) -> list[Reason]:
    """Judge columns of live traffic and of newly ingested data that are empty, new, constant, missing or strange."""
    least = contract.monitoring.minimum_rows
    return [
        *_broken(findings.live, "Live traffic", least),
        *_broken(findings.new_data, "Newly ingested data", least),
    ]


def refused(contract: Contract, findings: Findings) -> list[Reason]:
    """Judge fields of requests that were refused more often than by accident, and fields of batches likewise."""
    return [
        *_refused(contract, findings.refusals, "values of requests", "answered"),
        *_refused(contract, findings.batch_refusals, "rows of ingested batches", "accepted"),
    ]


def _broken(drift: Drift | None, what: str, least: int) -> list[Reason]:
    if drift is None or drift.rows < least:
        return []
    return [_quality(item, what) for item in drift.quality]


def _quality(item: Quality, what: str) -> Reason:
    return Reason(
        view="data quality",
        severity="note" if item.note else "watch",
        subject=item.column,
        sentence=f"{what}: {item.sentence}",
        value=item.value,
        limit=item.limit,
    )


def _refused(contract: Contract, refusals: Refusals, what: str, otherwise: str) -> list[Reason]:
    if refusals.rows < contract.monitoring.minimum_rows:
        return []
    return [_field(contract, item, refusals, what, otherwise) for item in refusals.judged if item.noticed]


def _field(contract: Contract, item: RefusedField, refusals: Refusals, what: str, otherwise: str) -> Reason:
    """A field that many are refused for asks to act in requests: they get no answer. A batch waits in quarantine."""
    reasons = sorted(refusals.fields[item.field].items(), key=lambda of: -of[1])
    why = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in reasons)
    known = "" if item.known is None else f", {item.known:.1%} in the batches of the training data"
    many = otherwise == "answered" and item.share >= contract.monitoring.drifted_share
    severity: Severity = "act" if many else "watch"
    sentence = (
        f"{item.count:,} {what} were refused for {item.field} ({why}) beside {refusals.rows - item.count:,} that were "
        f"{otherwise}: {item.share:.1%} (limit: {item.limit:.1%}{known})."
    )
    return Reason(
        view="data quality",
        severity=severity,
        subject=item.field,
        sentence=sentence,
        value=item.share,
        limit=item.limit,
    )
