"""Rules of input drift and prediction drift: which columns moved, how far, and when that asks to act."""

from monitoring.findings import ColumnDrift, Drift, Findings
from monitoring.readable import effect
from monitoring.reasons import Reason
from pipeline.contract import Contract

_NAMED = 5  # columns, or categories, that a sentence names


def input_drift(contract: Contract, findings: Findings) -> list[Reason]:
    """Judge live traffic, which asks to act where many columns have changed, and newly ingested data."""
    reasons = []
    if findings.live and findings.answers >= contract.monitoring.minimum_rows:
        reasons += [*_share(contract, findings.live, "live traffic", "act"), *_columns(findings.live, "live traffic")]
    if findings.new_data and findings.new_data.rows >= contract.monitoring.minimum_rows:
        new = findings.new_data
        reasons += [*_share(contract, new, "newly ingested data", "watch"), *_columns(new, "newly ingested data")]
    return reasons


def prediction_drift(contract: Contract, findings: Findings) -> list[Reason]:
    """Judge whether the model says other things than on the held-out rows."""
    drift = findings.prediction
    if drift is None or not drift.drifted or findings.answers < contract.monitoring.minimum_rows:
        return []
    sentence = (
        f"The predictions lie {effect(drift.distance)} standard deviations (Wasserstein distance) from those on the "
        f"held-out rows (limit: {effect(drift.limit)}){_direction(drift)}."
    )
    return [
        Reason(
            view="prediction drift",
            severity="watch",
            subject="prediction",
            sentence=sentence,
            value=drift.distance,
            limit=drift.limit,
        )
    ]


def unchanged(contract: Contract, findings: Findings) -> list[Reason]:
    """Say on what grounds nothing was noticed, where the traffic could be judged."""
    drift = findings.live
    if drift is None or drift.changed or drift.rows < contract.monitoring.minimum_rows:
        return []
    sentence = f"None of {drift.features} columns of live traffic drifted, over {drift.rows:,} answers."
    if not drift.features:
        sentence = "No column is logged, so none of live traffic is compared with the training data."
    limit = contract.monitoring.drifted_share
    return [
        Reason(view="input drift", severity="note", subject="columns", sentence=sentence, value=0.0, limit=limit),
    ]


def _share(contract: Contract, drift: Drift, what: str, severity: str) -> list[Reason]:
    limit, changed = contract.monitoring.drifted_share, drift.changed
    if drift.share < limit:
        return []
    sentence = (
        f"{len(changed)} {'column' if len(changed) == 1 else 'columns'} of {drift.features} ({drift.share:.0%}) of "
        f"{what} drifted from the training data (to act: {limit:.0%}): {_named(changed)}."
    )
    return [
        Reason.model_validate(
            {
                "view": "input drift",
                "severity": severity,
                "subject": "columns",
                "sentence": sentence,
                "value": drift.share,
                "limit": limit,
            }
        )
    ]


def _columns(drift: Drift, what: str) -> list[Reason]:
    drifted = sorted((item for item in drift.columns if item.drifted), key=lambda item: -item.weight)
    return [_column(item, what) for item in drifted]


def _column(drift: ColumnDrift, what: str) -> Reason:
    unit = "standard deviations" if drift.method == "wasserstein" else "Jensen-Shannon"
    limit_of = f"(limit: {effect(drift.limit)}){_direction(drift)}"
    moved = f"lies {effect(drift.distance)} {unit} from the training data {limit_of}"
    parts = [moved] if drift.distance >= drift.limit else []
    parts += [
        f"{item.category} is in {item.now:.1%} of rows, and was in {item.before:.1%}"
        for item in drift.categories[:_NAMED]
    ]
    value, limit = drift.distance, drift.limit
    if value < limit:
        value, limit = drift.categories[0].effect, drift.categories[0].limit
    sentence = f"{drift.column} of {what} drifted: {'; '.join(parts)}."
    return Reason(
        view="input drift", severity="watch", subject=drift.column, sentence=sentence, value=value, limit=limit
    )


def _direction(drift: ColumnDrift) -> str:
    return "" if drift.moved is None else f", its mean {effect(drift.moved, sign='+')}"


def _named(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
