"""Rules of live performance: the error, a systematic shift, the interval and the slices, on the truth that arrived."""

from scipy.stats import binom

from monitoring.drift.chances import allowed
from monitoring.findings import Findings
from monitoring.measured import Bias, Performance
from monitoring.reasons import Reason, Severity
from monitoring.rules.slices import amount, worse_slices
from pipeline.contract import Contract

_LEAST_GAP = 0.05  # below the nominal coverage; less matters to nobody
_HALF = 0.5  # of the limit of a shift: from there on it is worth a look
_DOUBT = 0.005  # a chance from which on a larger error is worth no look yet
_TESTS = 4  # error, bias, interval, slices
_UNDECIDED = (
    "The live error is over its limit, but as few truths, or a few large errors among them, may bring that by luck: it "
    "is neither surely worse nor healthy."
)


def live_performance(contract: Contract, findings: Findings) -> list[Reason]:
    """Judge the live error and its bias, which may ask to act, the coverage of the interval, and the slices."""
    measured = findings.performance
    if measured is None or measured.truths < contract.monitoring.minimum_rows:
        return []
    reasons = [_error(contract, measured), *_bias(contract, measured), *_coverage(measured)]
    return [*reasons, *worse_slices(contract, measured, _TESTS)]


def lacking(contract: Contract, findings: Findings) -> list[Reason]:
    """Say that the truths that have arrived are too few to call a model healthy, or leave it open whether it is."""
    least, measured = contract.monitoring.minimum_rows, findings.performance
    if measured is not None and undecided(contract, measured):
        return [
            _reason("note", "truth", _UNDECIDED, measured.mae, contract.monitoring.error_ratio * measured.held_out_mae)
        ]
    truths = measured.truths if measured else 0
    if truths >= least or findings.answers < least:
        return []
    sentence = (
        f"The truth of {truths} of {findings.answers} answers has arrived; the live error is judged from {least} on."
        f"{_expected(contract, measured)}"
    )
    return [_reason("note", "truth", sentence, truths, least)]


def undecided(contract: Contract, measured: Performance) -> bool:
    """Whether enough truths have arrived, and their error is over its limit in a way that may as well be luck.

    Where errors are compared as shares of the target, and these are not over it, the few largest targets are behind it.
    """
    enough = measured.truths >= contract.monitoring.minimum_rows
    return enough and _may_be_luck(contract, measured) and not _usual_shares(contract, measured)


def _may_be_luck(contract: Contract, measured: Performance) -> bool:
    return _beyond(contract, measured) and _gravity(contract, measured) == "note"


def _usual_shares(contract: Contract, measured: Performance) -> bool:
    shifted = measured.shifted
    return bool(shifted and shifted.relative and shifted.now <= contract.monitoring.error_ratio * shifted.typical)


def _error(contract: Contract, measured: Performance) -> Reason:
    ratio, limit = measured.ratio, contract.monitoring.error_ratio
    severity = _gravity(contract, measured)
    ends = measured.growth.ends if measured.growth else None
    between = f" (99% interval: {ends.low:.2f} to {ends.high:.2f})" if ends else ""
    times = "" if ratio is None else f"{ratio:.2f} times{between} "
    luck = _may_be_luck(contract, measured) and _usual_shares(contract, measured)
    few = " As shares of the truth, errors are as before: it comes from a few of the largest." if luck else ""
    sentence = (
        f"The live mean absolute error is {amount(contract, measured.mae)} over {measured.truths} truths, {times}the "
        f"{amount(contract, measured.held_out_mae)} of the held-out rows (limit: {limit:g} times).{few}"
    )
    return _reason(severity, "error", sentence, measured.mae, limit * measured.held_out_mae)


def _beyond(contract: Contract, measured: Performance) -> bool:
    return measured.mae is not None and measured.mae > contract.monitoring.error_ratio * measured.held_out_mae


def _gravity(contract: Contract, measured: Performance) -> Severity:
    """The point says whether the error is too large, the test whether that may be luck."""
    if not _beyond(contract, measured):
        return "note"
    if measured.growth is not None:
        chance = measured.growth.chance
        return "act" if chance <= allowed(_TESTS) else "watch" if chance <= _DOUBT else "note"
    ends = measured.ends.get("mae")  # the held-out rows cannot be asked: their error stands without an interval
    return "act" if ends and ends.low > contract.monitoring.error_ratio * measured.held_out_mae else "watch"


def _bias(contract: Contract, measured: Performance) -> list[Reason]:
    shifted, limit = measured.shifted, contract.monitoring.bias_share
    if shifted is None or shifted.change.chance > allowed(_TESTS) or abs(shifted.share) < _HALF * limit:
        return []
    severity: Severity = "act" if abs(shifted.share) >= limit else "watch"
    return [_reason(severity, "bias", _bias_sentence(contract, shifted, limit), abs(shifted.share), limit)]


def _bias_sentence(contract: Contract, shifted: Bias, limit: float) -> str:
    by = abs(shifted.moved)
    far = f"{by:.1%}" if shifted.relative else amount(contract, by)
    side = "above" if shifted.moved > 0 else "below"
    return (
        f"Predictions lie {far} further {side} the truth than on the held-out rows: {abs(shifted.share):.2f} times "
        f"their typical error (limit: {limit:g}). The target's relation to the features has changed."
    )


def _coverage(measured: Performance) -> list[Reason]:
    if measured.coverage is None:
        return []
    by_chance = float(binom.ppf(allowed(_TESTS), measured.truths, measured.nominal)) / measured.truths
    least = min(measured.nominal - _LEAST_GAP, by_chance)
    if measured.coverage >= least:
        return []
    holds = f"{measured.coverage:.1%} of {measured.truths} truths"
    sentence = f"The interval holds {holds}, and promises {measured.nominal:.0%} (limit: {least:.1%})."
    return [_reason("watch", "interval", sentence, measured.coverage, least)]


def _expected(contract: Contract, measured: Performance | None) -> str:
    expected = measured.expected if measured else None
    if expected is None or expected.mae is None:
        return ""
    return f" To be expected of the others is {amount(contract, expected.mae)}, if only what is asked has changed."


def _reason(
    severity: Severity, subject: str, sentence: str, value: float | None = None, limit: float | None = None
) -> Reason:
    return Reason(
        view="live performance", severity=severity, subject=subject, sentence=sentence, value=value, limit=limit
    )
