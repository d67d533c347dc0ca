"""Whether to ask for a retraining, and why or why not: a pure function of the contract, the verdict and the past."""

from typing import Any

from monitoring.retraining.conditions import CONDITIONS, Guard, conditions, noticed
from monitoring.retraining.guards import guards
from monitoring.retraining.past import Condition, Kind, Past
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo

_NAMED = 3  # sentences of the verdict that a request repeats
_VIEWS = {"performance": ("live performance",), "drift": ("input drift", "prediction drift")}


class Decision(Section):
    """What monitoring decided on a retraining; `reason` is for people."""

    asked: bool  # never in a dry run
    kind: Kind  # the condition that holds, gravest first, whether it asked or was held back
    reason: str
    guards: tuple[Guard, ...] = ()  # every condition and every guard, with its value and limit
    noticed: tuple[Condition, ...] = ()  # what this window alone gives as reasons
    dry_run: bool = False
    shift: bool = False  # the world has changed: the gate then compares on the last rows
    data_version: str = ""  # what a retraining would be fitted on

    @property
    def held_back(self) -> tuple[Guard, ...]:
        """The guards that did not let a request pass."""
        return tuple(guard for guard in self.guards if guard.role == "guard" and not guard.passed)


def decide(contract: Contract, verdict: Verdict, past: Past, *, dry_run: bool = False) -> Decision:
    """Decide on a retraining: performance first, drift second, growth third, and every guard must let it pass.

    Args:
        contract: its section `monitoring.retraining` gives the limits.
        verdict: of this window.
        past: earlier windows and retrainings; what is later than `past.until` is not looked at.
        dry_run: say what would be asked for, and ask for nothing; the contract may say so as well.
    """
    dry = dry_run or contract.monitoring.retraining.dry_run
    if verdict.status == "no model":
        return _decision(verdict, past, "no model", (), (), dry, "no model is released yet")
    known = _until_now(past)
    tested = conditions(contract, verdict, known)
    holding = next((guard for guard in tested if guard.passed), None)
    every = (*tested, *guards(contract, known))
    kind: Kind = next((one for one in CONDITIONS if holding and holding.name == one), "none")
    now = noticed(contract, verdict, past)
    why = _why(verdict, holding) if holding else _why_not(now, tested)
    return _decision(verdict, past, kind, every, now, dry, why)


def request_of(decision: Decision) -> dict[str, Any]:
    """Return what a request to train carries.

    Raises:
        NothingToDo: with the decision's reason, when none is asked for.
    """
    if not decision.asked:
        raise NothingToDo(decision.reason)
    return decision.model_dump(mode="json", include={"reason", "data_version", "shift", "kind", "guards"})


def _decision(
    verdict: Verdict, past: Past, kind: Kind, every: tuple[Guard, ...], now: tuple[Condition, ...], dry: bool, why: str
) -> Decision:
    stops = [guard.sentence for guard in every if guard.role == "guard" and not guard.passed]
    wanted = kind != "none"
    reason = why
    if not wanted:
        reason = f"No retraining is asked for: {why}."
    elif stops:
        reason = f"A retraining is held back: {'; '.join(stops)}. It would have been asked for because: {why}"
    elif dry:
        reason = f"Dry run: a retraining would have been asked for: {why}"
    asked = wanted and not stops and not dry
    rest: dict[str, Any] = {"guards": every, "noticed": now, "dry_run": dry, "shift": verdict.shift}
    return Decision(asked=asked, kind=kind, reason=reason, data_version=past.data_version, **rest)


def _why(verdict: Verdict, holding: Guard) -> str:
    views = _VIEWS.get(holding.name, ())
    said = [one.sentence for one in verdict.reasons if one.view in views and one.severity == "act"]
    return " ".join([*said[:_NAMED], f"{holding.sentence[0].upper()}{holding.sentence[1:]}."])


def _why_not(now: tuple[Condition, ...], tested: list[Guard]) -> str:
    """A window that calls for action is not enough by itself: say what else it takes."""
    return "; ".join(guard.sentence for guard in tested if guard.name in now) or "none of the conditions holds"


def _until_now(past: Past) -> Past:
    """A run that is repeated sees what it saw then, and a clock that steps back cannot make the future the past."""
    windows = tuple(window for window in past.windows if window.until < past.until)
    retrainings = tuple(one for one in past.retrainings if one.asked < past.until)
    return past.model_copy(update={"windows": windows, "retrainings": retrainings})
