"""Rows that monitoring is tried on: two populations, each with the predictions of a model that has not seen the row.

The default data has 2,900 rows. For windows of a thousand, reference and window are parts of them that share no row.
For larger ones both are drawn from all of them with replacement and jitter: then both are samples of one population.
(To draw ten thousand rows from a thousand would repeat what those thousand have by chance, as if it were the rule.)
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.gate_trials import read_history
from monitoring.frames import HIGH, LATENCY_MS, LOW, is_numeric, normal_form
from pipeline.contract import PREDICTION, Contract, parse_contract
from pipeline.encode import Encoder
from training.estimator import build_estimator
from training.proof import one_thread

REFERENCE_ROWS = 1_900
_HELD_OUT = 0.15  # of a reference: rows that carry a prediction
_FOLDS = 5
_CONTINUOUS = 200  # distinct values from which on a number gets jitter
_JITTER = 0.02  # standard deviations

Rows = tuple[pd.DataFrame, pd.DataFrame]  # reference and window


class Population(Protocol):
    """Where rows come from."""

    @property
    def contract(self) -> Contract:
        """What their columns are."""
        ...

    def draw(self, rng: np.random.Generator, rows: int) -> Rows:
        """Return a reference, and a window of so many rows that are not in it, both answered."""
        ...


@dataclass(frozen=True)
class Shipped:
    """The default data."""

    contract: Contract
    rows: pd.DataFrame

    def draw(self, rng: np.random.Generator, rows: int) -> Rows:
        """See the class; a window is drawn with replacement where there are too few rows for it."""
        if rows <= len(self.rows) - REFERENCE_ROWS:
            order = rng.permutation(len(self.rows))[: REFERENCE_ROWS + rows]
            return _reference(self.contract, self.rows.iloc[order[:REFERENCE_ROWS]], rng), self._part(order, rows)
        sides = [
            self._jittered(self.rows.iloc[rng.integers(0, len(self.rows), many)], rng)
            for many in (REFERENCE_ROWS, rows)
        ]
        return _reference(self.contract, sides[0], rng), sides[1]

    def _part(self, order: NDArray[np.int64], rows: int) -> pd.DataFrame:
        return self.rows.iloc[order[-rows:]].reset_index(drop=True)

    def _jittered(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        changed = rows.reset_index(drop=True)
        for name, column in self.contract.features.items():
            if is_numeric(column) and self.rows[name].nunique() > _CONTINUOUS:
                moved = changed[name] + rng.normal(0, _JITTER * self.rows[name].std(), len(changed))
                low, high = getattr(column, "minimum", None), getattr(column, "maximum", None)
                # Nothing is moved off a heavy tie, such as no basement at all.
                changed[name] = moved.clip(low, high).round().where(changed[name] != 0, 0.0)
        return changed


def shipped() -> Shipped:
    """Return the default data with predictions of five folds' ridge regressions, each fitted on the other four."""
    history = read_history()
    contract, raw = history.contract, pd.concat([history.frame, history.later], ignore_index=True)
    truth = raw[contract.target.name].to_numpy(dtype="float64")
    matrix = Encoder(contract).columns(raw)  # type: ignore[arg-type]  # series are sequences
    folds = np.random.default_rng(0).integers(0, _FOLDS, len(raw))
    predicted = np.empty(len(raw))
    with one_thread():
        for fold in range(_FOLDS):
            model = build_estimator(contract, "ridge", target=truth[folds != fold])
            model.fit(matrix[folds != fold], truth[folds != fold])
            predicted[folds == fold] = model.predict(matrix[folds == fold])
    return Shipped(contract, _answered(contract, normal_form(contract, raw), predicted, truth))


@dataclass(frozen=True)
class MadeUp:
    """Thirty columns: skewed, with heavy ties, rare categories and missing values. Every row is new."""

    contract: Contract

    def draw(self, rng: np.random.Generator, rows: int) -> Rows:
        """See the class."""
        return _reference(self.contract, self._rows(rng, REFERENCE_ROWS), rng), self._rows(rng, rows)

    def _rows(self, rng: np.random.Generator, many: int) -> pd.DataFrame:
        raw = pd.DataFrame({name: _values(rng, name, many) for name in self.contract.features})
        important = np.log1p(raw["skewed_0"].to_numpy()) + raw["plain_0"].to_numpy()
        predicted = 100 * np.exp(0.3 * important)
        truth = predicted * rng.lognormal(0, 0.1, many)
        return _answered(self.contract, normal_form(self.contract, raw), predicted, truth)


_WORDS = {
    "few": ("red", "green", "blue"),
    "rare": ("most", "some", *(f"rare {place}" for place in range(20))),
    "many": tuple(f"word {place}" for place in range(60)),
}


def made_up() -> MadeUp:
    """Return the made-up population; the names of its columns say what they are."""
    number = {"type": "number", "required": False}
    columns: dict[str, object] = {
        f"{kind}_{place}": {**number, "minimum": 0, "maximum": 1_000_000} if kind in ("skewed", "tied") else number
        for kind in ("plain", "skewed", "tied", "gaps")
        for place in range(5)
    }
    for kind, words in _WORDS.items():
        columns |= {f"{kind}_{place}": {"type": "category", "categories": list(words)} for place in range(3)}
    columns["flag"] = {"type": "boolean"}
    return MadeUp(
        parse_contract(
            {
                "name": "made_up",
                "columns": columns,
                "target": {"name": "value", "minimum": 0.001, "transform": "log"},
                "ingestion": {"source": "nowhere.csv"},
                "training": {"seed": 5, "candidates": {"dummy": {"kind": "dummy"}}},
            }
        )
    )


def _values(rng: np.random.Generator, name: str, many: int) -> NDArray[np.float64] | NDArray[np.object_]:
    kind = name.partition("_")[0]
    if kind in _WORDS:
        words = _WORDS[kind]
        shares = {"few": [0.6, 0.25, 0.15], "rare": [0.7, 0.2, *([0.005] * 20)]}.get(kind)
        return rng.choice(np.array(words, dtype=object), many, p=shares)
    if kind == "flag":
        return rng.choice(np.array([True, False], dtype=object), many, p=[0.9, 0.1])
    if kind == "skewed":
        return rng.lognormal(2, 1.2, many)
    if kind == "tied":
        return np.where(rng.random(many) < 0.85, 0.0, rng.gamma(2, 50, many).round())
    values = rng.normal(0, 1, many)
    return np.where(rng.random(many) < 0.15, np.nan, values) if kind == "gaps" else values


def _answered(
    contract: Contract, rows: pd.DataFrame, predicted: NDArray[np.float64], truth: NDArray[np.float64]
) -> pd.DataFrame:
    """Add what an answer carries: the interval is of logarithms, and holds nine tenths of all rows."""
    wide = np.quantile(np.abs(np.log(predicted / truth)), contract.training.interval)
    added = {PREDICTION: predicted, contract.target.name: truth, LATENCY_MS: np.full(len(rows), 2.0)}
    return rows.assign(**added, **{LOW: predicted * np.exp(-wide), HIGH: predicted * np.exp(wide)})


def _reference(contract: Contract, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Leave predictions and truth on held-out rows only, as gathering does."""
    held_out = rng.random(len(rows)) < _HELD_OUT
    kept = rows.drop(columns=[LOW, HIGH, LATENCY_MS]).reset_index(drop=True)
    known = {name: kept[name].where(held_out) for name in (PREDICTION, contract.target.name)}
    return kept.assign(**known)
