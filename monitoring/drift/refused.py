"""Refused values as evidence: a value out of range never reaches the log, so that no distance can show it."""

import numpy as np
from scipy.stats import binom

from monitoring.drift.chances import for_quality
from monitoring.drift.shares import by_chance
from monitoring.findings import Refusals, RefusedField
from pipeline.contract import Contract

Fields = dict[str, dict[str, int]]  # field -> reason -> refused values


def refusals(
    contract: Contract, fields: Fields, accepted: int, known: Fields | None = None, known_rows: int = 0
) -> Refusals:
    """Judge how often each field was refused.

    Args:
        contract: gives the share of refused values that nobody need look at.
        fields: what was refused.
        accepted: rows that were answered, or ingested, beside those.
        known: what was refused of the batches that the served version's data comes from; None: not known.
        known_rows: all rows of those batches.
    """
    counts = {field: sum(reasons.values()) for field, reasons in fields.items()}
    total, rows = sum(counts.values()), accepted + max(counts.values(), default=0)
    before = {field: sum(reasons.values()) for field, reasons in (known or {}).items()}
    judged = [
        _judge(contract, field, count, rows, before.get(field, 0), known_rows if known is not None else 0)
        for field, count in counts.items()
        if count
    ]
    return Refusals(
        total=total,
        share=total / (total + accepted) if total else 0,
        fields=fields,
        rows=rows,
        judged=sorted(judged, key=lambda item: (-item.count, item.field)),
    )


def _judge(contract: Contract, field: str, count: int, rows: int, before: int, rows_before: int) -> RefusedField:
    """Compare with what chance brings at the share that was known, and at one that is no matter.

    A request may be refused for several fields, of which `rows` counts the most frequent: it is a lower bound.
    """
    chance, known = for_quality(contract), before / rows_before if rows_before else None
    rate = min(max(contract.monitoring.refused_share, known or 0.0), 1.0)
    most = float(binom.isf(chance, rows, rate))
    sides = np.array([float(min(before, rows_before))]), np.array([float(count)])
    accident = rows_before > 0 and float(by_chance(*sides, rows_before, rows)[0]) > chance
    return RefusedField(
        field=field,
        count=count,
        share=count / rows,
        limit=most / rows,
        known=known,
        noticed=count > most and not accident,
    )
