"""The numbers of one run that the history draws as lines, each beside its limit.

Evidently's UI draws a line through the values of one metric with the same parameters, and the distance's limit is one
of them: as that differs from run to run, its own drift metrics come out as single points. So a run adds its numbers as
a row, and the history draws the mean of each column.
"""

from monitoring.findings import Findings
from pipeline.contract import Contract

SUMMARY = "summary"  # the tag of the rows that are drawn

_ERROR, _LARGEST_ERROR = "mean absolute error", "largest before a retraining"
_LIVE_SHARE, _NEW_SHARE, _LARGEST_SHARE = "live traffic", "new data", "share to act on"
_PREDICTION, _LARGEST_PREDICTION = "predictions", "limit of predictions"
_COVERAGE, _NOMINAL = "truths within the interval", "promised"


def panels(contract: Contract) -> list[tuple[str, str, list[str]]]:
    """Return the diagrams: title, unit and lines of each."""
    unit = contract.target.unit or "in the target's unit"
    return [
        ("Live error", unit, [_ERROR, _LARGEST_ERROR]),
        ("Columns that drifted", "share of the features", [_LIVE_SHARE, _NEW_SHARE, _LARGEST_SHARE]),
        (
            "Drift of the predictions",
            "Wasserstein distance, in standard deviations",
            [_PREDICTION, _LARGEST_PREDICTION],
        ),
        ("Interval", "share of truths within it", [_COVERAGE, _NOMINAL]),
    ]


def trend(contract: Contract, findings: Findings) -> dict[str, float]:
    """Return the run's numbers by line; what is unknown is left out."""
    measured, drift = findings.performance, findings.prediction
    numbers: dict[str, float | None] = {
        _LIVE_SHARE: findings.live.share if findings.live else None,
        _NEW_SHARE: findings.new_data.share if findings.new_data else None,
        _LARGEST_SHARE: contract.monitoring.drifted_share,
        _PREDICTION: drift.distance if drift else None,
        _LARGEST_PREDICTION: drift.limit if drift else None,
        _ERROR: measured.mae if measured else None,
        _LARGEST_ERROR: contract.monitoring.error_ratio * measured.held_out_mae if measured else None,
        _COVERAGE: measured.coverage if measured else None,
        _NOMINAL: contract.training.interval,
    }
    return {name: number for name, number in numbers.items() if number is not None}
