"""What somebody should be told of: conditions, as one run finds them."""

from collections.abc import Iterable

from monitoring.measured import Service
from monitoring.reasons import Reason, Severity, View
from monitoring.retraining.past import Past
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section

UNJUDGED = "not enough data"
SERVICE = "service"
_RUN = "run of "  # how the key of a failed DAG begins
_TOLD_APART = ("service", "readiness")  # subjects of system health that the condition `service` is about
_GRAVITY = ("note", "watch", "act")
VIEWS: tuple[View, ...] = ("data quality", "input drift", "prediction drift", "live performance", "system health")


class Condition(Section):
    """Something that is wrong. It is the same one as long as its key is."""

    key: str
    severity: Severity
    subjects: tuple[str, ...] = ()  # columns, slices, routes; one more of them is a change
    sentence: str
    value: float | None = None
    limit: float | None = None

    def changed_from(self, before: "Condition") -> bool:
        """Whether this is more than what is known: of another severity, or about something else as well."""
        return self.severity != before.severity or not set(self.subjects) <= set(before.subjects)


def of_verdict(contract: Contract, verdict: Verdict, past: Past) -> list[Condition]:
    """Return one condition for each view that is grave enough, and one where nothing could be judged for long."""
    least = _GRAVITY.index(contract.monitoring.alerts.least)
    grave = [
        reason for reason in verdict.reasons if _GRAVITY.index(reason.severity) >= least and not _told_apart(reason)
    ]
    found = [_of_view(view, [one for one in grave if one.view == view]) for view in VIEWS]
    return [one for one in found if one is not None] + _unjudged(contract, verdict, past)


def of_service(service: Service | None) -> list[Condition]:
    """Return a condition where the service was asked and is not ready to predict."""
    if service is None or service.ready:
        return []
    why = service.silent or service.not_ready or "it is not ready"
    return [Condition(key=SERVICE, severity="act", sentence=f"The service at {service.uri} does not predict: {why}.")]


def of_failed_run(kind: str, task: str, error: str) -> Condition:
    """Return the condition of a DAG whose last run failed.

    Args:
        kind: such as `model_training`.
        task: that failed.
        error: what it said.
    """
    return Condition(key=run_key_of(kind), severity="act", subjects=(task,), sentence=f"{kind}: {task} failed: {error}")


def run_key_of(kind: str) -> str:
    """Return the key of the condition that a DAG's last run failed."""
    return f"{_RUN}{kind}"


def judged_by(verdict: Verdict, service: Service | None) -> frozenset[str]:
    """Return the keys that a run can call gone: without enough data no view is judged, nor a service unasked."""
    asked = frozenset({SERVICE}) if service else frozenset[str]()
    return asked if verdict.status in (UNJUDGED, "no model") else asked | {UNJUDGED, *VIEWS}


def _told_apart(reason: Reason) -> bool:
    return reason.view == "system health" and reason.subject in _TOLD_APART


def _of_view(view: View, reasons: Iterable[Reason]) -> Condition | None:
    named = sorted(reasons, key=lambda reason: -_GRAVITY.index(reason.severity))
    if not named:
        return None
    first = named[0]
    return Condition(
        key=view,
        severity=first.severity,
        subjects=tuple(sorted({reason.subject for reason in named})),
        sentence=" ".join(reason.sentence for reason in named),
        value=first.value,
        limit=first.limit,
    )


def _unjudged(contract: Contract, verdict: Verdict, past: Past) -> list[Condition]:
    """Windows in a row that could not be judged, this one last."""
    limit = contract.monitoring.alerts.unjudged_windows
    if verdict.status != UNJUDGED:
        return []
    row = 1
    for window in reversed(past.windows):
        if window.status != UNJUDGED:
            break
        row += 1
    if row < limit:
        return []
    sentence = f"{row} runs of monitoring in a row had not enough data to judge the model (limit: {limit})."
    return [Condition(key=UNJUDGED, severity="watch", sentence=sentence, value=row, limit=limit)]
