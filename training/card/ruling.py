"""The gate's decision, rule by rule, and the comparison with what is live."""

from collections.abc import Iterator, Sequence

from training.card.content import Cell, Chapter, Paragraph, Stacked, State, Table
from training.card.facts import Facts
from training.card.wording import change, count, metric, share, span
from training.gate.decision import Compared
from training.rules import Rule


def gate(facts: Facts) -> Chapter:
    """Return every rule with what it found and what it allows."""
    decision = facts.decision
    failed = sum(not rule.passed for rule in decision.rules)
    rules = count(len(decision.rules), "rule")
    note = f"{rules}, of which {failed} refused it." if failed else f"{rules}, all of which it passed."
    return Chapter("The gate's decision", [Paragraph(decision.sentence), rule_table(decision.rules, "refused")], note)


def rule_table(rules: Sequence[Rule], failed: str) -> Table:
    """Return rules as sentences, those that were not kept first; `failed` is the word for these."""
    ordered = sorted(rules, key=lambda rule: rule.passed)
    rows = [(_said(rule), State("passed" if rule.passed else failed)) for rule in ordered]
    return Table(("Rule", "Outcome"), rows, marked=[not rule.passed for rule in ordered])


def _said(rule: Rule) -> Cell:
    sentence = rule.sentence if rule.name in rule.sentence else f"{rule.name}: {rule.sentence}"
    start = _last_bracket(sentence)
    head = sentence[0].upper() + sentence[1:]
    return Stacked(head[:start].rstrip(), head[start + 1 : -1]) if start else head


def _last_bracket(sentence: str) -> int:
    """Return where the bracket begins that a sentence ends with; 0 where there is none."""
    depth = 0
    if sentence.endswith(")"):
        for place in range(len(sentence) - 1, 0, -1):
            depth += {")": 1, "(": -1}.get(sentence[place], 0)
            if not depth:
                return place
    return 0


def comparison(facts: Facts) -> Chapter:
    """Return champion and challenger side by side, or that there was no comparison."""
    compared = facts.decision.compared
    title = "Against the champion"
    if compared is None:
        return Chapter(title, [Paragraph(_alone(facts))])
    which = "the last windows, since monitoring has found a shift" if compared.deciding == "recent" else "all windows"
    note = (
        f"On {count(compared.rows, 'held-out row')} of {which} (validation and test), which neither was fitted on; row "
        "by row, with an interval by bootstrap."
    )
    return Chapter(title, [Table(("", ""), list(_sides(facts, compared)))], note)


def _sides(facts: Facts, compared: Compared) -> Iterator[tuple[str, str]]:
    name, gain = compared.error, compared.gain
    yield "Compared by", metric(name)
    yield f"Version {compared.champion}, which was live", facts.measured(name, compared.champion_error)
    yield f"Version {facts.version}, this one", facts.measured(name, compared.challenger_error)
    ends = span(gain.low, gain.high, change)
    yield "Gain, as a share of the live version's error", f"{change(gain.value)} (95 % interval {ends})"
    yield "Gain that the contract asks for, at least, for sure", share(facts.contract.gate.minimum_gain)


def _alone(facts: Facts) -> str:
    if facts.contract.gate.incomparable == "refuse" and facts.decision.passed:
        return "No model was live to compare with: this is the first one, judged by the gate's limits alone."
    return "It was compared with no live model; the gate's rules say why, and what decided instead."
