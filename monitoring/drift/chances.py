"""How likely an unchanged window may be noticed: one chance for a whole report, shared out over all that it tests."""

from pipeline.contract import Contract

FALSE_ALARMS = 0.01  # of reports on unchanged rows, the share that may name anything at all
_VIEWS = 4  # data quality, input drift, prediction drift, live performance
_SETS = 2  # live traffic and new data
_KINDS = 4  # of what can be wrong with a column's values: stuck, missing, unseen, refused


def allowed(tests: int) -> float:
    """Return the chance that is left for each of a view's tests (Bonferroni)."""
    return FALSE_ALARMS / _VIEWS / tests


def for_drift(contract: Contract) -> float:
    """Return the chance of calling one column drifted that is not."""
    return allowed(_SETS * len(contract.features))


def for_quality(contract: Contract) -> float:
    """Return the chance of calling one thing wrong with a column that is not."""
    return allowed(_SETS * _KINDS * len(contract.features))
