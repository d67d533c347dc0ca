"""A large batch: the default data resampled with jitter, gaps and mixed case. Every row is valid, every key its own."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.contract import CategoryColumn, Contract, IntegerColumn, NumberColumn

_CHUNK = 200_000  # rows in memory at a time
_CONTINUOUS = 200  # distinct values from which on a number gets jitter
_JITTER = 50
_SHOUTED, _SPACED, _EMPTY = 0.3, 0.1, 0.05  # shares of cells


def write_batch(contract: Contract, base: pd.DataFrame, rows: int, target: Path, seed: int = 0) -> Path:
    """Write a CSV file of `rows` rows drawn from `base`, the raw texts of the contract's columns; return the file."""
    rng = np.random.default_rng(seed)
    for start in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - start)
        chunk = base.iloc[rng.integers(0, len(base), count)].reset_index(drop=True)
        for name in contract.key:
            chunk[name] = [f"{row:010d}" for row in range(start, start + count)]
        _vary(contract, base, chunk, rng)
        chunk.to_csv(target, index=False, mode="a" if start else "w", header=not start)
    return target


def _vary(contract: Contract, base: pd.DataFrame, chunk: pd.DataFrame, rng: np.random.Generator) -> None:
    for name, column in contract.batch_columns.items():
        if isinstance(column, CategoryColumn):
            chunk[name] = _spelt_otherwise(chunk[name], rng)
        if isinstance(column, NumberColumn | IntegerColumn) and base[name].nunique() > _CONTINUOUS:
            chunk[name] = _jittered(column, chunk[name], rng)
        if not column.required:
            chunk.loc[rng.random(len(chunk)) < _EMPTY, name] = ""


def _spelt_otherwise(words: pd.Series, rng: np.random.Generator) -> pd.Series:
    shouted = words.mask(rng.random(len(words)) < _SHOUTED, words.str.upper())
    return shouted.mask(rng.random(len(words)) < _SPACED, " " + shouted + " ")


def _jittered(column: NumberColumn | IntegerColumn, texts: pd.Series, rng: np.random.Generator) -> pd.Series:
    numbers = pd.to_numeric(texts.replace("", None)) + rng.integers(-_JITTER, _JITTER, len(texts))
    whole = numbers.clip(column.minimum, column.maximum).round().astype("Int64")
    return whole.astype("string").fillna("")
