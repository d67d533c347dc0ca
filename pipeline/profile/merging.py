"""The profile of all rows, from the profiles of parts of them."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.profile.columns import (
    ColumnProfile,
    NumbersProfile,
    Profile,
    TimesProfile,
    TruthsProfile,
    WordsProfile,
    most_frequent,
)


def merge(profiles: Iterable[Profile]) -> Profile:
    """Return the profile of all rows together; one without rows for no profiles.

    Counts, minima and maxima are exact; means and deviations are those of all rows up to rounding (1e-9 of the largest
    value). Counts of words are exact as long as no profile has `others`. Beyond that they are lower bounds: what one
    profile counted among its others cannot be told apart any more, and stays among the others.

    Raises:
        ValueError: when a column is not of one kind in all of them, so that they are not profiles of one contract.
    """
    listed = list(profiles)
    names = dict.fromkeys(name for profile in listed for name in profile.columns)
    return Profile(
        rows=sum(profile.rows for profile in listed),
        columns={name: _column(name, [one.columns[name] for one in listed if name in one.columns]) for name in names},
    )


def _column(name: str, parts: Sequence[ColumnProfile]) -> ColumnProfile:
    kinds = {part.kind for part in parts}
    if len(kinds) > 1:
        raise ValueError(f"{name} is of several kinds ({', '.join(sorted(kinds))}): the profiles are of two contracts")
    merged: ColumnProfile = _MERGED[parts[0].kind](parts)
    return merged


def _numbers(parts: Sequence[NumbersProfile]) -> NumbersProfile:
    minimum = min((part.minimum for part in parts if part.minimum is not None), default=None)
    maximum = max((part.maximum for part in parts if part.maximum is not None), default=None)
    mean, deviation = moments([(part.present, part.mean, part.deviation) for part in parts if part.present])
    if minimum is not None and minimum == maximum:
        mean, deviation = minimum, 0.0  # else rounding would let a constant column vary
    return NumbersProfile(**_counts(parts), minimum=minimum, maximum=maximum, mean=mean, deviation=deviation)


def moments(parts: Iterable[tuple[int, float | None, float | None]]) -> tuple[float | None, float | None]:
    """Return the mean and the population deviation of all values, from each part's count, mean and deviation.

    None where there are no values, or one of the two is beyond a double. The pairwise formula of Chan, Golub and
    LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample variances": a sum of squares
    would lose all digits of a deviation that is small beside the mean.
    """
    count, mean, squares = 0, 0.0, 0.0
    for n, its_mean, its_deviation in parts:
        if its_mean is None or its_deviation is None:
            return None, None
        delta, total = its_mean - mean, count + n
        squares += its_deviation * its_deviation * n + delta * delta * (count * (n / total))
        count, mean = total, mean + delta * (n / total)
    return (finite(mean), finite(math.sqrt(squares / count))) if count else (None, None)


def finite(value: float | None) -> float | None:
    """Return the value, or None for one that JSON cannot hold."""
    return value if value is not None and math.isfinite(value) else None


def _words(parts: Sequence[WordsProfile]) -> WordsProfile:
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.words)
    words, sums = most_frequent(counts), _counts(parts)
    return WordsProfile(**sums, words=words, others=sums["rows"] - sums["missing"] - sum(words.values()))


def _times(parts: Sequence[TimesProfile]) -> TimesProfile:
    first = min((part.first for part in parts if part.first is not None), default=None)
    last = max((part.last for part in parts if part.last is not None), default=None)
    return TimesProfile(**_counts(parts), first=first, last=last)


def _truths(parts: Sequence[TruthsProfile]) -> TruthsProfile:
    return TruthsProfile(**_counts(parts), true=sum(part.true for part in parts))


def _counts(parts: Sequence[ColumnProfile]) -> dict[str, Any]:
    return {"rows": sum(part.rows for part in parts), "missing": sum(part.missing for part in parts)}


_MERGED: dict[str, Any] = {"numbers": _numbers, "words": _words, "times": _times, "truths": _truths}
