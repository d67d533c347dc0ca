"""What a model card is made of before it has a form: chapters of blocks, whose text is plain."""

from collections.abc import Sequence
from dataclasses import dataclass


class Code(str):
    """A text that is to be copied, such as a hash."""

    __slots__ = ()


class State(str):
    """A word on a row's state, which stands out where the row is marked."""

    __slots__ = ()


@dataclass(frozen=True)
class Stacked:
    """A cell with a second line in small print."""

    text: str
    below: str


@dataclass(frozen=True)
class Bar:
    """A cell that draws the number beside it, as a share of the longest bar: from -1 to 1."""

    share: float


Cell = str | Stacked | Bar


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Command:
    """What a reader may type."""

    text: str


@dataclass(frozen=True)
class Subheading:
    """A title within a chapter."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells, each as long as `head`; `numbers` are columns aligned to the right, `marked` rows stand out."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: Sequence[int] = ()
    marked: Sequence[bool] = ()


@dataclass(frozen=True)
class Image:
    """A plot: the name of its file, its SVG, what it shows to who cannot see it, and a line below."""

    name: str
    svg: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class Images:
    """Plots side by side."""

    shown: Sequence[Image]


@dataclass(frozen=True)
class Tiles:
    """Numbers that are seen first: each is a label, the number, and what it is measured by."""

    cards: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Verdict:
    """A status in its colour, what it means, and why."""

    status: str
    sentence: str
    reasons: Sequence[str]


Block = Paragraph | Bullets | Command | Subheading | Table | Images | Tiles | Verdict


@dataclass(frozen=True)
class Chapter:
    """A part with a title, and a note in small print that may be empty."""

    title: str
    blocks: Sequence[Block]
    note: str = ""


@dataclass(frozen=True)
class Content:
    """A whole card: what is read first, then its chapters."""

    title: str
    subtitle: str
    opening: Sequence[Block]
    chapters: Sequence[Chapter]
