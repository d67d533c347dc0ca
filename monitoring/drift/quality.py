"""Columns that cannot be compared, or whose values changed in a way that no distance of distributions shows."""

from collections.abc import Iterable, Iterator

import numpy as np

from monitoring.drift.chances import for_quality
from monitoring.drift.profiles import Profile
from monitoring.drift.shares import by_chance, changed
from monitoring.findings import Problem, Quality
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
    """Say when a column holds one value only, or none, on one side alone; where that may be luck, it is a note."""
    if not reference.filled:
        return _awake(contract, name, reference, current)
    if not current.filled:
        return _still(contract, name, None, reference, current)
    if current.single is not None and not current.missing:
        return _still(contract, name, current.single, reference, current)
    if reference.values is not None and reference.single is not None:
        return _awake(contract, name, reference, current)
    return None


def _still(
    contract: Contract, name: str, value: float | str | None, reference: Profile, current: Profile
) -> Quality | None:
    """Say when all rows hold one value, or none, and some of the reference's do not, beyond chance."""
    same = reference.missing if value is None else reference.holding(value)
    others = np.array([float(reference.rows - same)]), np.zeros(1)
    if by_chance(*others, reference.rows, current.rows)[0] > for_quality(contract):
        return None
    what = "empty" if value is None else value if isinstance(value, str) else f"{value:.15g}"
    share = same / reference.rows
    sentence = f"{name} is {what} in all {current.rows:,} rows; in the reference {share:.1%} of rows are."
    problem: Problem = "empty" if value is None else "constant"
    return Quality(column=name, problem=problem, sentence=sentence, value=1.0)


def _awake(contract: Contract, name: str, reference: Profile, current: Profile) -> Quality | None:
    """Say when rows hold something else than all of the reference's, which hold one number or nothing."""
    empty = reference.single is None
    among, before = (current.rows, reference.rows) if empty else (current.filled, reference.filled)
    others = current.filled - (0 if reference.single is None else current.holding(reference.single))
    if not others:
        return None
    counts = np.zeros(1), np.array([float(others)])
    beyond = changed(*counts, before, among, contract.monitoring.column_drift, for_quality(contract))[2][0]
    always = "empty" if empty else f"{reference.single:.15g} wherever it holds a value"
    sentence = f"{name} is {always} in the reference ({before:,} rows), and is not in {others:,} of {among:,} rows."
    problem: Problem = "filled" if empty else "varies"
    return Quality(column=name, problem=problem, sentence=sentence, value=others / among, note=not beyond)


def _missing(contract: Contract, name: str, reference: Profile, current: Profile) -> Quality | None:
    """Say when far more or far fewer values are missing than in the reference: a drift of its own."""
    limit = _changed(contract, reference, current, reference.missing, current.missing)
    if limit is None:
        return None
    before, now = reference.missing / reference.rows, current.missing / current.rows
    sentence = f"{name} is missing in {now:.1%} of rows; in the reference in {before:.1%}."
    return Quality(column=name, problem="missing", sentence=sentence, value=now, limit=limit)


def _unseen(contract: Contract, name: str, column: Column, reference: Profile, current: Profile) -> Quality | None:
    """Say which words neither the contract lists nor the reference holds; more than are to be expected are a problem.

    Where words never end, such as names, some of the reference's would have been new to the rest of it as well: those
    that it holds once (Good 1953, doi:10.1093/biomet/40.3-4.237).
    """
    if reference.words is None or current.words is None:
        return None
    words = unseen(column, reference.words.index, current.words.index)
    if not words:
        return None
    once = len(unseen(column, (), reference.words.index[reference.words == 1]))
    rows = int(current.words[words].sum())
    limit = _changed(contract, reference, current, once, rows) if rows * reference.rows > once * current.rows else None
    share, expected = rows / current.rows, f"; {once / reference.rows:.1%} are to be expected" if once else ""
    more = "" if len(words) <= _SHOWN else f" and {len(words) - _SHOWN:,} more"
    sentence = (
        f"{name} holds words that were never seen, in {rows:,} of {current.rows:,} rows ({share:.1%}{expected}): "
        f"{', '.join(words[:_SHOWN])}{more}."
    )
    return Quality(column=name, problem="unseen", sentence=sentence, value=share, limit=limit, note=limit is None)


def unseen(column: Column, before: Iterable[object], now: Iterable[object]) -> list[str]:
    """Return the words that are neither listed by the contract nor among those from before; a boolean has none."""
    if not isinstance(column, CategoryColumn):
        return []
    known = {fold(str(word)) for word in [*column.categories, *before]}
    return [str(word) for word in now if fold(str(word)) not in known]


def _changed(contract: Contract, reference: Profile, current: Profile, before: int, now: int) -> float | None:
    """Return the share from which rows of a kind are too many or too few, where they are; else None."""
    counts = np.array([float(before)]), np.array([float(now)])
    least, chance = contract.monitoring.column_drift, for_quality(contract)
    effect, limit, is_changed = changed(*counts, reference.rows, current.rows, least, chance)
    if not is_changed[0]:
        return None
    angle = np.arcsin(np.sqrt(before / reference.rows)) + np.sign(effect[0]) * limit / 2
    return float(np.sin(np.clip(angle, 0, np.pi / 2)) ** 2)
