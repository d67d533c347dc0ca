"""The parts of a report's page: plain HTML that needs no network."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from pipeline.style import STYLE


class Markup(str):
    """HTML that is written by this module; any other text is escaped."""

    __slots__ = ()


# Nothing may run or be fetched. Pictures stand in the page itself.
SEALED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, parts: Iterable[str], *, sealed: bool = False) -> str:
    """Return the whole page; a `sealed` one keeps to `SEALED` by itself, wherever it is opened."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{SEALED}">' if sealed else ""
    named = f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    head = f'<meta charset="utf-8">{policy}{named}'
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def heading(title: str, subtitle: str) -> Markup:
    """Return the top of the page."""
    return Markup(f'<h1>{escape(title)}</h1><p class="faint">{escape(subtitle)}</p>')


def banner(status: str, advice: str, reasons: Sequence[str]) -> Markup:
    """Return the verdict with its reasons, in the colour of its status."""
    listed = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return Markup(
        f'<section class="verdict {status.replace(" ", "-")}"><strong>{escape(status)}</strong> {escape(advice)}'
        f"<ul>{listed}</ul></section>"
    )


def tiles(cards: Iterable[tuple[str, str, str]]) -> Markup:
    """Return numbers that are seen first: each is a label, the number, and what it is measured by."""
    shown = (
        f'<div class="tile"><span>{escape(label)}</span><strong>{escape(value)}</strong><em>{escape(note)}</em></div>'
        for label, value, note in cards
    )
    return Markup(f'<div class="tiles">{"".join(shown)}</div>')


def section(title: str, *parts: str, note: str = "", anchor: str = "", status: str = "") -> Markup:
    """Return a section with a heading, and a note in small print; an `anchor` is where `contents` leads.

    A `status` stands beside the title.
    """
    small = f'<p class="faint">{escape(note)}</p>' if note else ""
    place = f' id="{escape(anchor)}"' if anchor else ""
    shown = f" {chip(status)}" if status else ""
    return Markup(f"<section{place}><h2>{escape(title)}{shown}</h2>{small}{''.join(parts)}</section>")


def contents(places: Iterable[tuple[str, str]]) -> Markup:
    """Return links to sections: each is an anchor and a title."""
    links = (f'<a href="#{escape(anchor)}">{escape(title)}</a>' for anchor, title in places)
    return Markup(f"<nav>{''.join(links)}</nav>")


def subheading(title: str) -> Markup:
    """Return a title within a section."""
    return Markup(f"<h3>{escape(title)}</h3>")


def paragraph(*parts: str) -> Markup:
    """Return sentences; what is not `Markup`, such as a link, is escaped."""
    return Markup(f"<p>{' '.join(_cell(part) for part in parts)}</p>")


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = (), bad: Sequence[bool] = ()
) -> Markup:
    """Return a table.

    Args:
        head: titles of the columns; empty ones are not shown.
        rows: cells, each row as long as `head`.
        numbers: columns that are aligned to the right.
        bad: which rows are marked; shorter than `rows` marks none of the rest.
    """
    classes = ["number" if place in numbers else "" for place in range(len(head))]
    top = "".join(f'<th class="{kind}">{escape(cell)}</th>' for kind, cell in zip(classes, head, strict=True))
    lines = []
    for place, row in enumerate(rows):
        marked = place < len(bad) and bad[place]
        cells = "".join(f'<td class="{kind}">{_cell(cell)}</td>' for kind, cell in zip(classes, row, strict=True))
        lines.append(f'<tr class="{"bad" if marked else ""}">{cells}</tr>')
    titles = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    return Markup(f"<table>{titles}<tbody>{''.join(lines)}</tbody></table>")


def bullets(lines: Iterable[str]) -> Markup:
    """Return a list of sentences."""
    return Markup(f"<ul>{''.join(f'<li>{_cell(line)}</li>' for line in lines)}</ul>")


