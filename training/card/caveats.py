"""Limits and caveats: what the evaluation itself says against the model, and what nobody has looked at."""

from collections.abc import Iterator

from training.card.content import Bullets, Chapter
from training.card.facts import NOT_RECORDED, Facts, group, named
from training.card.wording import below, compared_with, count, listed, metric, percent, share, within
from training.evaluation.document import SliceResult
from training.metrics import names_of

_UNSURE = 0.15  # half the interval of the error, as a share of it, from which its value is to be read with care
_NAMED = 6  # groups of a column


def caveats(facts: Facts) -> Chapter:
    """Return what a reader should know before relying on the model."""
    parts = (_broken, _coverage, _groups, _measures, _expectations, _making)
    lines = [line for part in parts for line in part(facts)]
    return Chapter("Limits and caveats", [Bullets(lines or ["The evaluation found none."])])


def _measures(facts: Facts) -> Iterator[str]:
    evaluation = facts.evaluation
    for name in names_of(facts.contract):
        if name not in evaluation.metrics:
            yield f"The {within(metric(name))} is not defined on the test rows."
    found = evaluation.metrics.get("mae")
    if found and found.low is not None and found.high is not None and found.value > 0:
        half = (found.high - found.low) / 2 / found.value
        if half >= _UNSURE:
            rows = count(evaluation.rows, "test row")
            yield f"From {rows}, the mean absolute error is known to about ± {100 * half:.0f} % of it only."
    if facts.contract.target.transform == "log":
        yield "It is fitted to logarithms, so it aims below the mean: sums of its predictions tend to come out low."


def _coverage(facts: Facts) -> Iterator[str]:
    evaluation, level = facts.evaluation, facts.evaluation.interval.level
    if evaluation.coverage is None:
        yield "Whether the prediction interval holds what it promises is not defined."
    elif below(evaluation.coverage.value, level):
        inside = percent(evaluation.coverage.value)
        how = compared_with(evaluation.coverage, level)
        yield f"The prediction interval holds {inside} of the test rows, not {share(level)}: {how}."
    covered = [one for one in facts.judged() if one.coverage is not None and below(one.coverage, level)]
    if covered:
        least = min(covered, key=lambda one: one.coverage or 0)
        rows = count(least.rows, "test row")
        yield f"The prediction interval holds least for {group(least)}: {percent(least.coverage)} of {rows}."


def _groups(facts: Facts) -> Iterator[str]:
    evaluation, least = facts.evaluation, facts.contract.gate.slice_rows
    if not facts.contract.gate.slices:
        yield "No groups were looked at apart, so it is not known whether it is worse for some."
    if evaluation.worst and (more := _above(facts, evaluation.worst)):
        yield f"It is worst for {group(evaluation.worst)}: {more}."
    if evaluation.recent and (more := _above(facts, evaluation.recent)):
        yield f"It is worse on the most recent rows ({evaluation.recent.group}): {more}."
    if evaluation.recent is None:
        yield "All rows are of one window, so it is not known how it does as time goes on."
    if small := facts.small():
        yield f"Too small to judge, with fewer than {least} test rows: {named(small, _NAMED)}."
    if empty := facts.empty():
        yield f"Without any test row: {named(empty, _NAMED)}."


def _above(facts: Facts, one: SliceResult) -> str:
    """Return how much larger a slice's error is than that of all rows; empty where it is not."""
    name, overall = facts.evaluation.error, facts.error
    found = one.metrics.get(name)
    if found is None or not overall:
        return f"its {within(metric(name))} is not defined" if found is None else ""
    if found <= overall:
        return ""
    rows = count(one.rows, "test row")
    return f"its {within(metric(name))} is {percent(found / overall - 1)} above that of all rows, over {rows}"


def _broken(facts: Facts) -> Iterator[str]:
    for rule in facts.evaluation.robustness:
        if not rule.passed:
            yield f"Not robust: {within(rule.sentence)}."


def _expectations(facts: Facts) -> Iterator[str]:
    if not facts.contract.gate.expectations:
        yield "The contract states no expectations, so it is not known whether predictions go against common sense."
    expected = facts.contract.gate.expectations
    tolerated = [f"{name} {share(one.tolerance)}" for name, one in expected.items() if one.tolerance]
    if tolerated:
        yield f"A prediction may go against what the contract expects of a column, by up to: {listed(tolerated)}."


def _making(facts: Facts) -> Iterator[str]:
    if facts.decision.compared is None:
        yield "It was compared with no other version that has been live."
    commit = facts.tags.get("git_commit", "")
    if not commit:
        yield f"The commit of its code is {NOT_RECORDED}."
    elif commit.endswith("-dirty"):
        yield "It was made by code that no commit holds, so it may not be possible to make it again."
    if "lock_hash" not in facts.tags:
        yield f"The lock of its libraries is {NOT_RECORDED}."
    if facts.contract.licence == "unknown":
        yield "The licence of its data is not known."
    if facts.contract.owner == "nobody yet":
        yield "Nobody owns it yet."
