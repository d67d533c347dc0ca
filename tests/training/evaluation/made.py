"""What tests of the evaluation share: contracts, rows as validation leaves them, and models whose answers are known."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.bundle.format import Interval
from pipeline.coders import coder
from pipeline.contract import Contract, IntegerColumn, NumberColumn, parse_contract
from pipeline.encode import Encoder, Matrix
from tests.conftest import SMALL, make_small_rows
from training.data import Part

Numbers = NDArray[np.float64]

# Places of the small contract's features in the matrix.
AREA, CLASS, GARDEN, KIND, DISTRICT, STATE, LIFT = range(7)
INTERVAL = Interval(level=0.9, scale="log", half_width=0.1)

BALANCE: dict[str, Any] = {
    "name": "balance",
    "columns": {
        "income": {"type": "number"},
        "cost": {"type": "number"},
        "shop": {"type": "category", "categories": ["A", "B"]},
    },
    "target": {"name": "profit", "unit": "$"},
    "ingestion": {"source": "nowhere.csv"},
    "training": {"candidates": {"dummy": {"kind": "dummy"}}},
}


def small(**gate: Any) -> Contract:
    """The small contract with a gate."""
    return parse_contract(SMALL | {"gate": gate})


def balance(**gate: Any) -> Contract:
    """A contract whose target can be negative, and whose numbers have no limits."""
    return parse_contract(BALANCE | {"gate": gate})


def only(column: dict[str, Any], **gate: Any) -> Contract:
    """A contract with one feature, `it`."""
    return parse_contract(BALANCE | {"columns": {"it": column}, "gate": gate})


def as_part(contract: Contract, frame: pd.DataFrame, windows: Any = None) -> Part:
    """Return raw rows as training has them after validation."""
    frame = frame.copy()
    for name, column in contract.features.items():
        values = [coder(column).normalise(value) for value in frame[name]]
        numbers = isinstance(column, NumberColumn | IntegerColumn)
        frame[name] = pd.Series(values, dtype=np.float64 if numbers else object, index=frame.index)
    matrix = Encoder(contract).columns({name: frame[name].to_numpy() for name in contract.features})
    places = np.zeros(len(frame), dtype=np.int64) if windows is None else np.asarray(windows, dtype=np.int64)
    return Part(frame, matrix, frame[contract.target.name].to_numpy(dtype=np.float64), places)


def flats(contract: Contract, n: int = 300, seed: int = 0, windows: Any = None) -> Part:
    return as_part(contract, make_small_rows(n, seed), windows)


def balances(contract: Contract, n: int = 300, seed: int = 0) -> Part:
    rng = np.random.default_rng(seed)
    income, cost = rng.normal(0, 10, n), rng.normal(0, 10, n)
    frame = pd.DataFrame({"income": income, "cost": cost, "shop": rng.choice(["A", "B"], n), "profit": income - cost})
    return as_part(contract, frame)


def true_rent(matrix: Matrix) -> Numbers:
    """The rule by which the small rows' rent is made, but for its noise."""
    rows = matrix.astype(np.float64)
    return 8 * rows[:, AREA] * (1 + 0.1 * rows[:, CLASS]) * np.where(rows[:, KIND] == 2, 1.5, 1)


def true_profit(matrix: Matrix) -> Numbers:
    return matrix[:, 0].astype(np.float64) - matrix[:, 1]


def nowhere(matrix: Matrix) -> Numbers:
    """A model that says nothing."""
    return np.full(len(matrix), np.nan)


class Watched:
    """A model that remembers what it was asked."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.asked: list[Matrix] = []

    def __call__(self, matrix: Matrix) -> Numbers:
        self.asked.append(matrix.copy())
        found: Numbers = self.model(matrix)
        return found
