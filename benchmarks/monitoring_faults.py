"""What happens to a window of live traffic, and what monitoring must say of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.frames import is_numeric
from monitoring.reasons import Reason
from monitoring.verdict import Verdict
from pipeline.contract import Contract

_IMPORTANT = 5  # numbers that go with the target most
_LEAST_SHARE, _MOST_SHARE = 0.1, 0.5  # of a category that is doubled
_UNIT = 10
_DEARER, _CHEAPER = 1.15, 0.85
_LOST = 0.2  # of a column's values


@dataclass(frozen=True)
class Window:
    """Live rows, the values that were refused beside them, and what a reason must name."""

    rows: pd.DataFrame
    refusals: dict[str, dict[str, int]]
    views: tuple[str, ...] = ()
    subject: str = ""  # empty: any
    word: str = ""  # that its sentence must hold

    def noticed(self, verdict: Verdict) -> bool:
        """Whether the verdict is no longer healthy, by the right view, with the right name."""
        grave = [reason for reason in verdict.reasons if reason.severity != "note"]
        return verdict.status in ("watch", "act") and any(self._right(reason) for reason in grave)

    def _right(self, reason: Reason) -> bool:
        named = not self.subject or reason.subject == self.subject
        return reason.view in self.views and named and self.word in reason.sentence


Fault = Callable[[Contract, np.random.Generator, pd.DataFrame], Window]


def unchanged(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:  # noqa: ARG001
    """Nothing happened."""
    return Window(rows, {})


def shifted(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """One of the columns that go with the target most lies half a standard deviation higher."""
    return _shifted(contract, rng, rows, 1)


def lowered(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """One of these lies half a standard deviation lower."""
    return _shifted(contract, rng, rows, -1)


def doubled(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """A category that held at least a tenth of the rows has doubled; the rows of the others have made room."""
    name, word, share = _category(contract, rng, rows)
    weights = np.where(rows[name] == word, 2.0, (1 - 2 * share) / (1 - share))
    drawn = rows.iloc[rng.choice(len(rows), len(rows), p=weights / weights.sum())].reset_index(drop=True)
    return Window(drawn, {}, ("input drift",), name, word)


def gone(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """A category that held at least a tenth of the rows is not there any more; a boolean is constant then."""
    name, word, _ = _category(contract, rng, rows)
    kept = rows[rows[name] != word].reset_index(drop=True)
    if kept[name].nunique() == 1:
        return Window(kept, {}, ("data quality",), name)
    return Window(kept, {}, ("input drift",), name, word)


def lost(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """A fifth of a column's values, which may be missing, are."""
    name = str(rng.choice([name for name, column in contract.features.items() if not column.required]))
    missing = rng.random(len(rows)) < _LOST
    return Window(rows.assign(**{name: rows[name].where(~missing)}), {}, ("data quality",), name)


def unit_error(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """One column of numbers is ten times as large; what its range forbids is refused and not in the log."""
    name = str(rng.choice(_numbers(contract)))
    return _allowed(contract, name, rows.assign(**{name: rows[name] * _UNIT}), ("input drift", "data quality"))


def unit_error_of_few(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:
    """The same in three rows of a hundred, and in a column whose range forbids it: one client of many."""
    limited = [name for name in _numbers(contract) if getattr(contract.features[name], "maximum", None) is not None]
    name, few = str(rng.choice(limited)), rng.random(len(rows)) < 0.03
    beyond = float(getattr(contract.features[name], "maximum", 0.0)) + 1
    return _allowed(contract, name, rows.assign(**{name: rows[name].where(~few, beyond)}), ("data quality",))


def dearer(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:  # noqa: ARG001
    """Every truth is fifteen per cent higher."""
    target = contract.target.name
    return Window(rows.assign(**{target: rows[target] * _DEARER}), {}, ("live performance",))


def cheaper(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> Window:  # noqa: ARG001
    """Every truth is fifteen per cent lower."""
    target = contract.target.name
    return Window(rows.assign(**{target: rows[target] * _CHEAPER}), {}, ("live performance",))


def _shifted(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame, sign: int) -> Window:
    name = str(rng.choice(_important(contract, rows)))
    by = np.full(len(rows), 0.5 * rows[name].std())
    if contract.features[name].type == "integer":  # the next whole number beyond, as often as it takes
        by = np.floor(by + rng.random(len(rows)))
    return _allowed(contract, name, rows.assign(**{name: rows[name] + sign * by}), ("input drift",))


def _category(contract: Contract, rng: np.random.Generator, rows: pd.DataFrame) -> tuple[str, str, float]:
    """Draw a column, one of its categories that are frequent, and its share."""
    names = [name for name, column in contract.features.items() if not is_numeric(column)]
    choices = [
        (name, str(word), float(share))
        for name in names
        for word, share in rows[name].value_counts(normalize=True).items()
        if _LEAST_SHARE <= share <= _MOST_SHARE
    ]
    return choices[rng.integers(len(choices))]


def _numbers(contract: Contract) -> list[str]:
    return [name for name, column in contract.features.items() if is_numeric(column)]


def _important(contract: Contract, rows: pd.DataFrame) -> list[str]:
    ranks = rows[[*_numbers(contract), contract.target.name]].rank()
    strength = ranks.corr()[contract.target.name].drop(contract.target.name).abs()
    return list(strength.nlargest(_IMPORTANT).index)


def _allowed(contract: Contract, name: str, rows: pd.DataFrame, views: tuple[str, ...]) -> Window:
    """Refuse what the service would."""
    column, values = contract.features[name], rows[name]
    low, high = getattr(column, "minimum", None), getattr(column, "maximum", None)
    refused = (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
    counts = {name: {"range": int(refused.sum())}} if refused.any() else {}
    kept = rows[~refused].reset_index(drop=True)
    return Window(kept, counts, views if not counts else (*views, "data quality"), name)
