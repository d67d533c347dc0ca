"""Rules on groups of rows: a model that is better on the whole may not be much worse for some."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.contract import Contract
from training.gate.compare import corrected, worsening, worsening_on
from training.gate.evidence import Evidence, Rival
from training.gate.ruling import SLICE
from training.gate.wording import error_title, moved
from training.rules import Rule, rule
from training.units import PERCENT


@dataclass(frozen=True)
class Group:
    """The rows of one group among those that decide."""

    name: str  # the column, then the group
    rows: NDArray[np.bool_]  # which of the evidence's rows, shape (rows,)
    count: int


def required_filled(contract: Contract, evidence: Evidence) -> list[Rule]:
    """Return whether each group that the contract requires has a row, among all held-out rows."""
    rules = []
    for column, cut in contract.gate.slices.items():
        labels = evidence.groups.get(column, np.array([], dtype=object))
        there = ", ".join(map(str, np.unique(labels))) or "none"
        for group in cut.required:
            count = float(np.sum(labels == group))
            note = "" if count else f"a required group; those with rows are: {there}"
            rules.append(rule(f"the number of rows of {column} {group}", count, "at least", 1.0, note=note))
    return rules


def slices_unharmed(contract: Contract, evidence: Evidence, rival: Rival) -> list[Rule]:
    """Return a rule for each group with enough rows, the worst first, and one that reports the smaller groups.

    Small groups always look worse by luck in one of them. So each bound holds at a confidence that is corrected for how
    many groups count, and what has too few rows does not count.
    """
    groups = _groups(evidence)
    large = [group for group in groups if group.count >= contract.gate.slice_rows]
    small = [group for group in groups if group.count < contract.gate.slice_rows]
    rules = [_unharmed(contract, evidence, rival, group, len(large)) for group in large]
    rules.sort(key=lambda rule: np.inf if rule.value is None else rule.value, reverse=True)
    return rules + ([_report(contract, evidence, rival, small)] if small else [])


def _groups(evidence: Evidence) -> list[Group]:
    found = []
    for column, labels in evidence.groups.items():
        for label in np.unique(labels[evidence.deciding]):
            rows = (labels == label) & evidence.deciding
            found.append(Group(f"{column} {label}", rows, int(rows.sum())))
    return found


def _unharmed(contract: Contract, evidence: Evidence, rival: Rival, group: Group, slices: int) -> Rule:
    confidence = corrected(contract.gate.confidence, slices)
    found, least = worsening_on(contract, evidence, rival, group.rows, confidence)
    note = f"the {error_title(contract)} of {group.count:,} rows {moved(found)}; one of {slices} slices that count"
    return rule(f"{SLICE}{group.name}", least, "at most", contract.gate.harm, PERCENT, note)


def _report(contract: Contract, evidence: Evidence, rival: Rival, groups: list[Group]) -> Rule:
    """Always passes: it is there to be read."""
    name = f"slices of fewer than {contract.gate.slice_rows} rows"
    changes = "; ".join(f"{group.name} ({group.count:,}) {_change(evidence, rival, group)}" for group in groups)
    sentence = f"{name} do not count: {len(groups)} (how their {error_title(contract)} changes: {changes})"
    return Rule(name=name, passed=True, value=float(len(groups)), limit=None, sentence=sentence)


def _change(evidence: Evidence, rival: Rival, group: Group) -> str:
    found = float(worsening(rival.errors[group.rows], evidence.errors[group.rows]))
    return moved(found)
