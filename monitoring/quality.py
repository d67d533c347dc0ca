"""Columns that cannot be compared, or whose values changed in a way that no distance of distributions shows."""

import numpy as np
import pandas as pd

from monitoring.findings import Problem, Quality
from monitoring.noise import jensen_shannon, word_noise
from pipeline.contract import CategoryColumn, Column, Contract
from pipeline.contract.words import fold

_UNLIKELY = 0.001  # chance below which many equal values are no accident
_SHOWN = 5  # unseen words that a sentence quotes


def absent(names: list[str], where: str) -> list[Quality]:
    """Say which columns one side does not have: the contract has changed since."""
    return [Quality(column=name, problem="absent", sentence=f"{name} is not a column of {where}.") for name in names]


def stuck(name: str, reference: pd.Series, current: pd.Series) -> Quality | None:
    """Say when a column holds one value only, or none, and that is no accident.

    It is one when the reference holds that value so often that as many rows in a row may well hold it.
    """
    if reference.isna().all():
        sentence = f"{name} is empty in all {len(reference)} rows of the reference, and is not now."
        return None if current.isna().all() else Quality(column=name, problem="empty", sentence=sentence)
    if current.isna().all():
        return _unlikely(name, "empty", "empty", float(reference.isna().mean()), len(current))
    if current.nunique(dropna=False) == 1:
        value = current.iloc[0]
        return _unlikely(name, "constant", f"{value}", float((reference == value).mean()), len(current))
    if pd.api.types.is_numeric_dtype(reference) and reference.nunique() == 1:
        sentence = f"{name} varies, and is {reference.dropna().iloc[0]} in every row of the reference."
        return Quality(column=name, problem="constant", sentence=sentence)
    return None


def _unlikely(name: str, problem: Problem, what: str, share: float, rows: int) -> Quality | None:
    if share**rows >= _UNLIKELY:
        return None
    sentence = f"{name} is {what} in all {rows} rows; in the reference {share:.1%} of rows are."
    return Quality(column=name, problem=problem, sentence=sentence)


def missing_share(name: str, reference: pd.Series, current: pd.Series, contract: Contract) -> Quality | None:
    """Say when far more or far fewer values are missing than in the reference: a drift of its own."""
    shares = [float(side.isna().mean()) for side in (reference, current)]
    if not any(shares):
        return None
    words = [np.array([share, 1 - share]) for share in shares]
    counts = words[0] * len(reference) + words[1] * len(current)
    noise = word_noise(counts, len(reference), len(current), len(contract.features), contract.training.seed)
    if float(jensen_shannon(*words)) < max(contract.monitoring.column_drift, noise):
        return None
    sentence = f"{name} is missing in {shares[1]:.1%} of rows; in the reference in {shares[0]:.1%}."
    return Quality(column=name, problem="missing", sentence=sentence)


def unseen(name: str, column: Column, reference: pd.Series, current: pd.Series) -> Quality | None:
    """Say which words neither the contract lists nor the reference holds."""
    if not isinstance(column, CategoryColumn):
        return None
    known = {fold(word) for word in [*column.categories, *reference.dropna().unique()]}
    counts = current.dropna().value_counts()
    words = [str(word) for word in counts.index if fold(str(word)) not in known]
    if not words:
        return None
    rows = int(counts[words].sum())
    more = "" if len(words) <= _SHOWN else f" and {len(words) - _SHOWN} more"
    quoted = ", ".join(words[:_SHOWN]) + more
    sentence = f"{name} holds words that were never seen, in {rows} of {len(current)} rows: {quoted}."
    return Quality(column=name, problem="unseen", sentence=sentence)
