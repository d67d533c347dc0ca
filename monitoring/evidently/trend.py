"""The numbers of one run that the history draws as lines, each beside its limit.

Evidently's UI draws a line through the values of one metric with the same parameters, and the distance's limit is one
of them: as that differs from run to run, its own drift metrics come out as single points. So a run adds its numbers as
a row, and the history draws the mean of each column.
"""

from monitoring.findings import Findings
from monitoring.measured import Performance
from monitoring.verdict import Status, Verdict
from pipeline.contract import Contract

TAG = "summary"  # of the rows that are drawn

_VERDICT = "verdict"
_ERROR, _LARGEST_ERROR = "mean absolute error", "largest before it asks to act"
_ERROR_LOW, _ERROR_HIGH = "its 95 % interval, low", "its 95 % interval, high"
_LIVE_SHARE, _NEW_SHARE, _LARGEST_SHARE = "live traffic", "new data", "share to act on"
_PREDICTION, _LARGEST_PREDICTION = "predictions", "limit of predictions"
_COVERAGE, _NOMINAL = "truths within the interval", "promised"
_TRUTH = "truth that has arrived"
_REFUSED = "refused values"
_MEDIAN, _SLOW, _SLOWEST = "latency, median", "latency, 95 of 100", "latency, 99 of 100"
_ANSWERS = "answers an hour"
_STATUS: dict[Status, float] = {"healthy": 0.0, "watch": 1.0, "act": 2.0}  # what was not judged has no point

Numbers = dict[str, float | None]


def panels(contract: Contract) -> list[tuple[str, str, list[str]]]:
    """Return the diagrams: title, unit and lines of each."""
    target, unit = contract.target.name, contract.target.unit or "in the target's unit"
    return [
        ("Verdict", "0 healthy, 1 watch, 2 act; no point: not enough data", [_VERDICT]),
        (f"Live error of {target}", unit, [_ERROR, _ERROR_LOW, _ERROR_HIGH, _LARGEST_ERROR]),
        ("Columns that drifted", "share of the features", [_LIVE_SHARE, _NEW_SHARE, _LARGEST_SHARE]),
        (f"Interval of {target}", "share of truths within it", [_COVERAGE, _NOMINAL]),
        (
            f"Drift of the predicted {target}",
            "Wasserstein distance, in standard deviations",
            [_PREDICTION, _LARGEST_PREDICTION],
        ),
        (f"{target}: truth that has arrived", "share of answers", [_TRUTH]),
        ("Refused values", "share of refusals among refusals and answers", [_REFUSED]),
        ("Latency", "milliseconds", [_MEDIAN, _SLOW, _SLOWEST]),
        ("Answers", "an hour", [_ANSWERS]),
    ]


def trend(contract: Contract, findings: Findings, verdict: Verdict) -> dict[str, float]:
    """Return the run's numbers by line; what is unknown is left out."""
    drift, limits = findings.prediction, contract.monitoring
    numbers: Numbers = {
        _VERDICT: _STATUS.get(verdict.status),
        _LIVE_SHARE: findings.live.share if findings.live else None,
        _NEW_SHARE: findings.new_data.share if findings.new_data else None,
        _LARGEST_SHARE: limits.drifted_share,
        _PREDICTION: drift.distance if drift else None,
        _LARGEST_PREDICTION: drift.limit if drift else None,
        _NOMINAL: contract.training.interval,
    }
    numbers |= _of_service(findings) | _of_error(contract, findings.performance)
    return {name: number for name, number in numbers.items() if number is not None}


def _of_error(contract: Contract, measured: Performance | None) -> Numbers:
    if measured is None:
        return {}
    ends = measured.ends.get("mae")
    return {
        _ERROR: measured.mae,
        _ERROR_LOW: ends.low if ends else None,
        _ERROR_HIGH: ends.high if ends else None,
        _LARGEST_ERROR: contract.monitoring.error_ratio * measured.held_out_mae,
        _COVERAGE: measured.coverage,
        _TRUTH: measured.truth_share,
    }


def _of_service(findings: Findings) -> Numbers:
    if findings.version is None:
        return {}
    health = findings.health
    return {
        _REFUSED: findings.refusals.share,
        _MEDIAN: health.latency_p50_ms,
        _SLOW: health.latency_p95_ms,
        _SLOWEST: health.latency_p99_ms,
        _ANSWERS: health.per_hour,
    }
