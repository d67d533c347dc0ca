"""Input drift and prediction drift on the page: over all, and each column with its distance over its limit."""

from monitoring.findings import LIVE, NEW_DATA, ColumnDrift, Drift
from monitoring.page.parts import Run, anchor, percent, rows_link
from monitoring.readable import effect
from pipeline.contract import PREDICTION
from pipeline.page import Markup, folded, gauge, link, paragraph, section, stacked, state, subheading, table

_NOTE = (
    "Against the training data of the version in service. The bar shows the largest effect over its limit, which the "
    "line marks. The limit is the contract's, or what chance alone may reach with so few rows, whichever is more. A "
    "category is measured apart (Cohen's h). SD: Wasserstein distance in standard deviations; JS: Jensen-Shannon. PSI, "
    "the population stability index, is for comparison with other tools."
)
_UNITS = {"wasserstein": "SD", "jensenshannon": "JS"}
_HEAD = ("Column", "Effect over limit", "Distance", "Limit", "Mean moved", "PSI", "State", "Rows")
_NUMBERS = (2, 3, 4, 5)
_SHOWN = 4  # of columns that have not drifted; the others are folded
_NAMED = 6  # categories


def input_view(run: Run) -> Markup:
    """Return the section on the features."""
    parts = [] if run.findings.live else [paragraph("No prediction was answered in this window: nothing to compare.")]
    for of, drift in ((LIVE, run.findings.live), (NEW_DATA, run.findings.new_data)):
        if drift:
            parts += _side(run, of, drift)
    if not run.findings.new_data:
        parts.append(paragraph("No data was ingested since the served version's."))
    view = "input drift"
    return section("Input drift", *parts, note=_NOTE, anchor=anchor(view), status=run.state("input drift"))


def prediction_view(run: Run) -> Markup:
    """Return the section on the predictions."""
    drift, view = run.findings.prediction, "prediction drift"
    if drift is None:
        why = "No prediction was answered in this window." if not run.findings.live else _NO_REFERENCE
        part = paragraph(f"Nothing to compare: {why[0].lower()}{why[1:]}")
    else:
        part = table(_HEAD, [_row(run, LIVE, drift)], numbers=_NUMBERS, bad=[drift.drifted])
    return section(
        "Prediction drift",
        part,
        note="Live predictions against those on the rows that the version was not fitted on.",
        anchor=anchor(view),
        status=run.state("prediction drift"),
    )


_NO_REFERENCE = "The served version could not be asked what it says of its held-out rows."


def _side(run: Run, of: str, drift: Drift) -> list[Markup]:
    worst = sorted(drift.columns, key=lambda item: (-item.drifted, -item.weight))
    cut = sum(item.drifted for item in worst) + _SHOWN
    parts = [subheading(_title(of, drift)), _over_all(run, drift)]
    if worst:
        parts.append(_columns(run, of, worst[:cut]))
    if worst[cut:]:
        parts.append(folded(f"{len(worst) - cut} more columns, all as before", _columns(run, of, worst[cut:])))
    if of in run.pages:
        drawn = run.findings.draws.get(of)
        rows = f" Of {drawn.rows:,} rows, drawn with the seed {drawn.seed}." if drawn else ""
        parts.append(paragraph(link("Evidently's report in full", f"./{run.pages[of]}"), f"with its diagrams.{rows}"))
    return parts


def _title(of: str, drift: Drift) -> str:
    return f"{of.capitalize()}: {drift.rows:,} rows against {drift.reference_rows:,}"


def _over_all(run: Run, drift: Drift) -> Markup:
    limit = run.contract.monitoring.drifted_share
    changed = f"{len(drift.changed)} of {drift.features} columns changed ({percent(drift.share, 0)})"
    return paragraph(gauge(drift.share / limit), f"the limit: {changed}; to act: {limit:.0%}.")


def _columns(run: Run, of: str, columns: list[ColumnDrift]) -> Markup:
    judged = run.state("input drift") != "not judged"
    bad = [item.drifted and judged for item in columns]
    return table(_HEAD, [_row(run, of, item) for item in columns], _NUMBERS, bad)


def _row(run: Run, of: str, item: ColumnDrift) -> tuple[str, ...]:
    name = f"predicted {run.contract.target.name}" if item.column == PREDICTION else item.column
    return (
        stacked(name, _changed(item)),
        gauge(item.weight),
        f"{effect(item.distance, 3)} {_UNITS[item.method]}",
        effect(item.limit, 3),
        "" if item.moved is None else f"{effect(item.moved, sign='+')} SD",
        "" if item.psi is None else f"{item.psi:.3f}",
        state("drifted" if item.drifted else "as before"),
        rows_link(run, of, item.column),
    )


def _changed(item: ColumnDrift) -> str:
    named = [f"{one.category} {percent(one.before)} → {percent(one.now)}" for one in item.categories[:_NAMED]]
    more = len(item.categories) - _NAMED
    return ", ".join([*named, *([f"and {more} more"] if more > 0 else [])])
