"""How each column moved from one profile to another, for people."""

import math
from collections.abc import Iterable
from typing import Any

from pipeline.contract.base import Section
from pipeline.profile.columns import (
    ColumnProfile,
    NumbersProfile,
    Profile,
    TimesProfile,
    TruthsProfile,
    WordsProfile,
)
from pipeline.profile.wording import number, share, time, word

_SHOWN_WORDS = 3
_LEAST_SHARE = 0.0005  # less than 0.1 % once it is rounded
_LEAST_DEVIATIONS = 0.005  # the same: less than 0.01 once it is rounded
_Part = tuple[float, str]  # the size of a move and its words


class Move(Section):
    """How a column moved.

    `size` puts columns in order: the mean's shift in deviations, or the largest of the shares that changed; 0.01 is
    hardly anything, 1 is a lot.
    """

    column: str
    kind: str  # numbers, words, times, truths; new or gone: only one side has it; changed: it is of another kind now
    text: str  # one line
    size: float


def moves(before: Profile, after: Profile) -> list[Move]:
    """Return the columns that moved, the largest move first.

    A column did not move where its mean shifted by less than 0.005 deviations, or shares changed by less than 0.05 %,
    and neither end of its range or span changed.
    """
    names = dict.fromkeys([*before.columns, *after.columns])
    found = (_move(name, before.columns.get(name), after.columns.get(name)) for name in names)
    return sorted((move for move in found if move), key=lambda move: -move.size)


def _move(name: str, before: ColumnProfile | None, after: ColumnProfile | None) -> Move | None:
    if before is None:
        return Move(column=name, kind="new", text="is new", size=1)
    if after is None:
        return Move(column=name, kind="gone", text="is gone", size=1)
    if before.kind != after.kind:
        return Move(column=name, kind="changed", text=f"held {before.kind}, holds {after.kind}", size=1)
    parts = [*_PARTS[before.kind](before, after), *_missing(before, after)]
    if not parts:
        return None
    return Move(
        column=name,
        kind=before.kind,
        text="; ".join(text for _, text in parts),
        size=max(size for size, _ in parts),
    )


def _missing(before: ColumnProfile, after: ColumnProfile) -> Iterable[_Part]:
    yield from _of_share("missing", before.missing_share, after.missing_share)


def _of_share(what: str, before: float, after: float) -> Iterable[_Part]:
    """Say how a share changed. That some came where there were none, or all went, is never too little to be said."""
    size = abs(after - before)
    if size >= _LEAST_SHARE or (size > 0 and 0 in (before, after)):
        yield size, f"{what} {share(before)} -> {share(after)}"


def _numbers(before: NumbersProfile, after: NumbersProfile) -> Iterable[_Part]:
    yield from _of_mean(before, after)
    ends = (before.minimum, before.maximum, after.minimum, after.maximum)
    if None in ends or ends[:2] == ends[2:]:
        return
    low, high, new_low, new_high = (float(end) for end in ends if end is not None)
    change, whole = abs(new_low - low) + abs(new_high - high), max(high, new_high) - min(low, new_low)
    size = min(1.0, change / whole) if math.isfinite(whole) else 1.0
    yield size, f"range {number(low)} .. {number(high)} -> {number(new_low)} .. {number(new_high)}"


def _of_mean(before: NumbersProfile, after: NumbersProfile) -> Iterable[_Part]:
    if before.mean is None or after.mean is None or before.deviation is None or after.deviation is None:
        return
    shift, scale = after.mean - before.mean, before.deviation or after.deviation
    means = f"mean {number(before.mean, scale)} -> {number(after.mean, scale)}"
    if before.deviation == 0 and shift:
        yield 1.0, f"{means} (it was always the same)"
    elif before.deviation and abs(shift / scale) >= _LEAST_DEVIATIONS:
        size = min(abs(shift / scale), 1e9)
        yield size, f"{means} ({size:,.2f} deviations {'up' if shift > 0 else 'down'})"


def _words(before: WordsProfile, after: WordsProfile) -> Iterable[_Part]:
    if not before.present or not after.present:
        return
    old, new = _shares(before), _shares(after)
    changed = {name: new.get(name, 0.0) - old.get(name, 0.0) for name in {**old, **new}}
    distance = sum(map(abs, changed.values())) / 2  # the total variation distance
    coming, going = _only(new, old, before), _only(old, new, after)
    if distance < _LEAST_SHARE and not coming and not going:
        return
    largest = sorted((name for name in changed if name is not None), key=lambda one: -abs(changed[one]))
    pairs = [(word(name), share(old.get(name, 0.0)), share(new.get(name, 0.0))) for name in largest]
    shown = [f"{name} {earlier} -> {later}" for name, earlier, later in pairs if earlier != later]
    yield distance, f"{share(distance)} of the words changed" + (f": {_first(shown)}" if shown else "")
    yield from ((distance, f"{what}: {_first(words)}") for what, words in (("new", coming), ("gone", going)) if words)


def _shares(profile: WordsProfile) -> dict[str | None, float]:
    """Return each word's share of the values; None stands for all other words."""
    counts: dict[str | None, int] = {None: profile.others}
    counts.update(profile.words)
    return {name: count / profile.present for name, count in counts.items()}


def _only(these: dict[str | None, float], those: dict[str | None, float], other: WordsProfile) -> list[str]:
    """Return the words that the other side does not have, which is known only where it names all that it has."""
    return [] if other.others else [word(name) for name in these if name is not None and name not in those]


def _first(shown: list[str]) -> str:
    rest = len(shown) - _SHOWN_WORDS
    return ", ".join(shown[:_SHOWN_WORDS]) + (f" and {rest:,} more" if rest > 0 else "")


def _times(before: TimesProfile, after: TimesProfile) -> Iterable[_Part]:
    if before.first is None or before.last is None or after.first is None or after.last is None:
        return
    if (before.first, before.last) == (after.first, after.last):
        return
    whole = max(before.last, after.last) - min(before.first, after.first)
    common = max(min(before.last, after.last) - max(before.first, after.first), whole * 0)
    shown = f"{time(before.first)} .. {time(before.last)} -> {time(after.first)} .. {time(after.last)}"
    yield 1 - common / whole, f"span {shown}"


def _truths(before: TruthsProfile, after: TruthsProfile) -> Iterable[_Part]:
    if before.present and after.present:
        yield from _of_share("true", before.true / before.present, after.true / after.present)


_PARTS: dict[str, Any] = {"numbers": _numbers, "words": _words, "times": _times, "truths": _truths}
