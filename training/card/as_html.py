"""A model card as a page: one file that needs no network and runs nothing."""

from functools import singledispatch

from pipeline import page
from pipeline.page import Markup
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
    State,
    Subheading,
    Table,
    Tiles,
    Verdict,
)


def as_html(content: Content) -> str:
    """Return the whole page."""
    anchors = [f"part-{place}" for place in range(1, len(content.chapters) + 1)]
    links = zip(anchors, (chapter.title for chapter in content.chapters), strict=True)
    parts = [
        page.heading(content.title, content.subtitle),
        *map(_part, content.opening),
        page.contents(links),
        *map(_chapter, content.chapters, anchors),
    ]
    return page.document(content.title, parts, sealed=True)


def _chapter(chapter: Chapter, anchor: str) -> Markup:
    return page.section(chapter.title, *map(_part, chapter.blocks), note=chapter.note, anchor=anchor)


@singledispatch
def _part(block: Block) -> Markup:
    raise NotImplementedError(f"no page shows a {type(block).__name__}")


@_part.register
def _(block: Paragraph) -> Markup:
    return page.paragraph(block.text)


@_part.register
def _(block: Bullets) -> Markup:
    return page.bullets(block.lines)


@_part.register
def _(block: Command) -> Markup:
    return page.command(block.text)


@_part.register
def _(block: Subheading) -> Markup:
    return page.subheading(block.text)


@_part.register
def _(block: Table) -> Markup:
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    return page.table(block.head, rows, numbers=block.numbers, bad=block.marked)


@_part.register
def _(block: Images) -> Markup:
    return page.images((image.svg, image.alt, image.caption) for image in block.shown)


@_part.register
def _(block: Tiles) -> Markup:
    return page.tiles(block.cards)


@_part.register
def _(block: Verdict) -> Markup:
    return page.banner(block.status, block.sentence, block.reasons)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Bar):
        return page.balance(cell.share)
    if isinstance(cell, Stacked):
        return page.stacked(cell.text, cell.below)
    if isinstance(cell, Code):
        return page.code(cell)
    return page.state(cell) if isinstance(cell, State) else cell
