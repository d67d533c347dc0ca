"""What the report of a batch says, in the order in which it is read: the outcome, what was refused, what came in."""

from collections.abc import Iterator, Sequence

from ingestion.column_tables import column_tables
from ingestion.files import BatchReport
from ingestion.published import PublishedReport
from pipeline.contract import Contract
from pipeline.page import Markup, banner, bar, bullets, code, document, folded, heading, section, table, tiles
from pipeline.profile.wording import share
from pipeline.profile.wording import word as shortened

_REASONS = {
    "unreadable": "line cannot be read",
    "missing_column": "column is not there",
    "missing": "empty",
    "type": "of the wrong type",
    "range": "out of range",
    "category": "unknown word",
    "duplicate": "the same row again",
    "conflict": "one key, different rows",
}
_FIRST_MOVES = 10  # of the largest; the others are folded


def contents(contract: Contract, report: BatchReport, quarantine: str) -> str:
    """Return the whole page; `quarantine` is the address of the file with the refused rows, or empty."""
    title = f"{contract.title or contract.name}: batch {report.window}"
    parts = [
        heading(title, f"From {report.source}. Run {report.run}. Owner: {contract.owner}."),
        _outcome(report),
        tiles(_counts(report)),
        section("Refused rows", *_refused(report), note=_REFUSED if report.refused else ""),
        *_quarantine(quarantine),
        *_words(report),
        section("Rows that stand twice", bullets(_twice(contract, report))),
        *_difference(report),
        *column_tables(contract, report),
        section("Where the batch came from", _origin(report)),
    ]
    return document(title, parts)


_REFUSED = "A row may have several reasons, so these counts may add up to more than the rows in quarantine."


def _outcome(report: BatchReport) -> Markup:
    if report.published is False:
        return banner("refused", "Nothing was published.", _why_refused(report))
    rest = f", {report.quarantined:,} are in quarantine" if report.quarantined else ""
    rows = f"{report.accepted:,} of {report.rows:,} rows were accepted{rest}."
    if not isinstance(report, PublishedReport):
        return banner("accepted", "Not yet published.", [rows])
    if not report.created:
        return banner("published", f"before, as {report.version}.", ["The same rows again: no new version was made."])
    return banner("published", f"as {report.version}.", [rows])


def _why_refused(report: BatchReport) -> list[str]:
    absent = [field for field, reasons in report.refused.items() if "missing_column" in reasons]
    if absent:
        return [f"The batch has no column {name}." for name in absent]
    if not report.accepted:
        return ["No row keeps the contract."]
    return [f"{share(_share(report))} of the rows break the contract; its limit is {share(report.limit)}."]


def _counts(report: BatchReport) -> list[tuple[str, str, str]]:
    refused, limit = _share(report), share(report.limit)
    cards = [
        ("Rows in", f"{report.rows:,}", f"window {report.window}"),
        ("Accepted", f"{report.accepted:,}", f"{share(1 - refused)} of the rows" if report.rows else ""),
        ("Quarantined", f"{report.quarantined:,}", f"{share(refused)} of the rows; limit {limit}"),
    ]
    if isinstance(report, PublishedReport) and report.changes:
        added, corrected, gone = report.changes.added, report.changes.corrected, report.changes.gone
        since = f"against {report.before}" if report.before else "the first version"
        cards.append(("Added / corrected / gone", f"{added:,} / {corrected:,} / {gone:,}", since))
    return cards


def _share(report: BatchReport) -> float:
    return report.quarantined / report.rows if report.rows else 0.0


def _refused(report: BatchReport) -> list[Markup]:
    if not report.refused:
        return [bullets(["Every row keeps the contract."])]
    found = [(field, reason, rows) for field, reasons in report.refused.items() for reason, rows in reasons.items()]
    said = _messages(report, [field for field, _, _ in found])
    lines = [
        (field, _REASONS.get(reason, reason), f"{rows:,}", share(rows / report.rows) if report.rows else "", message)
        for (field, reason, rows), message in zip(found, said, strict=True)
    ]
    return [table(("Field", "Reason", "Rows", "Of the batch", "For example"), lines, numbers=(2, 3))]


def _messages(report: BatchReport, fields: list[str]) -> list[str]:
    """Return what is said of each field and reason, without the field's name, which stands beside it."""
    if len(report.messages) != len(fields):
        return [""] * len(fields)
    return [said.removeprefix(f"{field}: ") for field, said in zip(fields, report.messages, strict=True)]


def _quarantine(address: str) -> list[Markup]:
    if not address:
        return []
    lines = [
        ("What it holds", "One line for each refused row: its file, its position in it, every reason, and its cells."),
        ("As CSV", "In Airflow, at the top of the run's Report tab."),
        ("As Parquet", code(address)),
    ]
    return [section("Quarantine", table(("", ""), lines))]


def _words(report: BatchReport) -> list[Markup]:
    lines = []
    for column, words in report.unknown_words.items():
        others = report.unknown_word_rows.get(column, sum(words.values())) - sum(words.values())
        lines += [(column, shortened(word, 80), f"{rows:,}") for word, rows in words.items()]
        lines += [(column, "(others)", f"{others:,}")] if others > 0 else []
    note = "The contract does not list them, but leaves the list open: a model knows nothing of them yet."
    return [section("New words", table(("Column", "Word", "Rows"), lines, numbers=(2,)), note=note)] if lines else []


def _twice(contract: Contract, report: BatchReport) -> Iterator[str]:
    again, at_odds = (sum(reasons.get(one, 0) for reasons in report.refused.values()) for one in _TWICE)
    if not contract.key:
        yield f"Without a key, rows may repeat: {report.repeated_rows:,} rows stand more than once. They are kept."
        return
    key = ", ".join(contract.key)
    yield f"The same row again, of one {key}: {again:,} rows. The first is kept, the others are in quarantine."
    yield f"One {key}, but different rows: {at_odds:,} rows. None is kept, since nobody knows which is right."


_TWICE = ("duplicate", "conflict")


def _difference(report: BatchReport) -> list[Markup]:
    if not isinstance(report, PublishedReport) or report.changes is None or report.before is None:
        return []
    changes = report.changes
    counts = f"{changes.added:,} rows added, {changes.corrected:,} corrected, {changes.gone:,} gone."
    lines = [(move.column, move.text.replace("->", "→"), bar(move.size)) for move in changes.moves]
    parts = [_moves(lines[:_FIRST_MOVES])] if lines else [bullets(["No column moved."])]
    if lines[_FIRST_MOVES:]:
        parts.append(folded(f"{len(lines) - _FIRST_MOVES} smaller moves", _moves(lines[_FIRST_MOVES:])))
    return [section(f"What {report.version} changes against {report.before}", *parts, note=counts)]


def _moves(lines: Sequence[Sequence[str]]) -> Markup:
    return table(("Column", "How it moved", "Size of the move"), lines)


def _origin(report: BatchReport) -> Markup:
    ignored = ", ".join(report.ignored_columns) or "none"
    lines = [
        ("Source", report.source),
        ("Window", report.window),
        ("Run", report.run),
        ("Columns that the contract does not name", ignored),
    ]
    return table(("", ""), lines)
