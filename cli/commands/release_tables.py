"""What `mlops release list` and `at` show to people."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from cli.console import table
from pipeline.release_history import Period

_COLUMNS = ("version", "data version", "since (UTC)", "approved by", "reason", "commit")
_FOLDED = ("approved by", "reason")  # into lines, where the terminal is narrow; the others stay whole


def periods_table(model: str, periods: Sequence[Period]) -> Table:
    """Return what was live when, newest first."""
    shown = table(f"{model}: releases, each live until the one above", _COLUMNS, [_row(period) for period in periods])
    for column in shown.columns:
        column.no_wrap, column.overflow = column.header not in _FOLDED, "fold"
    return shown


def period_lines(model: str, moment: datetime, period: Period | None) -> Iterator[str]:
    """Give what was live at a moment."""
    at = f"at {moment.isoformat(timespec='seconds')}"
    if period is None or period.release is None:
        before = "nothing was live" if period else "nothing had been released"
        yield f"{escape(model)}: {before} {at}"
    else:
        yield f"[bold]{escape(model)} version {period.release.version}[/] ({period.release.data_version}) was live {at}"
    if period:
        yield f"since {_time(period.since)}, until {_time(period.until) or 'now'} (UTC)"
        yield f"approved by {escape(period.approved_by)}: {escape(period.reason)}"
        yield f"commit {period.commit}"


def _row(period: Period) -> tuple[str, ...]:
    release = period.release
    live = (str(release.version), release.data_version) if release else ("nothing", "")
    reason = " ".join(period.reason.split())
    return (*live, f"{period.since.astimezone(UTC):%Y-%m-%d %H:%M}", period.approved_by, reason, period.commit[:8])


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""
