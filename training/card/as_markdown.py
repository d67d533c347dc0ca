"""A model card as Markdown (CommonMark, with GitHub's tables); the plots are files beside it."""

from collections.abc import Sequence
from functools import singledispatch
from urllib.parse import quote

from training.card.content import (
    Bar,
    Block,
    Bullets,
    Cell,
    Chapter,
    Code,
    Command,
    Content,
    Images,
    Paragraph,
    Stacked,
    Subheading,
    Table,
    Tiles,
    Verdict,
)
from training.card.escape import code, line, text

_LONGEST = 12  # signs of a bar


def as_markdown(content: Content, folder: str) -> str:
    """Return the whole text; `folder` is where the plots are, seen from it."""
    opening = [_part(block, folder) for block in content.opening]
    chapters = [_chapter(chapter, folder) for chapter in content.chapters]
    return "\n\n".join([f"# {text(content.title)}", line(content.subtitle), *opening, *chapters]) + "\n"


def _chapter(chapter: Chapter, folder: str) -> str:
    note = [line(chapter.note)] if chapter.note else []
    return "\n\n".join([f"## {text(chapter.title)}", *note, *(_part(block, folder) for block in chapter.blocks)])


@singledispatch
def _part(block: Block, folder: str) -> str:
    raise NotImplementedError(f"no Markdown shows a {type(block).__name__}")


@_part.register
def _(block: Paragraph, _folder: str) -> str:
    return line(block.text)


@_part.register
def _(block: Bullets, _folder: str) -> str:
    return _bullets(block.lines)


@_part.register
def _(block: Command, _folder: str) -> str:
    return f"    {' '.join(block.text.split())}"


@_part.register
def _(block: Subheading, _folder: str) -> str:
    return f"### {text(block.text)}"


@_part.register
def _(block: Table, _folder: str) -> str:
    rule = ("---:" if place in block.numbers else "---" for place in range(len(block.head)))
    lines = [map(text, block.head), rule, *(map(_cell, row) for row in block.rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


@_part.register
def _(block: Images, folder: str) -> str:
    return "\n\n".join(f"![{text(one.alt)}]({folder}/{quote(one.name)})\n\n{line(one.caption)}" for one in block.shown)


@_part.register
def _(block: Tiles, _folder: str) -> str:
    lines = ((label, value, f" ({text(note)})" if note else "") for label, value, note in block.cards)
    return "\n".join(f"- {text(label)}: **{text(value)}**{note}" for label, value, note in lines)


@_part.register
def _(block: Verdict, _folder: str) -> str:
    return f"**{text(block.status.capitalize())}** {text(block.sentence)}\n\n{_bullets(block.reasons)}".rstrip()


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line(one)}" for one in lines)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Bar):
        return "█" * round(_LONGEST * min(abs(cell.share), 1))
    if isinstance(cell, Stacked):
        return f"{text(cell.text)}: {text(cell.below)}" if cell.below else text(cell.text)
    return code(cell) if isinstance(cell, Code) else text(cell)
