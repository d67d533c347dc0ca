"""From which distance on a column counts as drifted: the contract's limit, or what chance alone may reach."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from monitoring.frames import is_numeric
from monitoring.noise import numeric_noise, word_noise
from pipeline.contract import PREDICTION, Contract


@dataclass(frozen=True)
class Limit:
    """How a column is compared, and the distance from which it counts as drifted.

    The method is fixed by the kind of column. Evidently's own choice changes with the number of rows, and then the
    numbers of two days cannot be compared.
    """

    method: Literal["wasserstein", "jensenshannon"]
    distance: float


def column_limits(contract: Contract, reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, Limit]:
    """Return the limit of each column that can be compared, the prediction among them where both sides have one."""
    names = [name for name in [*contract.features, PREDICTION] if name in reference and name in current]
    limits = {name: _limit(contract, name, reference[name].dropna(), current[name].dropna()) for name in names}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _limit(contract: Contract, name: str, reference: pd.Series, current: pd.Series) -> Limit | None:
    numeric = name == PREDICTION or is_numeric(contract.features[name])
    if reference.empty or current.empty or (numeric and reference.nunique() == 1):
        return None  # no distance is defined; `quality` says so where it matters
    if numeric:
        return Limit("wasserstein", max(contract.monitoring.column_drift, _numeric(contract, reference, current)))
    return Limit("jensenshannon", max(contract.monitoring.column_drift, _words(contract, reference, current)))


def _numeric(contract: Contract, reference: pd.Series, current: pd.Series) -> float:
    values = [side.to_numpy(dtype="float64") for side in (reference, current)]
    return numeric_noise(values[0], values[1], len(contract.features), contract.training.seed)


def _words(contract: Contract, reference: pd.Series, current: pd.Series) -> float:
    counts = pd.concat([reference, current]).value_counts().sort_index().to_numpy(dtype=np.float64)
    return word_noise(counts, len(reference), len(current), len(contract.features), contract.training.seed)
