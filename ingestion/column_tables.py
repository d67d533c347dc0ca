"""What the columns of a batch look like, with those of the version before beside them."""

from collections.abc import Callable
from typing import Any

from ingestion.files import BatchReport
from ingestion.published import PublishedReport
from pipeline.contract import Contract
from pipeline.data_profile import ColumnProfile, NumbersProfile, TimesProfile, TruthsProfile, WordsProfile
from pipeline.page import Markup, section, stacked, table
from pipeline.profile import wording
from pipeline.profile.wording import share

_SHOWN = 4  # words of a column
_NUMBERS = ("Column", "Empty", "Smallest", "Largest", "Mean", "Deviation")
_OTHERS = ("Column", "Empty", "Values")


def column_tables(contract: Contract, report: BatchReport) -> list[Markup]:
    """Return a section with the numbers and one with all other columns; none where no profile was made."""
    if report.profile is None:
        return []
    before, note = _before(report), f"Of the {report.profile.rows:,} accepted rows."
    if before and isinstance(report, PublishedReport) and report.profile_before:
        note += f" In small print: the {report.profile_before.rows:,} rows of {report.before}."
    numbers, others = [], []
    for name, now in report.profile.columns.items():
        column, then = contract.batch_columns.get(name), before.get(name)
        unit = (column.unit if column else None) or ""
        then = then if then and then.kind == now.kind else None  # it meant something else then
        line = [stacked(name, unit), _both(_missing, now, then)]
        if isinstance(now, NumbersProfile):
            numbers.append([*line, *(_both(part, now, then) for part in _parts(unit))])
        else:
            others.append([*line, _both(_values, now, then)])
    tables = {"Numbers": table(_NUMBERS, numbers, range(1, 6)), "Words, dates and truths": table(_OTHERS, others, (1,))}
    filled = zip(tables.items(), (numbers, others), strict=True)
    return [section(title, shown, note=note) for (title, shown), lines in filled if lines]


def _before(report: BatchReport) -> dict[str, ColumnProfile]:
    profile = report.profile_before if isinstance(report, PublishedReport) else None
    return profile.columns if profile and profile.rows else {}


def _both(say: Callable[[Any], str], now: ColumnProfile, then: ColumnProfile | None) -> Markup:
    return stacked(say(now), say(then) if then else "")


def _parts(unit: str) -> list[Callable[[NumbersProfile], str]]:
    """Return what is said of a column of numbers; the mean and the deviation with the digits that matter."""
    return [
        lambda profile: _number(profile.minimum, unit),
        lambda profile: _number(profile.maximum, unit),
        lambda profile: _number(profile.mean, unit, profile.deviation),
        lambda profile: _number(profile.deviation, unit, profile.deviation),
    ]


def _number(value: float | None, unit: str, deviation: float | None = None) -> str:
    if value is None:
        return ""
    written = wording.number(value, deviation)
    return written.replace(",", "") if unit == "year" else written  # nobody writes the year 1,973


def _missing(profile: ColumnProfile) -> str:
    return f"{profile.missing:,} ({share(profile.missing_share)})" if profile.missing else "none"


def _values(profile: WordsProfile | TimesProfile | TruthsProfile) -> str:
    if not profile.present:
        return "no values"
    if isinstance(profile, TimesProfile):
        return " to ".join(wording.time(end) for end in (profile.first, profile.last) if end)
    if isinstance(profile, TruthsProfile):
        return f"true in {share(profile.true / profile.present)} of {profile.present:,} rows"
    return _words(profile)


def _words(profile: WordsProfile) -> str:
    if not profile.words:
        return f"{profile.present:,} texts, which are not shown"
    shown = list(profile.words.items())[:_SHOWN]
    rest = profile.present - sum(rows for _, rows in shown)
    words = [f"{wording.word(word)} {share(rows / profile.present)}" for word, rows in shown]
    return ", ".join([*words, f"others {share(rest / profile.present)}"] if rest else words)
