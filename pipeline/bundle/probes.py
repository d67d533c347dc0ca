"""The rows on which parity is proven.

A model's own rows do not suffice: with scaled inputs before trees, ONNX agreed on all of them and was wrong on 3 % of
rows a little beside them. So there are also jittered rows, rows on the borders where trees split, and edge rows.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.coders import UNKNOWN
from pipeline.contract import CategoryColumn, Contract, IntegerColumn, NumberColumn
from pipeline.encode import Encoder, Matrix

_ROWS = 5_000  # of the training rows, spread over all of them: more show nothing new
_BASES = 5  # rows on which one value at a time is put to an edge
_BORDERS = 400  # borders that are tried per column


def probe_rows(contract: Contract, train: Matrix, held_out: Matrix) -> dict[str, Matrix]:
    """Return groups of encoded rows, each of shape (n, features), given the training and the held-out rows."""
    train = train[np.unique(np.linspace(0, len(train) - 1, min(len(train), _ROWS)).astype(int))]
    numbers = [index for index in range(train.shape[1]) if index not in Encoder(contract).one_hot]
    return {
        "held-out": held_out,
        "jittered": _jittered(train, numbers, contract.training.seed),
        "border": _borders(train, numbers),
        "edge": _edges(contract, train, held_out),
    }


def _jittered(train: Matrix, numbers: list[int], seed: int) -> Matrix:
    """Training rows moved by up to a percent, and by one float32 step down and up."""
    rng = np.random.default_rng(seed)
    moved = np.repeat(train, 3, axis=0)
    moved[:, numbers] *= rng.uniform(0.99, 1.01, (len(moved), len(numbers))).astype(np.float32)
    down, up = train.copy(), train.copy()
    down[:, numbers] = np.nextafter(train[:, numbers], np.float32(-np.inf))
    up[:, numbers] = np.nextafter(train[:, numbers], np.float32(np.inf))
    return np.concatenate([moved, down, up])


def _borders(train: Matrix, numbers: list[int]) -> Matrix:
    """Training rows with one value half-way between two values seen, where trees put their splits."""
    found = [train[:1]]
    for index in numbers:
        seen = np.unique(train[~np.isnan(train[:, index]), index]).astype(np.float64)
        halfway = ((seen[:-1] + seen[1:]) / 2).astype(np.float32)
        chosen = halfway[np.unique(np.linspace(0, len(halfway) - 1, min(len(halfway), _BORDERS)).astype(int))]
        rows = train[np.arange(len(chosen)) % len(train)]
        rows[:, index] = chosen
        found.append(rows)
    return np.concatenate(found)


def _edges(contract: Contract, train: Matrix, held_out: Matrix) -> Matrix:
    """Rows with one value at an edge (limits, ends seen, missing, unknown), with all at one, and with all missing."""
    values = [list(_edge_values(column, train[:, index])) for index, column in enumerate(contract.features.values())]
    bases = held_out[:_BASES]
    single = [_with(bases, index, value) for index, edges in enumerate(values) for value in edges]
    together = [[edges[place % len(edges)] for edges in values] for place in range(max(map(len, values)))]
    return np.concatenate([*single, np.array(together, dtype=np.float32)])


def _edge_values(column: object, seen: Matrix) -> Iterator[float]:
    yield np.nan  # first, so that one row has every value missing
    seen = seen[~np.isnan(seen)]
    yield from (float(seen.min()), float(seen.max())) if seen.size else ()
    if isinstance(column, NumberColumn | IntegerColumn):
        yield from (edge for edge in (column.minimum, column.maximum) if edge is not None)
    if isinstance(column, CategoryColumn):
        yield from map(float, range(len(column.categories)))
        yield from () if column.ordered else (UNKNOWN,)


def _with(rows: Matrix, index: int, value: float) -> Matrix:
    changed = rows.copy()
    changed[:, index] = value
    return changed
