"""What the report says, in the order in which it is read: the verdict, the numbers, the columns, Evidently's pages."""

from datetime import UTC, datetime

from monitoring.findings import ColumnDrift, Drift, Findings, Performance
from monitoring.gather import Gathered
from monitoring.verdict import MANY_REFUSED, Verdict, number
from pipeline.contract import Contract
from pipeline.page import Markup, banner, bar, bullets, document, frame, heading, section, state, table

_ADVICE = {
    "healthy": "Nothing to do.",
    "watch": "Nothing is broken yet: look at what is named below, and again at the next run.",
    "act": "A retraining is asked for. Look at the columns below before its model is released.",
    "not enough data": "No judgement yet: it needs more answered predictions, or more of their truth.",
    "no model": "A training is asked for.",
}
_EVIDENTLY = "With the same methods and limits. Columns that are empty or hold one value are not among these."
_IN_REQUESTS = "What the service refused in the window of live traffic."
_IN_BATCHES = "What ingestion refused of windows that the served version's data does not have."
_METHODS = {
    "wasserstein": "Wasserstein distance, in standard deviations",
    "jensenshannon": "Jensen-Shannon distance",
}


def contents(
    contract: Contract, run: str, gathered: Gathered, findings: Findings, verdict: Verdict, pages: dict[str, str]
) -> str:
    """Return the whole page; `pages` are Evidently's own, by what was compared."""
    title = f"{contract.title or contract.name}: monitoring"
    parts = [
        heading(title, f"Run {run}, as of {_time(gathered.until)}. Owner: {contract.owner}."),
        banner(verdict.status, _ADVICE[verdict.status], verdict.reasons),
        section("What was looked at", _looked_at(contract, gathered)),
    ]
    if findings.version is not None:
        parts.append(section("Numbers and their limits", _numbers(contract, findings)))
        parts += _drifts(findings)
    if findings.refusals.total:
        parts.append(section("Refused values", _refusals(findings.refusals.fields, "Values"), note=_IN_REQUESTS))
    if gathered.batch_refusals:
        parts.append(section("Refused rows", _refusals(gathered.batch_refusals, "Rows"), note=_IN_BATCHES))
    parts += [section(f"Evidently: {what}", frame(what, page), note=_EVIDENTLY) for what, page in pages.items()]
    return document(title, parts)


def _looked_at(contract: Contract, gathered: Gathered) -> Markup:
    served = gathered.served
    model = f"{contract.name} version {served.version}, trained on {served.data_version}" if served else "none"
    rows = [
        ("Served model", model),
        ("Newest data", gathered.data_version),
        ("Live traffic", f"{gathered.live_rows:,} answers, {_time(gathered.since)} to {_time(gathered.until)}"),
        ("Reference", f"{gathered.reference_rows:,} rows, the data that the served version was made from"),
        ("New data", f"{gathered.new_data_rows:,} rows that were ingested since"),
    ]
    return table(("", ""), rows if served else rows[:2])


def _numbers(contract: Contract, findings: Findings) -> Markup:
    limits, health = contract.monitoring, findings.health
    rows = [("Predictions answered", f"{health.answers:,}", f"at least {limits.minimum_rows:,}")]
    if findings.live:
        rows.append(("Columns that drifted", f"{findings.live.share:.0%}", f"below {limits.drifted_share:.0%}"))
    if findings.prediction:
        drift = findings.prediction
        rows.append(("Drift of the predictions", f"{drift.distance:.3f}", f"below {drift.limit:.3f}"))
    if findings.performance:
        rows += _errors(contract, findings.performance)
    refused = findings.refusals
    rows += [
        ("Refused values", f"{refused.total:,} ({refused.share:.0%})", f"below {MANY_REFUSED:.0%}"),
        ("Latency, median", _milliseconds(health.latency_p50_ms), ""),
        ("Latency, 95th percentile", _milliseconds(health.latency_p95_ms), ""),
    ]
    return table(("Measure", "Value", "Limit"), rows, numbers=(1,))


def _errors(contract: Contract, measured: Performance) -> list[tuple[str, str, str]]:
    limits, unit = contract.monitoring, f" {contract.target.unit}" if contract.target.unit else ""
    arrived = f"{measured.truths:,} ({measured.truth_share:.0%})"
    most = f"at most {number(limits.error_ratio * measured.held_out_mae)}{unit}"
    return [
        ("Truths that have arrived", arrived, f"at least {limits.minimum_rows:,}"),
        ("Mean absolute error", f"{number(measured.mae)}{unit}", most),
        ("… on the held-out rows", f"{number(measured.held_out_mae)}{unit}", ""),
        ("Root mean squared error", f"{number(measured.rmse)}{unit}", ""),
        ("R²", number(measured.r2), ""),
        ("Bias (prediction minus truth)", f"{number(measured.bias)}{unit}", ""),
        ("Truths within the interval", _percent(measured.coverage), f"promised: {measured.nominal:.0%}"),
    ]


def _drifts(findings: Findings) -> list[Markup]:
    parts = {
        "Live traffic against the training data": findings.live,
        "New data against the training data": findings.new_data,
    }
    return [section(title, *_drift(drift), note=_note(drift)) for title, drift in parts.items() if drift]


def _drift(drift: Drift) -> list[Markup]:
    worst = sorted(drift.columns, key=lambda item: item.distance / item.limit, reverse=True)
    rows = [_column(item) for item in worst]
    head = ("Column", "Distance", "Limit", "Distance over limit", "Measured as", "State")
    columns = table(head, rows, numbers=(1, 2), bad=[item.drifted for item in worst])
    return [bullets(item.sentence for item in drift.quality), columns] if drift.quality else [columns]


def _column(item: ColumnDrift) -> tuple[str, ...]:
    words = state("drifted" if item.drifted else "as before")
    numbers = f"{item.distance:.3f}", f"{item.limit:.3f}"
    return (item.column, *numbers, bar(item.distance / item.limit), _METHODS[item.method], words)


def _note(drift: Drift) -> str:
    return (
        f"{drift.rows:,} rows against {drift.reference_rows:,}. The limit is the contract's, or what chance alone may "
        "reach with so few rows, whichever is more."
    )


def _refusals(fields: dict[str, dict[str, int]], what: str) -> Markup:
    counts = [
        (field, reason.replace("_", " "), f"{count:,}")
        for field, reasons in sorted(fields.items())
        for reason, count in sorted(reasons.items())
    ]
    return table(("Field", "Reason", what), counts, numbers=(2,))


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"


def _milliseconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} ms"
