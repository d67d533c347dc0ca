"""Columns that cannot be compared, or whose values changed in a way that no distance of distributions shows."""

from collections.abc import Iterator

import numpy as np

from monitoring.chances import for_quality
from monitoring.findings import Problem, Quality
from monitoring.profiles import Profile
from monitoring.shares import changed
from pipeline.contract import CategoryColumn, Column, Contract
from pipeline.contract.words import fold

_SHOWN = 5  # unseen words that a sentence quotes


def quality(contract: Contract, reference: dict[str, Profile], current: dict[str, Profile]) -> list[Quality]:
    """Return what is wrong with columns of the current rows, or with their comparison, in the contract's order."""
    return [found for name in contract.features for found in _of_column(contract, name, reference, current)]


def _of_column(
    contract: Contract, name: str, reference: dict[str, Profile], current: dict[str, Profile]
) -> Iterator[Quality]:
    if name not in reference:
        sentence = f"{name} is new: the reference does not have it, so nothing can be compared."
        yield Quality(column=name, problem="new", sentence=sentence)
    if name not in current and name in contract.logged:
        sentence = f"{name} is not a column of the rows that are compared with the reference."
        yield Quality(column=name, problem="absent", sentence=sentence)
    if name in reference and name in current:
        sides = reference[name], current[name]
        found = _stuck(contract, name, *sides) or _missing(contract, name, *sides)
        yield from filter(None, [found, _unseen(contract, name, contract.features[name], *sides)])


def _stuck(contract: Contract, name: str, reference: Profile, current: Profile) -> Quality | None:
    """Say when a column holds one value only, or none, and that is no accident.

    It is one when the reference holds that value so often that as many rows in a row may well hold it.
    """
    if not reference.filled:
        sentence = f"{name} is empty in all {reference.rows:,} rows of the reference, and is not now."
        return Quality(column=name, problem="empty", sentence=sentence) if current.filled else None
    if not current.filled:
        return _unlikely(contract, name, None, reference, current)
    if current.single is not None and not current.missing:
        return _unlikely(contract, name, current.single, reference, current)
    if reference.values is not None and reference.single is not None and current.single != reference.single:
        sentence = f"{name} varies, and is {reference.single:g} wherever the reference holds a value."
        return Quality(column=name, problem="constant", sentence=sentence)
    return None


def _unlikely(
    contract: Contract, name: str, value: float | str | None, reference: Profile, current: Profile
) -> Quality | None:
    share = (reference.missing if value is None else reference.holding(value)) / reference.rows
    if share**current.rows >= for_quality(contract):
        return None
    what = "empty" if value is None else value if isinstance(value, str) else f"{value:.15g}"
    sentence = f"{name} is {what} in all {current.rows:,} rows; in the reference {share:.1%} of rows are."
    problem: Problem = "empty" if value is None else "constant"
    return Quality(column=name, problem=problem, sentence=sentence, value=1.0)


def _missing(contract: Contract, name: str, reference: Profile, current: Profile) -> Quality | None:
    """Say when far more or far fewer values are missing than in the reference: a drift of its own."""
    limit = _changed(contract, reference, current, reference.missing, current.missing)
    if limit is None:
        return None
    before, now = reference.missing / reference.rows, current.missing / current.rows
    sentence = f"{name} is missing in {now:.1%} of rows; in the reference in {before:.1%}."
    return Quality(column=name, problem="missing", sentence=sentence, value=now, limit=limit)


def _unseen(contract: Contract, name: str, column: Column, reference: Profile, current: Profile) -> Quality | None:
    """Say which words neither the contract lists nor the reference holds; many of them are a problem."""
    if not isinstance(column, CategoryColumn) or reference.words is None or current.words is None:
        return None
    known = {fold(str(word)) for word in [*column.categories, *reference.words.index]}
    words = [str(word) for word in current.words.index if fold(str(word)) not in known]
    if not words:
        return None
    rows = int(current.words[words].sum())
    limit = _changed(contract, reference, current, 0, rows)
    more = "" if len(words) <= _SHOWN else f" and {len(words) - _SHOWN:,} more"
    quoted = ", ".join(words[:_SHOWN]) + more
    share = rows / current.rows
    sentence = f"{name} holds words that were never seen, in {rows:,} of {current.rows:,} rows ({share:.1%}): {quoted}."
    note = limit is None
    return Quality(column=name, problem="unseen", sentence=sentence, value=share, limit=limit, note=note)


def _changed(contract: Contract, reference: Profile, current: Profile, before: int, now: int) -> float | None:
    """Return the share from which rows of a kind are too many or too few, where they are; else None."""
    counts = np.array([float(before)]), np.array([float(now)])
    least, chance = contract.monitoring.column_drift, for_quality(contract)
    effect, limit, is_changed = changed(*counts, reference.rows, current.rows, least, chance)
    if not is_changed[0]:
        return None
    angle = np.arcsin(np.sqrt(before / reference.rows)) + np.sign(effect[0]) * limit / 2
    return float(np.sin(np.clip(angle, 0, np.pi / 2)) ** 2)
