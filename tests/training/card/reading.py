"""How a reader sees a card: the text that a page or Markdown shows, and the elements that it is made of."""

from html.parser import HTMLParser

from markdown_it import MarkdownIt  # which comes with rich

from training.card import Card


class Seen(HTMLParser):
    """What is on a page: its text, on one line, and its elements with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._pieces: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style":
            self._pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._pieces).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def seen(card: Card) -> dict[str, Seen]:
    """Return what is seen of both forms; the Markdown is read by rules that let HTML through."""
    read = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return {"html": Seen(card.html), "markdown": Seen(read.render(card.markdown))}


def texts(card: Card) -> tuple[str, str]:
    """Return the text that the page and the Markdown show."""
    both = seen(card)
    return both["html"].text, both["markdown"].text
