"""Rule of slices: groups of rows whose error grew far more than luck brings to so many of them."""

from monitoring.drift.chances import allowed
from monitoring.measured import Performance, SliceError
from monitoring.readable import number
from monitoring.reasons import Reason
from pipeline.contract import Contract

_NAMED = 3  # the surest first


def worse_slices(contract: Contract, measured: Performance, tests: int) -> list[Reason]:
    """Name slices whose error grew by more than the limit, and by more than luck brings to so many (Holm 1979).

    Args:
        contract: gives the limit.
        measured: with the slices.
        tests: of the view, of which this is one.
    """
    tested = sorted((one for one in measured.slices if one.chance is not None), key=_chance)
    found: list[SliceError] = []
    for place, one in enumerate(tested):
        if _chance(one) > allowed(tests * (len(tested) - place)):
            break
        found += [one] if (one.ratio or 0) > contract.monitoring.error_ratio else []
    return [_slice(contract, one) for one in found[:_NAMED]]


def amount(contract: Contract, value: float | None) -> str:
    """Write a number of the target's unit."""
    return f"{number(value)} {contract.target.unit}" if contract.target.unit else number(value)


def _chance(one: SliceError) -> float:
    return 1.0 if one.chance is None else one.chance


def _slice(contract: Contract, one: SliceError) -> Reason:
    limit, before = contract.monitoring.error_ratio, one.held_out_mae or 0.0
    sentence = (
        f"Where {one.column} is {one.group}, the live mean absolute error is {amount(contract, one.mae)} over "
        f"{one.truths} truths, {one.ratio or 0:.2f} times the {amount(contract, before)} of {one.held_out_rows} "
        f"held-out rows (limit: {limit:g} times)."
    )
    return Reason(
        view="live performance",
        severity="watch",
        subject=f"{one.column}: {one.group}",
        sentence=sentence,
        value=one.mae,
        limit=limit * before,
    )
