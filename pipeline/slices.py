"""How rows are cut into groups, by the features that the contract's `gate.slices` names."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.coders import Coder, Words, coder
from pipeline.contract import CategoryColumn, Contract, ContractError

Labels = NDArray[np.str_]
Codes = NDArray[np.intp]

MISSING = "missing"
OTHER = "other"
_TRUTH = {True: "yes", False: "no"}


def slice_labels(contract: Contract, frame: pd.DataFrame) -> dict[str, Labels]:
    """Return the group that each row is in, shape (rows,), by the column that the rows are cut by.

    Args:
        contract: says which columns, and where numbers are cut: a number at an edge is in the group above it.
        frame: validated rows, whose values have their normal form.
    """
    return {name: groups[codes] for name, (codes, groups) in slice_codes(contract, frame).items()}


def slice_codes(contract: Contract, frame: pd.DataFrame) -> dict[str, tuple[Codes, Labels]]:
    """Return the groups that there are, and for each row its place among them; a group may stand there twice.

    Columns that the frame does not have are left out. Arguments as of `slice_labels`.
    """
    return {name: _codes(contract, name, frame[name]) for name in contract.gate.slices if name in frame}


def slice_groups(contract: Contract) -> dict[str, tuple[str, ...]]:
    """Return all groups that a column's rows can be in, in the contract's order, by column.

    Where a list of words names `missing` or `other` itself, that group holds both.
    """
    return {name: tuple(dict.fromkeys(_groups(contract, name))) for name in contract.gate.slices}


def check_slices(contract: Contract) -> None:
    """Check that the groups which must not be empty are groups that there are.

    Raises:
        ContractError: with one line for each that is not, naming those there are.
    """
    wrong = [
        f"{contract.name}: gate.slices.{name}.required: there is no group {group!r}; there are: {', '.join(groups)}"
        for name, groups in slice_groups(contract).items()
        for group in contract.gate.slices[name].required
        if group not in groups
    ]
    if wrong:
        raise ContractError("\n".join(wrong))


def _groups(contract: Contract, name: str) -> list[str]:
    column, edges = contract.features[name], contract.gate.slices[name].edges
    if isinstance(column, CategoryColumn):
        groups = [*column.categories, *((OTHER,) if column.open else ())]
    else:
        groups = _ranges(edges) if edges else list(_TRUTH.values())
    return groups if column.required else [*groups, MISSING]


def _ranges(edges: tuple[float, ...]) -> list[str]:
    shown = [f"{edge:.15g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"under {shown[0]}", *between, f"{shown[-1]} and more"]


def _codes(contract: Contract, name: str, values: "pd.Series[Any]") -> tuple[Codes, Labels]:
    edges = contract.gate.slices[name].edges
    if edges:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        groups = np.array([*_ranges(edges), MISSING])
        return np.where(np.isnan(numbers), len(groups) - 1, np.searchsorted(edges, numbers, side="right")), groups
    codes, found = pd.factorize(values)  # -1 stands for a missing value: the last group
    known = coder(contract.features[name])
    return np.where(codes < 0, len(found), codes), np.array([*(_group(known, value) for value in found), MISSING])


def _group(known: Coder, value: Any) -> str:
    if isinstance(known, Words):
        return str(known.normalise(value)) if known.knows(value) else OTHER
    try:
        return _TRUTH[bool(known.normalise(value))]
    except ValueError:  # of an earlier contract, which allowed it
        return OTHER
