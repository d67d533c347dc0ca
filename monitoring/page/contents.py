"""What the report says, in the order in which it is read: the verdict, what to do, the four views, where it is from."""

from monitoring.concerned import MOST_ROWS
from monitoring.page.drift import input_view, prediction_view
from monitoring.page.health import health_view
from monitoring.page.parts import VIEWS, Run, anchor, time
from monitoring.page.performance import performance_view
from monitoring.page.quality import quality_view
from monitoring.page.retraining import retraining_section
from monitoring.page.top import top
from pipeline.page import Markup, document, joined, link, section, table
from pipeline.page import contents as places

REPORT, SUMMARY = "report.html", "report.json"


def contents(run: Run) -> str:
    """Return the whole page: numbers and words alone, without a script, and of the size that findings have."""
    parts = top(run)
    parts.insert(1, places(_places(run)))
    if run.findings.version is not None:
        parts += [quality_view(run), input_view(run), prediction_view(run), performance_view(run), health_view(run)]
    if run.decision:
        parts.append(retraining_section(run.decision))
    parts.append(section("What this is made from", _origin(run), anchor="origin"))
    return document(f"{run.contract.title or run.contract.name}: monitoring", parts, sealed=True)


def _places(run: Run) -> list[tuple[str, str]]:
    shown = [("next", "What to do next")]
    if run.findings.version is not None:
        shown += [(anchor(view), view.capitalize()) for view in VIEWS]
    retraining = [("retraining", "Retraining")] if run.decision else []
    return [*shown, *retraining, ("origin", "What this is made from")]


def _origin(run: Run) -> Markup:
    gathered, served = run.gathered, run.gathered.served
    model = f"{run.contract.name} version {served.version}, trained on {served.data_version}" if served else "none"
    window = f"{time(gathered.since)} to {time(gathered.until)}"
    lines = [("Served model", model), ("Newest data", gathered.data_version), ("Window", window), ("Run", run.name)]
    if served:
        lines += [
            ("Live traffic", f"{gathered.live_rows:,} answers of this version, {gathered.other_rows:,} of others"),
            ("Reference", f"{gathered.reference_rows:,} rows: the data that the served version was made from"),
            ("New data", f"{gathered.new_data_rows:,} rows that were ingested since"),
        ]
    return table(("", ""), [*lines, ("Files", _files(run)), *_rows(run)])


def _files(run: Run) -> Markup:
    pages = [link(f"Evidently: {of}", f"./{name}") for of, name in run.pages.items()]
    return joined(link("All numbers as JSON", f"./{SUMMARY}"), *pages)


def _rows(run: Run) -> list[tuple[str, str]]:
    if not run.findings.concerned:
        return []
    said = (
        f"Of each finding at most {MOST_ROWS:,} rows can be downloaded as CSV (column Rows, or mlops monitor rows). "
        "Columns with log: false are not among them."
    )
    return [("Rows behind findings", said)]
