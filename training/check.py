"""What `mlops contract check` asks of training: each candidate can be built, fitted, converted and trusted."""

import numpy as np

from pipeline.bundle.convert import ConversionError, to_onnx
from pipeline.bundle.parity import ParityError
from pipeline.contract import CategoryColumn, Column, Contract, ContractError, IntegerColumn, NumberColumn
from pipeline.encode import Matrix
from training.estimator import build_estimator
from training.proof import one_thread, prove

_ROWS = 120


def check_candidates(contract: Contract) -> None:
    """Try every candidate on made-up rows: what is wrong shows here, and not at the end of a training run.

    Raises:
        ContractError: with one line for each candidate that cannot be used.
    """
    found = [line for name in contract.training.candidates for line in _problems(contract, name)]
    if found:
        raise ContractError("\n".join(found))


def _problems(contract: Contract, name: str) -> list[str]:
    rows = _made_up(contract)
    target = np.exp(np.nan_to_num(rows / (1 + np.nanmax(np.abs(rows), axis=0))).sum(axis=1, dtype=np.float64))
    try:
        with one_thread():
            model = build_estimator(contract, name).fit(rows, target)
        prove(contract, model, to_onnx(model, rows.shape[1]), rows[: _ROWS // 2], rows[_ROWS // 2 :])
    except ContractError as error:
        return [f"{contract.name}: {error}"]
    except (ValueError, TypeError, ConversionError, ParityError) as error:
        return [f"{contract.name}: training.candidates.{name}: {error}"]
    return []


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
