"""Data quality on the page: broken columns, and values that were refused before they could reach the log."""

from monitoring.findings import LIVE, NEW_DATA, Drift, Quality, Refusals
from monitoring.page.parts import Run, anchor, percent, rows_link
from pipeline.page import Markup, joined, paragraph, section, state, subheading, table

_NOTE = (
    "Columns that are absent, new, empty, constant, missing more or less often, or full of words never seen; and "
    "values that were refused, which never reach the log."
)
_IN_REQUESTS = "Refused by the service, in this window"
_IN_BATCHES = "Refused by ingestion, of windows that the served version's data does not have"


def quality_view(run: Run) -> Markup:
    """Return the section."""
    findings = run.findings
    sides = {LIVE: findings.live, NEW_DATA: findings.new_data}
    parts = [part for of, drift in sides.items() if drift for part in _broken(run, of, drift)]
    if not findings.live:
        parts.insert(0, paragraph("No prediction was answered in this window: there are no live columns to look at."))
    parts += _refused(_IN_REQUESTS, "Values", findings.refusals)
    parts += _refused(_IN_BATCHES, "Rows", findings.batch_refusals)
    if findings.live and not findings.refusals.total:
        parts.append(paragraph("The service refused no value in this window."))
    view = "data quality"
    return section("Data quality", *parts, note=_NOTE, anchor=anchor(view), status=run.state("data quality"))


def _broken(run: Run, of: str, drift: Drift) -> list[Markup]:
    title = subheading(f"Columns of {of}, {drift.rows:,} rows")
    if drift.rows < run.contract.monitoring.minimum_rows:
        least = f"{run.contract.monitoring.minimum_rows:,}"
        title = joined(title, paragraph(f"Too few rows to judge them (needed: {least})."))
        if not drift.quality:
            return [title]
    if not drift.quality:
        return [title, paragraph(f"Nothing is wrong with the {drift.features} columns.")]
    head = ("Column", "Problem", "Share of rows", "Limit", "State", "In words", "Rows")
    rows = [_row(run, of, item) for item in drift.quality]
    return [title, table(head, rows, numbers=(2, 3), bad=[not item.note for item in drift.quality])]


def _row(run: Run, of: str, item: Quality) -> tuple[str, ...]:
    share, limit = ("" if value is None else percent(value) for value in (item.value, item.limit))
    shown = state("a note" if item.note else "noticed")
    return item.column, item.problem, share, limit, shown, item.sentence, rows_link(run, of, item.column)


def _refused(title: str, what: str, refusals: Refusals) -> list[Markup]:
    if not refusals.total:
        return []
    head = ("Field", "Reasons", what, "Of all rows", "Limit", "In the training data's batches", "State")
    noticed = {item.field for item in refusals.judged if item.noticed}
    rows = [
        (
            item.field,
            _reasons(refusals.fields.get(item.field, {})),
            f"{item.count:,}",
            percent(item.share, 2),
            percent(item.limit, 2),
            "unknown" if item.known is None else percent(item.known, 2),
            state("noticed" if item.noticed else "as usual"),
        )
        for item in refusals.judged
    ]
    bad = [item.field in noticed for item in refusals.judged]
    return [subheading(title), table(head, rows, numbers=(2, 3, 4, 5), bad=bad)]


def _reasons(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in most)
