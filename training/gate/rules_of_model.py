"""Rules that look at the challenger alone: what it must be, whichever model is live."""

from pipeline.bootstrap import Estimate
from pipeline.bundle.parity import TOLERANCE
from pipeline.contract import Contract
from training.gate.evidence import Evidence
from training.gate.wording import or_undefined, title_of, unit_of
from training.rules import Rule, rule
from training.units import MEGABYTES, MILLISECONDS, PERCENT

_BYTES = 1e6  # of a megabyte


def enough_rows(contract: Contract, evidence: Evidence) -> Rule:
    """Return whether there are held-out rows enough for a number to mean anything."""
    name = "the number of held-out rows"
    return rule(name, float(len(evidence.errors)), "at least", float(contract.gate.minimum_rows))


def beats_dummy(contract: Contract, evidence: Evidence) -> Rule:
    """Return whether it is better than the median: by far where it is the first, at all where it follows another."""
    found, of_dummy = _value(evidence.evaluation.metrics.get("mae")), evidence.evaluation.dummy.get("mae")
    share = found / of_dummy if found is not None and of_dummy else None
    unit = unit_of(contract, "mae")
    note = (
        f"{or_undefined(found, unit)} against {or_undefined(of_dummy, unit)} on {evidence.evaluation.rows:,} test rows"
    )
    name = "the MAE as a share of the dummy's"
    if evidence.rival is None:
        return rule(name, share, "at most", contract.gate.share_of_dummy, PERCENT, note)
    return rule(name, share, "below", 1.0, PERCENT, note)


def within_limits(contract: Contract, evidence: Evidence) -> list[Rule]:
    """Return a rule for each limit that the contract puts on a metric of the test rows."""
    rules = []
    for name, limit in contract.gate.limits.items():
        found = _value(evidence.evaluation.metrics.get(name))
        unit, title = unit_of(contract, name), f"the {title_of(name)}"
        if limit.minimum is not None:
            rules.append(rule(title, found, "at least", limit.minimum, unit))
        if limit.maximum is not None:
            rules.append(rule(title, found, "at most", limit.maximum, unit))
    return rules


def fit_to_serve(contract: Contract, evidence: Evidence) -> list[Rule]:
    """Return whether the bundle says what the model says, fast enough, and is small enough."""
    gate, packaged = contract.gate, evidence.packaged
    return [
        rule("the largest difference between ONNX and scikit-learn", packaged.parity, "at most", TOLERANCE),
        rule("the median latency of one row", packaged.latency_ms, "at most", gate.latency_ms, MILLISECONDS),
        rule("the size of the ONNX model", packaged.bytes, "at most", gate.size_mb * _BYTES, MEGABYTES),
    ]


def _value(found: Estimate | None) -> float | None:
    return None if found is None else found.value
