"""Dates of releases: those that people write, and those that Git keeps."""

from datetime import UTC, date, datetime, time, timedelta

from pipeline.release_files import ReleaseLogError

_NEVER = datetime.fromtimestamp(0, UTC)
_AHEAD = timedelta(days=1)  # that another host's clock may go before ours


def moment_of(text: str) -> datetime:
    """Return the moment that somebody names: a bare date is the end of that day, and without a zone it is UTC.

    Raises:
        ReleaseLogError: when it is no date.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _time_of(text)
    return datetime.combine(day, time.max, UTC)


def made_at(seconds: str) -> datetime:
    """Return when a commit was made; long ago where it does not say so, or says what no clock can have shown."""
    try:
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return _NEVER
    return moment if moment < datetime.now(UTC) + _AHEAD else _NEVER


def _time_of(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise ReleaseLogError(
            f"{text!r} is no date: write 2026-11-21 (the end of that day, UTC) or 2026-11-21T14:30+02:00"
        ) from error
