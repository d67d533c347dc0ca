"""What `mlops contract check` asks of training: each candidate can be built, fitted, converted and trusted."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from pipeline.bundle.convert import ConversionError, to_onnx
from pipeline.bundle.parity import ParityError
from pipeline.contract import CategoryColumn, Column, Contract, ContractError, IntegerColumn, NumberColumn
from pipeline.encode import Matrix
from pipeline.slices import check_slices
from training.errors import TrainingError
from training.estimator import build_estimator
from training.metrics import Numbers
from training.proof import one_thread, prove
from training.trusted import check_trusted
from training.vote import assemble

_ROWS = 120


def check_training(contract: Contract) -> None:
    """Try every candidate on made-up rows: what is wrong shows here, and not at the end of a training run.

    Raises:
        ContractError: with one line for each candidate that cannot be used, or when a required slice cannot be.
    """
    check_slices(contract)
    found: dict[str, list[str]] = {}
    for name, candidate in sorted(contract.training.candidates.items(), key=lambda item: len(item[1].of)):
        wrong = any(found[member] for member in candidate.of)  # which says it already
        found[name] = [] if wrong else _problems(contract, name)
    lines = [line for problems in found.values() for line in problems]
    if lines:
        raise ContractError("\n".join(lines))


def _problems(contract: Contract, name: str) -> list[str]:
    candidate = contract.training.candidates[name]
    problem = _problem(contract, name, candidate.parameters)
    if problem:
        return [f"{contract.name}: {problem}"]
    tried = [(key, value) for key, values in candidate.search.items() for value in values]
    problems = [(key, value, _problem(contract, name, candidate.parameters | {key: value})) for key, value in tried]
    return [
        f"{contract.name}: training.candidates.{name}.search.{key}: {value!r} cannot be used: {problem}"
        for key, value, problem in problems
        if problem
    ]


def _problem(contract: Contract, name: str, parameters: dict[str, Any]) -> str:
    rows = _made_up(contract)
    target = np.exp(np.nan_to_num(rows / (1 + np.nanmax(np.abs(rows), axis=0))).sum(axis=1, dtype=np.float64))
    try:
        with one_thread():
            model = _fitted(contract, name, parameters, rows, target)
        if parameters == contract.training.candidates[name].parameters:  # others change its numbers, and no types
            check_trusted(model)
        prove(contract, model, to_onnx(model, rows.shape[1]), rows[: _ROWS // 2], rows[_ROWS // 2 :])
    except ContractError as error:
        return str(error)
    except (ValueError, TypeError, TrainingError, ConversionError, ParityError) as error:
        return f"training.candidates.{name}: {error}"
    return ""


def _fitted(contract: Contract, name: str, parameters: dict[str, Any], rows: Matrix, target: Numbers) -> BaseEstimator:
    candidates = contract.training.candidates
    members = candidates[name].of
    if members:
        stated = {member: candidates[member].parameters for member in members}
        return assemble({member: _fitted(contract, member, stated[member], rows, target) for member in members})
    return build_estimator(contract, name, parameters, target).fit(rows, target)


def _made_up(contract: Contract) -> Matrix:
    rng = np.random.default_rng(contract.training.seed)
    columns = [_values(column, rng) for column in contract.features.values()]
    return np.column_stack(columns).astype(np.float32)


def _values(column: Column, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if isinstance(column, CategoryColumn):
        return rng.integers(0, len(column.categories), _ROWS).astype(np.float64)
    if not isinstance(column, NumberColumn | IntegerColumn):
        return rng.integers(0, 2, _ROWS).astype(np.float64)
    low = column.minimum if column.minimum is not None else min(0.0, (column.maximum or 0.0) - 100)
    high = column.maximum if column.maximum is not None else low + 100
    drawn = rng.uniform(low, high, _ROWS)
    return np.round(drawn) if column.type == "integer" else drawn
