"""The evidence as Markdown, for the form in Airflow's UI and for the command line."""

from collections.abc import Iterator
from datetime import UTC

from pipeline.contract import Contract
from serving.documents import Estimate
from serving.evidence import Evidence
from serving.markdown import bullets, number, table, text

_SLICES = 12  # that are shown; the document has all
_WINDOWS = 8
_TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R2",
    "mape": "MAPE",
    "mean_abs_log_error": "mean |log error|",
    "rmsle": "RMSLE",
}
_IN_TARGET_UNITS = ("mae", "rmse")


def form(contract: Contract, evidence: Evidence) -> str:
    """Return the whole page: what is proposed, what is live, numbers of both, and what speaks for and against."""
    parts = [
        _opening(evidence),
        *_metrics(contract, evidence),
        *_compared(evidence),
        *_slices(contract, evidence),
        *_gate(evidence),
        *_data(evidence),
        *_watched(evidence),
    ]
    if evidence.missing:
        parts.append("### What could not be had\n\n" + bullets(evidence.missing))
    return "\n\n".join(parts) + "\n"


def _opening(evidence: Evidence) -> str:
    proposed, live = evidence.proposed, evidence.live
    lines = [f"**Proposed: version {proposed.version}**, trained on {proposed.data_version}.{_card(proposed.card)}"]
    if live and live.release:
        since = f"since {live.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        lines.append(
            f"**Live: version {live.release.version}**, trained on {live.release.data_version}, {since}, by "
            f"{text(live.approved_by)}.{_card(live.release.card)}"
        )
    else:
        lines.append("**Live: nothing.** This would be the first version.")
    return "\n\n".join(lines)


def _card(address: str) -> str:
    return f" [Its run and model card]({address})." if address else ""


def _metrics(contract: Contract, evidence: Evidence) -> Iterator[str]:
    mine, its = evidence.challenger, evidence.champion
    if mine is None:
        return
    rows = [
        (_title(contract, name), _estimate(value), *([_estimate(its.metrics.get(name))] if its else []))
        for name, value in mine.metrics.items()
    ]
    yield "### Metrics, with 95 % intervals\n\n" + table(("", *_sides(evidence)), rows)
    if its is None:
        yield f"On {mine.rows:,} test rows."
        return
    yield (
        f"Each on its own test rows ({mine.rows:,} and {its.rows:,}); what decides is the comparison on the same rows."
    )


def _compared(evidence: Evidence) -> Iterator[str]:
    found = evidence.ruling.compared if evidence.ruling else None
    if found is None:
        return
    live = evidence.live.release.version if evidence.live and evidence.live.release else None
    note = "" if found.champion == live else f" **Version {found.champion} is not what is live now.**"
    gain = Estimate(**{side: 100 * value for side, value in found.gain if value is not None})
    yield (
        f"### Against version {found.champion}, on the same {found.rows:,} held-out rows\n\n"
        f"{_TITLES.get(found.error, found.error)} {number(found.challenger_error)} instead of "
        f"{number(found.champion_error)}: a gain of {_estimate(gain, ' %')}.{note}"
    )


def _slices(contract: Contract, evidence: Evidence) -> Iterator[str]:
    mine, its = evidence.challenger, evidence.champion
    if mine is None or not mine.slices:
        return
    error = mine.error
    theirs = {(one.column, one.group): one.metrics.get(error) for one in its.slices} if its else {}
    told = [one for one in mine.slices if one.metrics.get(error) is not None]
    worst = sorted(told, key=lambda one: -one.metrics[error])[:_SLICES]
    rows = [
        (
            f"{one.column}: {one.group}",
            f"{one.rows:,}",
            number(one.metrics[error]),
            *([number(theirs.get((one.column, one.group)))] if its else []),
        )
        for one in worst
    ]
    title = f"### Slices: {_title(contract, error)}, the {len(worst)} largest of {len(mine.slices)}"
    yield f"{title}\n\n" + table(("slice", "rows", *_sides(evidence)), rows)


def _gate(evidence: Evidence) -> Iterator[str]:
    ruling = evidence.ruling
    if ruling is None:
        return
    rules = sorted(ruling.rules, key=lambda rule: rule.passed)
    rows = [("passed" if rule.passed else "**refused**", rule.sentence) for rule in rules]
    yield f"### The gate\n\n{text(ruling.sentence)}\n\n" + table(("verdict", "rule"), rows)


def _data(evidence: Evidence) -> Iterator[str]:
    found, proposed = evidence.data, evidence.proposed
    if found is None:
        live = evidence.live.release.data_version if evidence.live and evidence.live.release else None
        before = {None: "", proposed.data_version: ", as that of what is live"}.get(live, f"; what is live: {live}")
        yield f"### Data\n\nVersion {proposed.data_version}{before}."
        return
    yield (
        f"### Data: {found.before} to {found.after}\n\n{found.rows_before:,} rows, then {found.rows_after:,}: "
        f"{found.added:,} added, {found.corrected:,} corrected, {found.gone:,} gone."
    )
    if not found.same_contract:
        yield "The contract's columns changed in between, so rows cannot be compared."
    windows = [
        (one.window, f"{one.changes.added:,}", f"{one.changes.corrected:,}", f"{one.changes.gone:,}")
        for one in found.windows[-_WINDOWS:]
    ]
    if windows:
        yield table(("window", "added", "corrected", "gone"), windows)
    if found.moves:
        yield "Columns that moved most:\n\n" + bullets(f"{move.column}: {move.text}" for move in found.moves)


def _watched(evidence: Evidence) -> Iterator[str]:
    found = evidence.watched
    if found is None:
        yield "### Monitoring\n\nIt has not run yet."
        return
    of = f"version {found.version}" if found.version else "no version"
    yield f"### Monitoring: {found.status}\n\nOf {of}, up to {found.until} (run {text(found.run)})."
    if found.reasons:
        yield bullets(found.reasons)


def _sides(evidence: Evidence) -> tuple[str, ...]:
    live = evidence.live.release if evidence.live and evidence.champion else None
    return (f"version {evidence.proposed.version}, proposed", *([f"version {live.version}, live"] if live else []))


def _title(contract: Contract, name: str) -> str:
    unit = contract.target.unit if name in _IN_TARGET_UNITS else None
    return f"{_TITLES.get(name, name)}{f', {unit}' if unit else ''}"


def _estimate(found: Estimate | None, unit: str = "") -> str:
    if found is None or found.value is None:
        return "unknown"
    if found.low is None or found.high is None:
        return f"{number(found.value)}{unit}"
    return f"{number(found.value)}{unit} ({number(found.low)} to {number(found.high)})"
