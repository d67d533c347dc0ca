"""The top of the page: the verdict with its reasons, the numbers seen first, and what to do next."""

from collections.abc import Iterator

from monitoring.page.parts import VIEWS, Run, anchor, percent, time
from monitoring.readable import number
from monitoring.reasons import Reason
from pipeline.page import (
    Markup,
    banner,
    bullets,
    chip,
    code,
    folded,
    heading,
    joined,
    link,
    section,
    table,
    tiles,
    unbroken,
)

_ADVICE = {
    "healthy": "Nothing to do.",
    "watch": "Nothing is broken yet, and something is worth a look before the next run.",
    "act": "Something is wrong that does not mend itself.",
    "not enough data": "No judgement: too few answers, or too little of their truth. That is not healthy either.",
    "no model": "Git names no model that is live, so there is nothing to compare.",
}
_TODO = {
    "data quality": "Ask whoever sends the named columns or fields what changed there: a broken column is repaired, "
    "not learnt.",
    "input drift": "See whether the named columns moved because the world did, or because somebody sends them "
    "differently. The first is learnt from new data, the second repaired.",
    "prediction drift": "The model says other things than before. With drifted inputs that is to be expected; without "
    "them, look at the version in service.",
    "live performance": "Look at the slices and at the rows with the largest errors: is it all rows or some, and do "
    "truths arrive that belong to other predictions?",
    "system health": "Look at the service and at its log. A retraining does not help.",
}
_BY_HAND = (
    "By hand: {model}.model_training trains, {model}.model_deployment rolls back to an earlier version, and "
    "{model}.alert_dismissal keeps an alert silent. The alert links to their forms, filled in."
)
_FIRST_REASONS = 8  # of the gravest; the others are folded
_SHARES = {("input drift", "columns"), ("live performance", "interval"), ("system health", "failed requests")}


def top(run: Run) -> list[Markup]:
    """Return the title, the verdict, its reasons, tiles, and what to do next."""
    contract, gathered, served = run.contract, run.gathered, run.gathered.served
    window = f"{time(gathered.since)} to {time(gathered.until)}"
    model = f"Version {served.version}, trained on {served.data_version}. " if served else ""
    parts = [
        heading(f"{contract.title or contract.name}: monitoring", f"{window}. {model}Owner: {contract.owner}."),
        banner(run.verdict.status, _ADVICE[run.verdict.status], _headline(run)),
    ]
    if run.findings.version is not None:
        parts.append(tiles(_tiles(run)))
    parts += [*_reasons(run), section("What to do next", bullets(_next(run)), anchor="next")]
    return parts


def _headline(run: Run) -> list[str]:
    """Say in one line what the reasons are about; where nothing could be judged, why."""
    if run.verdict.status in ("not enough data", "no model"):
        return run.verdict.sentences
    grave = {view: [one for one in run.verdict.reasons if one.view == view] for view in VIEWS}
    lines = []
    for severity in ("act", "watch"):
        for view, reasons in grave.items():
            subjects = list(dict.fromkeys(one.subject for one in reasons if one.severity == severity))
            if subjects:
                more = f" and {len(subjects) - 4} more" if len(subjects) > 4 else ""
                lines.append(f"{severity.capitalize()}: {view} ({', '.join(subjects[:4])}{more}).")
    return lines or run.verdict.sentences


def _reasons(run: Run) -> list[Markup]:
    reasons = run.verdict.reasons
    if run.verdict.status == "no model" or not reasons:
        return []
    rows = [_reason(reason) for reason in reasons]
    bad = [reason.severity == "act" for reason in reasons]
    parts = [_table(rows[:_FIRST_REASONS], bad)]
    if rows[_FIRST_REASONS:]:
        rest = rows[_FIRST_REASONS:]
        parts.append(folded(f"{len(rest)} more", _table(rest, bad[_FIRST_REASONS:])))
    return [section("Why", *parts, anchor="why")]


def _table(rows: list[tuple[str, ...]], bad: list[bool]) -> Markup:
    return table(("View", "What was noticed", "Value", "Limit"), rows, numbers=(2, 3), bad=bad)


def _reason(reason: Reason) -> tuple[str, ...]:
    shown = link(reason.view, f"#{anchor(reason.view)}")
    return (
        joined(chip(reason.severity), unbroken(shown)),
        reason.sentence,
        _value(reason, reason.value),
        _value(reason, reason.limit),
    )


def _value(reason: Reason, value: float | None) -> str:
    """Write a reason's number: shares of rows in percent, all else as it is."""
    if value is None:
        return ""
    counted = reason.subject == "answers"
    share = (reason.view == "data quality" and not counted) or (reason.view, reason.subject) in _SHARES
    return percent(value) if share else number(value)


def _tiles(run: Run) -> Iterator[tuple[str, str, str]]:
    findings, health, limits = run.findings, run.findings.health, run.contract.monitoring
    yield "Answers", f"{health.answers:,}", f"judged from {limits.minimum_rows:,}; {number(health.per_hour)} an hour"
    if findings.live:
        changed = f"{len(findings.live.changed)} of {findings.live.features}"
        yield "Columns that changed", changed, f"{percent(findings.live.share, 0)}; to act: {limits.drifted_share:.0%}"
    measured = findings.performance
    if measured and measured.mae is not None:
        most = run.amount(limits.error_ratio * measured.held_out_mae)
        yield (
            "Live error (MAE)",
            run.amount(measured.mae),
            f"held-out {run.amount(measured.held_out_mae)}; limit {most}",
        )
    if measured and measured.coverage is not None:
        yield "Within the interval", percent(measured.coverage), f"promised {measured.nominal:.0%}"
    if measured:
        yield (
            "Truth that has arrived",
            percent(measured.truth_share, 0),
            f"{measured.truths:,} of {findings.answers:,} answers",
        )
    service = health.service
    if service:
        said = "silent" if service.silent else "none" if service.version is None else f"version {service.version}"
        yield "In service", said, f"Git says version {health.released}"


def _next(run: Run) -> Iterator[Markup]:
    for view in sorted(VIEWS, key=lambda one: run.state(one) != "act"):  # the gravest first
        state = run.state(view)
        if state in ("act", "watch"):
            yield joined(
                chip(state), link(view, f"#{anchor(view)}"), _TODO[view], *_guide(run, view), *_silent(run, view)
            )
    if run.decision:
        asked = "A retraining is asked for." if run.decision.asked else ""
        yield joined(asked, run.decision.reason, link("Its conditions and guards", "#retraining"))
    if run.verdict.status == "healthy":
        yield joined("Nothing else. The next run looks again.")
    if run.verdict.status == "not enough data":
        days = run.contract.monitoring.window_days
        yield joined(f"Send more predictions and their truth, or lengthen the window ({days} days) in the contract.")
    if run.verdict.status in ("watch", "act"):
        yield joined(_BY_HAND.format(model=run.contract.name))


def _guide(run: Run, view: str) -> list[Markup]:
    address = run.runbook.get(view, "")
    if address.startswith("file:"):  # a page that comes from elsewhere may not lead to files
        return [joined("Runbook:", code(address.rpartition("/")[2]))]
    return [link("Runbook", address)] if address else []


def _silent(run: Run, view: str) -> list[str]:
    return [f"(Nobody is told again: {run.dismissed[view]})"] if view in run.dismissed else []
