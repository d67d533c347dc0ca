"""Which parameters a candidate is tried with: the stated ones first, then others of its search, drawn by the seed."""

from itertools import product
from typing import Any

import numpy as np

from pipeline.contract import Candidate

_LISTED = 10_000  # combinations that are listed in order to draw from them


def combinations(candidate: Candidate, trials: int, seed: int) -> list[dict[str, Any]]:
    """Return at most `trials` sets of parameters, all different, the stated one first.

    The search is random, since few of a model's parameters matter and a grid spends its trials on the others: Bergstra
    & Bengio (2012), Random Search for Hyper-Parameter Optimization.
    """
    stated = dict(candidate.parameters)
    values = {name: _values(candidate, name) for name in candidate.search}
    count = int(np.prod([float(len(listed)) for listed in values.values()]))
    rng = np.random.default_rng(seed)
    if count <= _LISTED:
        drawn = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
        rng.shuffle(drawn)
    else:
        drawn = [
            {name: listed[rng.integers(len(listed))] for name, listed in values.items()} for _ in range(4 * trials)
        ]
    found = [stated]
    for chosen in drawn:
        if len(found) == trials:
            break
        if (one := stated | chosen) not in found:
            found.append(one)
    return found


def _values(candidate: Candidate, name: str) -> list[Any]:
    """The values of the search and, where there is one, the stated value."""
    stated = [candidate.parameters[name]] if name in candidate.parameters else []
    return stated + [value for value in candidate.search[name] if value not in stated]
