"""Live performance on the page: the error on the truth that has arrived, by slice and version, and what to expect."""

from monitoring.concerned import ERROR, SLICE
from monitoring.findings import LIVE
from monitoring.measured import Expected, Performance, SliceError, VersionError
from monitoring.page.parts import UNKNOWN, Run, anchor, between, percent, rows_link
from monitoring.readable import number
from pipeline.page import Markup, bar, folded, gauge, paragraph, section, state, subheading, table

_NOTE = (
    "On the answers of this window whose truth has arrived. Intervals are 95% (bootstrap). Held-out: the rows that "
    "the version in service was not fitted on. Bias is prediction minus truth: above zero, the model says too much."
)
_FIRST_SLICES = 10  # the worst; the others are folded


def performance_view(run: Run) -> Markup:
    """Return the section."""
    measured = run.findings.performance
    if measured is None:
        parts = [paragraph("No prediction was answered in this window: there is no live error.")]
    else:
        parts = [_arrived(run, measured), *_measured(run, measured), *_waiting(run, measured.expected)]
        parts += [*_slices(run, measured), *_versions(run, measured)]
    view = "live performance"
    return section("Live performance", *parts, note=_NOTE, anchor=anchor(view), status=run.state("live performance"))


def _arrived(run: Run, measured: Performance) -> Markup:
    least = run.contract.monitoring.minimum_rows
    said = f"of answers have their truth: {measured.truths:,} of {run.findings.answers:,} (judged from {least:,})."
    return paragraph(bar(measured.truth_share), percent(measured.truth_share, 0), said)


def _measured(run: Run, measured: Performance) -> list[Markup]:
    if measured.mae is None:
        held_out = f"Its error on held-out rows: {run.amount(measured.held_out_mae)}."
        return [paragraph(f"No truth has arrived yet, so nothing is known of the live error. {held_out}")]
    ends, limits = measured.ends, run.contract.monitoring
    most = limits.error_ratio * measured.held_out_mae
    shifted = measured.shifted
    bias = f"shift of {number(abs(shifted.share))} typical errors" if shifted else ""
    rows: list[tuple[str, ...]] = [
        (
            "Mean absolute error (MAE)",
            run.amount(measured.mae),
            between(run, ends.get("mae")),
            run.amount(measured.held_out_mae),
            run.amount(most),
            rows_link(run, LIVE, ERROR),
        ),
        ("Root mean squared error (RMSE)", run.amount(measured.rmse), between(run, ends.get("rmse")), "", "", ""),
        ("Bias", run.amount(measured.bias), between(run, ends.get("bias")), bias, f"{limits.bias_share:g}", ""),
        ("R²", UNKNOWN if measured.r2 is None else f"{measured.r2:.3f}", _plain(measured, "r2"), "", "", ""),
        ("Truths within the interval", percent(measured.coverage), _shares(measured), _promised(measured), "", ""),
    ]
    judged = run.state("live performance") != "not judged"
    off = bool(shifted and abs(shifted.share) >= limits.bias_share)
    bad = [measured.mae > most and judged, False, off and judged]
    head = ("Measure", "Live", "Its interval", "Held-out", "Limit", "Rows")
    return [table(head, rows, numbers=(1, 2, 3, 4), bad=bad), *_growth(run, measured)]


def _growth(run: Run, measured: Performance) -> list[Markup]:
    if measured.ratio is None:
        return []
    limit, change = run.contract.monitoring.error_ratio, measured.growth
    ends = change.ends if change else None
    between_ = f" (99% interval: {ends.low:.2f} to {ends.high:.2f})" if ends else ""
    said = f"the live MAE is {measured.ratio:.2f} times the held-out one{between_}; to act: {limit:g} times."
    return [paragraph(gauge(measured.ratio / limit), f"the limit: {said}")]


def _plain(measured: Performance, name: str) -> str:
    ends = measured.ends.get(name)
    return f"{ends.low:.3f} to {ends.high:.3f}" if ends else ""


