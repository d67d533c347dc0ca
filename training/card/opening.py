"""What is read first: what the model does and how well, the gate's word, and the numbers that matter most."""

from collections.abc import Iterator

from training.card.content import Block, Paragraph, Tiles, Verdict
from training.card.facts import Facts
from training.card.wording import NOT_DEFINED, change, count, metric, percent, share, span


def title(facts: Facts) -> str:
    """Return what the card is of."""
    return f"{facts.contract.title or facts.contract.name}: model card of version {facts.version}"


def subtitle(facts: Facts) -> str:
    """Return where the version comes from, and who answers for it."""
    return f"Model {facts.contract.name}, trained on {facts.data_version}. Owner: {facts.contract.owner}."


def opening(facts: Facts) -> list[Block]:
    """Return the summary."""
    decision = facts.decision
    status = "passed" if decision.passed else "refused"
    sentence = "the gate." if decision.passed else "by the gate."
    return [Paragraph(summary(facts)), Verdict(status, sentence, [decision.sentence]), Tiles(list(_tiles(facts)))]


def summary(facts: Facts) -> str:
    """Return one sentence: what the model predicts, from what, and how far it is usually off."""
    contract, found = facts.contract, facts.evaluation.metrics.get("mae")
    unit = f", in {contract.target.unit}" if contract.target.unit else ""
    what = f"Predicts {contract.target.name}{unit}, from {count(len(contract.features), 'column')}"
    rows = f"on {count(facts.evaluation.rows, 'test row')} that neither fit nor choice has seen"
    if found is None:
        return f"{what}; how far it is usually off is {NOT_DEFINED} {rows}."
    sure = "" if found.low is None else f" (95 % interval {facts.interval('mae', found)})"
    dummy = facts.evaluation.dummy.get("mae")
    beside = "" if dummy is None else f", where always saying the median is off by {facts.amount(dummy)}"
    return f"{what}; {rows}, it is off by {facts.amount(found.value)} on average{sure}{beside}."


def _tiles(facts: Facts) -> Iterator[tuple[str, str, str]]:
    evaluation = facts.evaluation
    for name in dict.fromkeys(("mae", evaluation.error, "r2")):
        found = evaluation.metrics.get(name)
        value = facts.measured(name, found.value if found else None)
        yield metric(name), value, f"95 % interval {facts.interval(name, found)}"
    inside = evaluation.coverage
    promised = f"promised {share(evaluation.interval.level)}"
    sure = f"; 95 % interval {span(inside.low, inside.high, percent)}" if inside else ""
    yield "Inside the prediction interval", percent(inside.value if inside else None), promised + sure
    compared = facts.decision.compared
    if compared:
        gain = compared.gain
        ends = span(gain.low, gain.high, change)
        yield f"Gain over version {compared.champion}", change(gain.value), f"95 % interval {ends}"
    else:
        yield "Test rows", f"{evaluation.rows:,}", "which neither fit nor choice has seen"
