"""How the model does for groups of rows: those that the contract names, the worst, and the most recent."""

from collections.abc import Iterator

from training.card.content import Cell, Chapter, Paragraph, State, Table
from training.card.facts import Facts, group, named
from training.card.wording import change, count, listed, metric, percent
from training.evaluation.document import SliceResult

_SHOWN = 80  # groups, at most


def groups(facts: Facts) -> Chapter:
    """Return every group with its rows, error and coverage, and what is too small to judge."""
    title = "How it does for groups of rows"
    plots = facts.plots(
        (
            "slices.svg",
            "Error of each group of test rows, with the error of all rows beside it",
            "Error by group. Groups with few rows scatter by luck.",
        )
    )
    apart = Table(_head(facts, "Rows"), list(_apart(facts)), numbers=_NUMBERS)
    if not facts.evaluation.slices:
        none = Paragraph("The contract names no groups (gate.slices), so none were looked at apart.")
        return Chapter(title, [none, apart, *plots])
    filled = [one for one in facts.evaluation.slices if one.rows]
    least = min(sorted((one.rows for one in filled), reverse=True)[:_SHOWN], default=0)
    shown = [one for one in filled if one.rows >= least][:_SHOWN]
    table = Table(
        _head(facts, "Group"), [_line(facts, group(one), one) for one in shown], _NUMBERS, _marked(facts, shown)
    )
    return Chapter(title, [apart, *plots, table, *_left_out(facts, len(filled) - len(shown))], _note(facts))


_NUMBERS = (1, 2, 3, 4, 5)


def _note(facts: Facts) -> str:
    least, cut = facts.contract.gate.slice_rows, listed(list(facts.contract.gate.slices))
    return (
        f"Of the test rows, cut by {cut}. A group with fewer than {least} of them is too small to judge: it looks "
        "better or worse by luck."
    )


def _head(facts: Facts, first: str) -> tuple[str, ...]:
    error = facts.evaluation.error
    return (first, "Test rows", metric(error), "Against all rows", "Inside the interval", "Mean width", "State")


def _apart(facts: Facts) -> Iterator[list[Cell]]:
    evaluation = facts.evaluation
    metrics = {name: found.value for name, found in evaluation.metrics.items()}
    inside = evaluation.coverage.value if evaluation.coverage else None
    overall = SliceResult(
        column="", group="", rows=evaluation.rows, metrics=metrics, coverage=inside, width=evaluation.width
    )
    yield [*_line(facts, "All test rows", overall)[:-1], ""]
    if evaluation.worst:
        yield _line(facts, f"Worst group: {group(evaluation.worst)}", evaluation.worst)
    if evaluation.recent:
        yield _line(facts, f"Most recent rows: {evaluation.recent.group}", evaluation.recent)


def _line(facts: Facts, title: str, one: SliceResult) -> list[Cell]:
    name, overall = facts.evaluation.error, facts.error
    found = one.metrics.get(name)
    against = change(found / overall - 1) if found is not None and overall and found != overall else ""
    numbers = (facts.measured(name, found), against, percent(one.coverage), facts.amount(one.width))
    return [title, f"{one.rows:,}", *numbers, State(_state(facts, one))]


def _state(facts: Facts, one: SliceResult) -> str:
    if one.rows < facts.contract.gate.slice_rows:
        return "too small to judge"
    return "worst" if _is_worst(facts, one) else "judged"


def _is_worst(facts: Facts, one: SliceResult) -> bool:
    worst = facts.evaluation.worst
    return worst is not None and (one.column, one.group) == (worst.column, worst.group)


def _marked(facts: Facts, shown: list[SliceResult]) -> list[bool]:
    return [_is_worst(facts, one) for one in shown]


def _left_out(facts: Facts, left: int) -> Iterator[Paragraph]:
    if left:
        yield Paragraph(f"{count(left, 'more group')} with fewer rows: in evaluation.json, beside this card.")
    if empty := facts.empty():
        yield Paragraph(f"Without any test row: {named(empty, _SHOWN)}.")