def _shares(measured: Performance) -> str:
    ends = measured.ends.get("coverage")
    return f"{percent(ends.low)} to {percent(ends.high)}" if ends else ""


def _promised(measured: Performance) -> str:
    return f"promised {measured.nominal:.0%}"


def _waiting(run: Run, expected: Expected | None) -> list[Markup]:
    if expected is None:
        return []
    title = subheading(f"{expected.rows:,} answers whose truth is still out")
    if expected.mae is None:
        return [title, paragraph(f"Nothing can be said of their error: {expected.silent or 'too little is known'}.")]
    said = (
        f"Their expected MAE is {run.amount(expected.mae)} (95%: {between(run, expected.ends)}), estimated from "
        f"{expected.source_rows:,} {expected.source}, weighted so that their predictions lie alike (worth "
        f"{expected.effective_rows:,.0f} rows; {percent(expected.beyond)} of the predictions lie beyond all of them). "
        "It holds if only what is asked about has changed, not how the target follows from it."
    )
    return [title, paragraph(said)]


def _slices(run: Run, measured: Performance) -> list[Markup]:
    if not measured.slices:
        return []
    worst = sorted(measured.slices, key=lambda one: (one.chance is None, -(one.ratio or 0)))
    parts = [subheading("By slice"), _slice_table(run, worst[:_FIRST_SLICES])]
    if worst[_FIRST_SLICES:]:
        rest = worst[_FIRST_SLICES:]
        parts.append(folded(f"{len(rest)} more groups", _slice_table(run, rest)))
    return parts


def _slice_table(run: Run, slices: list[SliceError]) -> Markup:
    head = (
        "Slice",
        "MAE over its limit",
        "Truths",
        "MAE",
        "Its interval",
        "Held-out MAE",
        "Bias",
        "Within",
        "",
        "Rows",
    )
    subjects = {one.subject for one in run.verdict.reasons if one.severity != "note"}
    bad = [f"{one.column}: {one.group}" in subjects for one in slices]
    rows = [_slice(run, one, noticed) for one, noticed in zip(slices, bad, strict=True)]
    return table(head, rows, numbers=(2, 3, 4, 5, 6, 7), bad=bad)


def _slice(run: Run, one: SliceError, noticed: bool) -> tuple[str, ...]:
    ratio = one.ratio / run.contract.monitoring.error_ratio if one.ratio is not None else None
    judged = one.chance is not None
    return (
        f"{one.column}: {one.group}",
        gauge(ratio) if ratio is not None and judged else "",
        f"{one.truths:,}",
        number(one.mae),
        f"{number(one.mae_ends.low)} to {number(one.mae_ends.high)}" if one.mae_ends else "",
        UNKNOWN if one.held_out_mae is None else number(one.held_out_mae),
        number(one.bias),
        percent(one.coverage, 0),
        state("noticed" if noticed else "too few rows" if not judged else _grown(ratio)),
        rows_link(run, LIVE, f"{SLICE}{one.column}: {one.group}"),
    )


def _grown(ratio: float | None) -> str:
    return "over the limit" if (ratio or 0) >= 1 else "as before"


def _versions(run: Run, measured: Performance) -> list[Markup]:
    if not measured.versions:
        return []
    head = ("Version", "Answers", "Truths", "MAE", "Held-out MAE", "Bias", "Within the interval")
    rows = [_version(run, one) for one in measured.versions]
    return [subheading("By version that answered"), table(head, rows, numbers=(1, 2, 3, 4, 5, 6))]


def _version(run: Run, one: VersionError) -> tuple[str, ...]:
    served = " (in service)" if one.version == run.findings.version else ""
    return (
        f"{one.version}{served}",
        f"{one.answers:,}",
        f"{one.truths:,}",
        run.amount(one.mae),
        run.amount(one.held_out_mae),
        run.amount(one.bias),
        percent(one.coverage),
    )
