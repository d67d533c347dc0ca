"""How a replay is told in the terminal: steps as they go, a line for each period, the table and where things are."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.console import console, table
from cli.replay.live import BEFORE, EACH, PICTURE, RESULT, TABLE
from cli.replay.result import COURSES, TITLES, Line, Result
from pipeline.profile.wording import number

_COLORS = {"healthy": "green", "watch": "yellow", "act": "red"}
_DOING = {
    "world": "reading the history",
    "first": "training the first model",
    "answer": "answering requests",
    "learn": "learning what was true",
    "watch": "monitoring",
    "retrain": "retraining, if it is asked for",
    "every": "retraining for comparison",
}


class Shown:
    """A bar that moves on with each step."""

    def __init__(self, progress: Progress, periods: int) -> None:
        self._progress, self._done = progress, 0
        self._task = progress.add_task("beginning", total=BEFORE + EACH * periods)

    def step(self, name: str) -> None:
        """Show which step begins."""
        number, _, what = name.rpartition("-")
        doing = _DOING.get(what, what)
        words = f"period {int(number)}: {doing}" if number else doing
        self._progress.update(self._task, description=words, completed=self._done)
        self._done += 1

    def period(self, line: Line) -> None:
        """Print what a period brought."""
        colour = _COLORS.get(line.verdict, "dim")
        errors = ", ".join(
            f"{course} {number(error)}" for course in COURSES if (error := line.errors[course]) is not None
        )
        self._progress.console.print(
            f"[bold]{line.start}[/]  {line.rows:,} rows  {errors}  [{colour}]{line.verdict}[/]  "
            f"[dim]{escape(line.decision)}[/]"
        )
        if line.outcome:
            self._progress.console.print(f"    {escape(line.outcome)}")


@contextmanager
def showing(periods: int) -> Iterator[Shown]:
    """Give a progress bar for a replay of so many periods."""
    columns: tuple[Any, ...] = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # that it makes its tables is no news
    with Progress(*columns, console=console, transient=True) as progress:
        yield Shown(progress, periods)


def show_result(result: Result, folder: Path) -> None:
    """Print the table, the comparison and where the files are."""
    unit = f" in {result.unit}" if result.unit else ""
    title = f"{result.asked.model}: mean absolute error{unit} per period"
    columns = ("period", "rows", *COURSES, "model", "known", "verdict", "retrained")
    rows = [_row(line) for line in result.lines]
    total = sum(line.rows for line in result.lines)
    rows.append(("all", total, *(result.error(course) for course in COURSES), "", "", "", ""))
    console.print(table(title, columns, rows))
    for note in _notes(result):
        console.print(note, markup=False)
    console.print(f"[bold]{escape(result.sentence)}[/]")
    for name in (PICTURE, TABLE, RESULT):
        console.print(f"  {folder / name}", markup=False)


def _row(line: Line) -> tuple[Any, ...]:
    errors = ("" if line.errors[course] is None else line.errors[course] for course in COURSES)
    retraining = line.retraining or ("held back" if line.held_back else "")
    start = line.start + (" *" if line.shifted else "")
    return (start, line.rows, *errors, line.version, line.labelled_rows, line.word, retraining)


def _notes(result: Result) -> Iterator[str]:
    yield "; ".join(f"{course}: {TITLES[course]}" for course in COURSES)
    yield "model: the version that answered in the loop; known: rows whose truth was published by the period's end"
    yield f"recipe of all courses, which won the first training: {recipe(result)}"
    if any(line.shifted for line in result.lines):
        yield f"* {result.target} is multiplied by {result.asked.target_shift:g} in these periods"
    if result.quarantined:
        yield f"{result.quarantined:,} rows of the source break the contract and are no part of this"


def recipe(result: Result) -> str:
    """Say what the winner is made of: of a vote, the members come with it."""
    members = len(result.parameters) > 1
    return "; ".join(
        f"{name} {'their mean' if members and name == result.winner else parameters or 'as scikit-learn has it'}"
        for name, parameters in result.parameters.items()
    )
