"""What `mlops data` shows of data versions, as tables and lines for people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from cli.console import table

if TYPE_CHECKING:  # pandas and DVC come with them, which a command that fails early need not wait for
    from pipeline.data_profile import ColumnProfile, Move, Profile
    from pipeline.data_versions import VersionNote

_WHAT = {"major": "new contract", "minor": "new window", "patch": "corrected"}
_MOST_FREQUENT = 3
Part = Table | str


def versions(model: str, notes: "Iterable[VersionNote]") -> Table:
    """Return the table of all versions."""
    rows = [
        (note.version, note.rows, _WHAT[note.kind], note.window, _moment(note.published), note.source) for note in notes
    ]
    columns = ("version", "rows", "what", "window", "published", "source")
    return table(f"{model}: data versions", columns, rows)


def version(model: str, note: "VersionNote") -> Iterator[Part]:
    """Give what there is to say of one version."""
    facts = {
        "what": f"{_WHAT[note.kind]}, {note.window_rows:,} rows",
        "source": note.source,
        "window": note.window,
        "rows": f"{note.rows:,}",
        "checksum": note.checksum,
        "code commit": note.code_commit,
        "contract hash": note.data_hash,
        "run": note.windows[note.window].run or "not noted",
        "published": note.published,
    }
    yield table(f"{model} {note.version}", ("", ""), facts.items())
    yield _windows(note)
    if note.profile:
        yield _columns(note.profile)
    yield from _quarantined(note)
    yield from _changes(note)


def report_lines(note: "VersionNote", report: Mapping[str, Any] | None) -> Iterator[str]:
    """Give the lines of the stored report on the version's batch."""
    if report is None:
        yield f"no report was stored with window {note.window} of {note.version}"
        return
    rows, quarantined = report.get("rows", note.window_rows), report.get("quarantined", 0)
    yield f"report on window {note.window}: {rows:,} rows in, {quarantined:,} quarantined"
    yield from (f"  {line}" for line in report.get("messages") or ["nothing was refused"])


def _windows(note: "VersionNote") -> Table:
    rows = [
        (name, one.rows, sum(_rows_refused(one.refused)), _moment(one.published), one.source, one.checksum[:12])
        for name, one in note.windows.items()
    ]
    return table("windows", ("window", "rows", "refusals", "published", "source", "checksum"), rows)


def _rows_refused(refused: Mapping[str, Mapping[str, int]]) -> Iterator[int]:
    return (rows for reasons in refused.values() for rows in reasons.values())


def _columns(profile: "Profile") -> Table:
    rows = [(name, column.rows, *_described(column)) for name, column in profile.columns.items()]
    return table("columns", ("column", "rows", "missing", "from", "to", "mean", "deviation", "most frequent"), rows)


def _described(column: "ColumnProfile") -> tuple[Any, ...]:
    from pipeline.profile.wording import number, share, time

    missing = share(column.missing_share)
    if column.kind == "numbers":
        ends = ("" if end is None else number(end) for end in (column.minimum, column.maximum))
        moments = (column.mean, column.deviation)
        return missing, *ends, *("" if one is None else number(one, column.deviation) for one in moments), ""
    if column.kind == "times":
        return missing, *("" if end is None else time(end) for end in (column.first, column.last)), "", "", ""
    counts = {"true": column.true} if column.kind == "truths" else column.words
    shown = [f"{word} {share(rows / column.present)}" for word, rows in list(counts.items())[:_MOST_FREQUENT] if rows]
    return missing, "", "", "", "", ", ".join(shown)


def _quarantined(note: "VersionNote") -> Iterator[Part]:
    rows = [
        (name, field, reason, count)
        for name, one in note.windows.items()
        for field, reasons in one.refused.items()
        for reason, count in reasons.items()
    ]
    if rows:
        yield table("quarantined rows, by each of their reasons", ("window", "field", "reason", "rows"), rows)


def _changes(note: "VersionNote") -> Iterator[Part]:
    if note.changes is None:
        yield "what changed against the version before was not noted; `mlops data diff` compares two versions"
        return
    added, corrected, gone = counts(note.changes)
    yield f"against the version before: {added:,} rows added, {corrected:,} corrected, {gone:,} gone"
    if note.changes.moves:
        yield moved(note.changes.moves)


def moved(moves: "Iterable[Move] | None") -> Part:
    """Return how columns moved; None: it cannot be told."""
    if moves is None:
        return "a version has no profile, so that columns cannot be compared"
    rows = [(move.column, move.text) for move in moves]
    return table("columns that moved, the largest move first", ("column", "how"), rows) if rows else "no column moved"


def counts(changes: Any) -> tuple[int, int, int]:
    """Return the rows added, corrected and gone."""
    return changes.added, changes.corrected, changes.gone


def _moment(published: str) -> str:
    """Return a time of ISO 8601 to the minute."""
    return published[:16].replace("T", " ")
