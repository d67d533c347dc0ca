"""Pieces of Markdown, in which what is shown stays words."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(text(cell) for cell in line)} |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {text(item)}" for item in items)


def text(words: str) -> str:
    """Return words on one line, in which no table, link or tag begins."""
    line = " ".join(words.split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def number(value: float | None) -> str:
    """Return a number for people: thousands apart, and no more digits than they read."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
