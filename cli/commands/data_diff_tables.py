"""What `mlops data diff` shows, as tables and lines for people."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.commands.data_tables import Part, counts, moved
from cli.console import table

if TYPE_CHECKING:
    from pipeline.data_diff import VersionDiff


def difference(model: str, found: "VersionDiff") -> Iterator[Part]:
    """Give what changed from one version to another."""
    yield (
        f"[bold]{escape(f'{model}: {found.before} -> {found.after}')}[/]: {found.added:,} rows added, "
        f"{found.corrected:,} corrected, {found.gone:,} gone; {found.rows_before:,} rows -> {found.rows_after:,}"
    )
    if not found.same_contract:
        yield "the contract's columns changed in between, so that rows cannot be compared: all are gone, and all added"
    elif not found.by_key:
        yield "rows are compared as a whole, without a key: a correction is a row gone and a row added"
    if found.windows:
        rows = [
            (one.window, *("" if n is None else n for n in (one.rows_before, one.rows_after)), *counts(one.changes))
            for one in found.windows
        ]
        columns = ("window", "rows before", "rows after", "added", "corrected", "gone")
        yield table("windows that changed", columns, rows)
    yield from _examples(found)
    yield moved(found.moves)


def _examples(found: "VersionDiff") -> Iterator[Part]:
    rows = [
        (one.window, example.change, _values(example.row), _corrections(example.corrections))
        for one in found.windows
        for example in one.examples
    ]
    if rows:
        yield table("examples", ("window", "change", "row", "corrections"), rows)


def _values(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _corrections(corrections: Mapping[str, tuple[Any, Any]]) -> str:
    return "; ".join(f"{name} {before} -> {after}" for name, (before, after) in corrections.items())
