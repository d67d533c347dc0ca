"""Decide: every rule of the gate on the evidence, and one sentence that an operator reads in one go."""

from pipeline.contract import Contract
from training.gate.compare import compare
from training.gate.decision import REFUSED, Compared, Decision
from training.gate.evidence import Evidence
from training.gate.rules_of_comparison import comparable, gain_text, gains, recent_unharmed
from training.gate.rules_of_model import beats_dummy, enough_rows, fit_to_serve, within_limits
from training.gate.rules_of_slices import required_filled, slices_unharmed
from training.gate.ruling import SLICE, WORSENING
from training.gate.wording import error_title, error_unit, or_undefined
from training.rules import Rule
from training.units import PERCENT


def decide(contract: Contract, evidence: Evidence) -> Decision:
    """Judge a challenger by the contract's gate. The same evidence gives the same decision."""
    rival = evidence.rival
    compared = compare(contract, evidence, rival) if rival else None
    rules = _rules(contract, evidence, compared)
    return Decision(
        passed=all(rule.passed for rule in rules),
        rules=rules,
        sentence=_sentence(contract, evidence, rules, compared),
        compared=compared,
    )


def _rules(contract: Contract, evidence: Evidence, compared: Compared | None) -> list[Rule]:
    """Return all rules, the gravest first: that is the order in which a refusal is told."""
    rules = [*comparable(contract, evidence), enough_rows(contract, evidence), beats_dummy(contract, evidence)]
    if evidence.rival:
        rules += gains(contract, evidence, evidence.rival, compared)
        rules += recent_unharmed(contract, evidence, evidence.rival)
    rules += within_limits(contract, evidence) + required_filled(contract, evidence)
    if evidence.rival:
        rules += slices_unharmed(contract, evidence, evidence.rival)
    return rules + list(evidence.evaluation.robustness) + fit_to_serve(contract, evidence)


def _sentence(contract: Contract, evidence: Evidence, rules: list[Rule], compared: Compared | None) -> str:
    refusing = sorted((rule for rule in rules if not rule.passed), key=lambda rule: rule.value is not None)
    if refusing:
        return f"{REFUSED}{_stays(evidence)}: {'; '.join(_told(contract, refusing))}."
    why = _against(contract, compared) if compared else _without(contract, evidence)
    return f"Promoted {why}; all {len(rules)} rules passed."


def _told(contract: Contract, refusing: list[Rule]) -> list[str]:
    """What each refusing rule says; where there are several slices, they share a sentence."""
    slices = [rule for rule in refusing if rule.name.startswith(SLICE)]
    if len(slices) < 2:
        return [rule.sentence for rule in refusing]
    worst = [f"{rule.name.removeprefix(SLICE)} {or_undefined(rule.value, PERCENT)}" for rule in slices]
    must = f"must be at most {PERCENT.value(contract.gate.harm)}, and on {len(slices)} slices it is more"
    told = [rule.sentence for rule in refusing if rule not in slices]
    told.insert(refusing.index(slices[0]), f"{WORSENING} {must}: {', '.join(worst)}")
    return told


def _stays(evidence: Evidence) -> str:
    if evidence.rival:
        return f", and version {evidence.rival.version} stays live"
    return ", and what is live stays live" if evidence.incomparable else ""


def _against(contract: Contract, compared: Compared) -> str:
    which = "held-out rows" if compared.deciding == "all" else "held-out rows of the last windows, after a shift,"
    unit = error_unit(contract)
    errors = f"{unit.value(compared.challenger_error)} against {unit.value(compared.champion_error)}"
    return (
        f"over version {compared.champion}: on {compared.rows:,} {which} the {error_title(contract)} falls by "
        f"{gain_text(compared.gain)} ({errors})"
    )


def _without(contract: Contract, evidence: Evidence) -> str:
    first = f"without a comparison ({evidence.incomparable})" if evidence.incomparable else "as the first model"
    return f"{first}: {beats_dummy(contract, evidence).sentence}"
