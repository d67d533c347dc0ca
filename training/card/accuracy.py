"""How far the model is off, and how sure each of its predictions is."""

import math
from collections.abc import Iterator

from training.card.content import Chapter, Stacked, Table
from training.card.facts import Facts
from training.card.wording import (
    METRICS,
    NOT_DEFINED,
    compared_with,
    count,
    listed,
    meaning,
    metric,
    percent,
    share,
    span,
    within,
)
from training.metrics import METRICS as ALL
from training.metrics import names_of

_HEAD = ("Measure", "This model", "95 % interval", "Always the median", "Share of the median's error")


def accuracy(facts: Facts) -> Chapter:
    """Return the metrics with their intervals, beside what the median would do."""
    contract, evaluation = facts.contract, facts.evaluation
    names = dict.fromkeys((*names_of(contract), *evaluation.metrics))
    rows = [_measure(facts, name) for name in names]
    rest = [within(metric(name)) for name in ALL if name not in names]
    unsaid = f" Not measured, since the target's range does not allow it: {listed(rest)}." if rest else ""
    note = (
        f"On {count(evaluation.rows, 'test row')} that neither fit nor choice has seen; intervals are by bootstrap "
        f"over these rows. Always the median: what saying the training rows' median of every row would have.{unsaid}"
    )
    target = contract.target.name
    plots = facts.plots(
        (
            "predicted_against_true.svg",
            f"Predicted {target} against true {target}, one point a test row; the nearer to the diagonal, the better",
            f"Predicted against true {target}. On the diagonal, both are equal.",
        ),
        (
            "residuals.svg",
            f"Residuals of the test rows: how far predictions of {target} lie above or below the truth",
            "Residuals. They should scatter evenly around zero, at every height.",
        ),
    )
    return Chapter("How far it is off", [Table(_HEAD, rows, numbers=(1, 2, 3, 4)), *plots], note)


def _measure(facts: Facts, name: str) -> list[str | Stacked]:
    found, dummy = facts.evaluation.metrics.get(name), facts.evaluation.dummy.get(name)
    left = found.value / dummy if found and dummy and name != "r2" else None
    return [
        Stacked(metric(name), meaning(name)) if name in METRICS else metric(name),
        facts.measured(name, found.value if found else None),
        facts.interval(name, found),
        facts.measured(name, dummy),
        percent(left) if left is not None else "",
    ]


def interval(facts: Facts) -> Chapter:
    """Return what the prediction interval promises, and whether it holds."""
    plots = facts.plots(
        (
            "interval_coverage.svg",
            "Share of test rows inside of the prediction interval, over all rows and by group, beside what is promised",
            "Coverage of the prediction interval, beside what is promised.",
        )
    )
    note = (
        "By split conformal prediction (Lei et al. 2018, doi:10.1080/01621459.2017.1307116), calibrated on validation "
        "rows: over rows like those, it promises the coverage on average, and not for each group."
    )
    return Chapter("How sure a prediction is", [Table(("", ""), list(_promise(facts))), *plots], note)


def _promise(facts: Facts) -> Iterator[tuple[str, str]]:
    evaluation = facts.evaluation
    yield "Promised coverage", share(evaluation.interval.level)
    found = evaluation.coverage
    if found is None:
        yield "Coverage of the test rows", NOT_DEFINED
    else:
        ends = span(found.low, found.high, percent)
        yield (
            "Coverage of the test rows",
            f"{percent(found.value)} (95 % interval {ends}): {compared_with(found, evaluation.interval.level)}",
        )
    yield "Interval of a prediction", _reach(facts)
    yield "Width, on average", facts.amount(evaluation.width)


def _reach(facts: Facts) -> str:
    half = facts.evaluation.interval.half_width
    if facts.evaluation.interval.scale == "identity":
        return f"the prediction ± {facts.amount(half)}, the same for all"
    low, high = percent(math.exp(-half)), percent(math.exp(half))
    return f"from {low} to {high} of the prediction, the same shares for all"