def state(text: str) -> Markup:
    """Return a word on a row's state, which is coloured where the row is marked."""
    return Markup(f'<span class="state">{escape(text)}</span>')


def folded(title: str, *parts: str) -> Markup:
    """Return parts that show when their title is clicked."""
    return Markup(f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>")


def code(text: str) -> Markup:
    """Return a text that is to be copied, such as an address."""
    return Markup(f"<code>{escape(text)}</code>")


def command(text: str) -> Markup:
    """Return a line that a reader may type."""
    return Markup(f"<pre><code>{escape(text)}</code></pre>")


def images(shown: Iterable[tuple[bytes, str, str]]) -> Markup:
    """Return pictures side by side: each is an SVG, what it shows to who cannot see it, and a line below.

    As data addresses, not as elements of the page: a picture runs no script and fetches nothing, whatever is in it,
    and its ids and styles do not meet those of the page or of another picture.
    """
    figures = (
        f'<figure><img alt="{escape(alt)}" src="data:image/svg+xml;base64,{b64encode(svg).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for svg, alt, caption in shown
    )
    return Markup(f'<div class="figures">{"".join(figures)}</div>')


def bar(share: float) -> Markup:
    """Return a bar of up to 120 pixels for a share, cut at 1."""
    return Markup(f'<span class="bar" style="width:{round(120 * min(max(share, 0), 1))}px"></span>')


def gauge(ratio: float) -> Markup:
    """Return a number over its limit, with a bar that marks the limit in its middle, cut at twice the limit."""
    width = round(50 * min(max(ratio, 0), 2), 1)
    side = "over" if ratio >= 1 else "under"
    shown = f'<span class="gauge {side}"><i style="width:{width:g}%"></i></span>'
    return Markup(f'<span class="whole">{shown} {ratio:.1f} &times;</span>')


def link(text: str, address: str) -> Markup:
    """Return a link, of a web page, a file beside this one (`./name`), or a place on this page (`#anchor`).

    Raises:
        ValueError: for another kind of address, such as one that runs a script.
    """
    if not address.startswith(("http://", "https://", "file://", "./", "#")):
        raise ValueError(f"{address!r} is no address that a report may lead to")
    return Markup(f'<a href="{escape(address)}">{escape(text)}</a>')


def chip(status: str) -> Markup:
    """Return a status as a word in its colour."""
    return Markup(f'<span class="chip {escape(status.replace(" ", "-"))}">{escape(status)}</span>')


def unbroken(*parts: str) -> Markup:
    """Return parts that stay on one line."""
    return Markup(f'<span class="whole">{joined(*parts)}</span>')


def joined(*parts: str) -> Markup:
    """Return parts one after the other, in one cell or line; what is not `Markup` is escaped."""
    return Markup(" ".join(_cell(part) for part in parts))


def balance(share: float) -> Markup:
    """Return a bar that goes from the middle to the right, or for a share below 0 to the left; cut at 1."""
    side, start = ("up", "left") if share >= 0 else ("down", "right")
    width = round(50 * min(abs(share), 1), 1)
    return Markup(f'<span class="balance"><i class="{side}" style="{start}:50%;width:{width:g}%"></i></span>')


def stacked(now: str, before: str) -> Markup:
    """Return a cell with a second line in small print, which may be empty."""
    return Markup(f"{_cell(now)}<small>{_cell(before)}</small>" if before else _cell(now))


def frame(title: str, inner: str) -> Markup:
    """Return another page, whole, inside of this one: no second file and no request."""
    # Only these two end or change an attribute; `escape` would make a page of some megabytes half as large again.
    quoted = inner.replace("&", "&amp;").replace("'", "&#39;")
    return Markup(f"<iframe title='{escape(title)}' loading='lazy' srcdoc='{quoted}'></iframe>")


def _cell(text: str) -> str:
    return text if isinstance(text, Markup) else escape(text)
