"""The plots of a card: each stands where it belongs, and those that no chapter asks for stand at the end."""

from collections.abc import Sequence

from training.card.content import Chapter, Image, Images
from training.card.facts import Facts


def more_plots(facts: Facts, chapters: Sequence[Chapter]) -> list[Chapter]:
    """Return a chapter with the plots that none of the others shows, such as those that a fork adds."""
    blocks = [block for chapter in chapters for block in chapter.blocks if isinstance(block, Images)]
    shown = {image.name for block in blocks for image in block.shown}
    rest = [Image(name, svg, _title(name), _title(name)) for name, svg in facts.images.items() if name not in shown]
    return [Chapter("More plots", [Images(rest)])] if rest else []


def _title(name: str) -> str:
    return name.removesuffix(".svg").replace("_", " ").capitalize()
