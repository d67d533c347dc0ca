"""Rules that look at champion and challenger side by side, over all rows or the recent ones."""

from pipeline.bootstrap import Estimate
from pipeline.contract import Contract
from training.gate.compare import bound_of_gain, worsening_on
from training.gate.decision import Compared
from training.gate.evidence import Evidence, Rival
from training.gate.ruling import GAIN, WORSENING
from training.gate.wording import error_title, error_unit, moved
from training.rules import Rule, rule
from training.units import PERCENT


def comparable(contract: Contract, evidence: Evidence) -> list[Rule]:
    """Return no rule, unless there is a champion that cannot be compared: then the contract says what follows."""
    why = evidence.incomparable
    if not why:
        return []
    name = "the comparison with the champion"
    if contract.gate.incomparable == "limits":
        sentence = f"{why}; gate.incomparable is `limits`, so the challenger is judged as the first model would be"
        return [Rule(name=name, passed=True, value=None, limit=None, sentence=sentence)]
    way_out = "set gate.incomparable to `limits` to judge the challenger as the first model would be"
    return [Rule(name=name, passed=False, value=None, limit=None, sentence=f"{why}; {way_out}")]


def gains(contract: Contract, evidence: Evidence, rival: Rival, compared: Compared | None) -> list[Rule]:
    """Return whether the challenger surely makes smaller errors, and, after a shift, whether enough rows say so."""
    name = f"{GAIN} over version {rival.version}"
    note = _gain_note(contract, compared) if compared else "an error of some row is not defined"
    bound = bound_of_gain(contract, evidence, rival)
    rules = [rule(name, bound, "above", contract.gate.minimum_gain, PERCENT, note)]
    if evidence.shift:
        rows, least = float(evidence.deciding.sum()), float(contract.gate.recent_rows)
        note = "a shift was found, so they decide; more come with more data"
        rules.append(rule("the number of rows of the last windows", rows, "at least", least, note=note))
    return rules


def recent_unharmed(contract: Contract, evidence: Evidence, rival: Rival) -> list[Rule]:
    """Return whether recent rows are predicted as well as before; no rule after a shift, where they decide anyway."""
    if evidence.shift:
        return []
    gate = contract.gate
    found, least = worsening_on(contract, evidence, rival, evidence.recent, gate.confidence)
    note = f"the {error_title(contract)} of {int(evidence.recent.sum()):,} rows {moved(found)}"
    return [rule(f"{WORSENING} on the last windows", least, "at most", gate.harm, PERCENT, note)]


def gain_text(gain: Estimate) -> str:
    """Return the gain with its interval."""
    if gain.low is None or gain.high is None:
        return f"{PERCENT.value(gain.value)}, interval not defined"
    return f"{PERCENT.value(gain.value)}, 95 % interval {PERCENT.value(gain.low)} to {PERCENT.value(gain.high)}"


def _gain_note(contract: Contract, compared: Compared) -> str:
    unit = error_unit(contract)
    errors = f"{unit.value(compared.challenger_error)} against {unit.value(compared.champion_error)}"
    return f"gain {gain_text(compared.gain)}; {error_title(contract)} {errors} on {compared.rows:,} rows"
