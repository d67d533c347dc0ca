"""How the model behaves: when its input is a little wrong, what it leans on, and why it says what it says of a row."""

from collections.abc import Iterator, Sequence

from training.card.content import Bar, Block, Bullets, Cell, Chapter, Paragraph, Subheading, Table
from training.card.facts import Facts
from training.card.ruling import rule_table
from training.card.wording import count, listed, metric, number, share, signed, span, within
from training.evaluation.document import Explained

_FEATURES = 40  # of importance, at most
_EFFECTS = 8  # of a row; the others are added up


def robustness(facts: Facts) -> Chapter:
    """Return what was tried on the input, what is expected, and what came of each."""
    rules = facts.evaluation.robustness
    tried: list[Block] = [rule_table(rules, "failed")] if rules else [Paragraph("No rule of robustness was tried.")]
    expected = list(_expectations(facts)) or ["The contract states no expectations (gate.expectations)."]
    return Chapter(
        "Robustness and expectations",
        [*tried, Subheading("What the contract expects"), Bullets(expected)],
    )


def _expectations(facts: Facts) -> Iterator[str]:
    for name, expected in facts.contract.gate.expectations.items():
        way = "raises" if expected.direction == "increasing" else "lowers"
        yield f"More {name} {way} the prediction; up to {share(expected.tolerance)} the other way is tolerated."


def importance(facts: Facts) -> Chapter:
    """Return how much the error grows without each feature, the largest first."""
    found, error = facts.evaluation.importance, facts.evaluation.error
    plots = facts.plots(
        (
            "importance.svg",
            f"How much the {within(metric(error))} grows when the values of a feature are shuffled, by feature",
            "Growth of the error when a feature's values are shuffled.",
        )
    )
    scale = max((abs(one.increase) for one in found), default=0.0)
    rows = [
        (
            one.feature,
            facts.measured(error, one.increase, scale),
            span(one.low, one.high, lambda end, _: facts.measured(error, end, scale)),
        )
        for one in found[:_FEATURES]
    ]
    table = Table(("Column", "Error grows by", "Smallest and largest of the repeats"), rows, numbers=(1, 2))
    shown: list[Block] = [*plots, table, *_unused(facts)] if found else [Paragraph("It was not measured.")]
    note = (
        f"How much the {within(metric(error))} grows when a column's values are shuffled among the test rows. It says "
        "what the model leans on, which is no cause; columns that tell the same share what they are worth."
    )
    return Chapter("What it leans on", shown, note)


def _unused(facts: Facts) -> Iterator[Block]:
    found = facts.evaluation.importance
    unused = [one.feature for one in found if one.low <= 0]
    if unused:
        yield Paragraph(f"Columns without which it may do as well ({len(unused)}): {listed(unused)}.")
    if len(found) > _FEATURES:
        yield Paragraph(f"{count(len(found) - _FEATURES, 'column')} of less weight are in evaluation.json.")


def explained(facts: Facts) -> Chapter:
    """Return single predictions, taken apart."""
    blocks = [block for one in facts.evaluation.explained for block in _row(facts, one)]
    note = "What each value of the row adds to its prediction (Shapley values), beside rows that it is compared with."
    return Chapter("Single rows, explained", blocks or [Paragraph("No row was explained.")], note if blocks else "")


def _row(facts: Facts, one: Explained) -> Iterator[Block]:
    yield Subheading(one.title)
    off = one.predicted - one.actual
    side = "too high" if off > 0 else "too low"
    missed = f"{facts.amount(abs(off))} {side}" if off else "exactly right"
    yield Paragraph(f"Predicted {facts.amount(one.predicted)}; true is {facts.amount(one.actual)}: {missed}.")
    rows = list(_effects(one))
    yield Table(("Column", "Value", f"Effect{_in_unit(facts)}", ""), rows, numbers=(2,))


def _effects(one: Explained) -> Iterator[Sequence[Cell]]:
    shown, rest = one.contributions[:_EFFECTS], one.contributions[_EFFECTS:]
    others = sum(each.effect for each in rest)
    longest = max((abs(each.effect) for each in shown), default=0.0) or 1.0
    yield "Mean prediction of the rows it is compared with", "", number(one.base), ""
    for each in shown:
        yield each.feature, each.value, signed(each.effect), Bar(each.effect / longest)
    if rest:
        yield f"{count(len(rest), 'other column')}, together", "", signed(others), ""
    yield "Prediction", "", number(one.predicted), ""


def _in_unit(facts: Facts) -> str:
    return f", in {facts.contract.target.unit}" if facts.contract.target.unit else ""
