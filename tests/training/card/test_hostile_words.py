"""Everything in a card that comes from data or from a contract is shown as it is, and does nothing."""

import re

import pytest

from tests.training.card.made_up import EXPLAINED, LINES, RULES, SLICES, TAGS, contract, decision, evaluation, made_card
from tests.training.card.reading import seen
from training.card import Card
from training.card.escape import code, line, text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)",
    "a|b||c\\|d",
    "**bold** _slanted_ ~~gone~~",
    "[here](javascript:alert(1))",
    "![seen](http://example.com/a.png)",
    "`code` ``` and ``",
    "&lt;b&gt; &amp; &#x3c;",
    "<http://example.com>",
    "back\\slash\\",
    "$x$ and $$y$$",
]
ELEMENTS = {
    "html": {
        *("html", "head", "meta", "title", "style", "body", "main", "section", "nav", "div", "span", "i"),
        *(
            "h1",
            "h2",
            "h3",
            "p",
            "ul",
            "li",
            "a",
            "strong",
            "em",
            "small",
            "pre",
            "code",
            "figure",
            "figcaption",
            "img",
        ),
        *("table", "thead", "tbody", "tr", "th", "td"),
    },
    "markdown": {
        *("h1", "h2", "h3", "p", "ul", "li", "strong", "pre", "code", "img"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    },
}


def hostile_card(word: str) -> Card:
    """Return a card in which every text that can be anything is the word."""
    named = word.strip()
    bad = contract(
        title=named,
        description=named,
        owner=named,
        licence=named,
        columns={
            named: {"type": "category", "categories": [named, "South"], "open": True, "description": named},
            "area": {"type": "number", "unit": named},
        },
        target={"name": f"{named}!", "unit": named, "description": named, "minimum": 1},
        gate={"slices": {named: {}}, "expectations": {"area": {"direction": "decreasing"}}},
        demo=None,
    )
    shown = [one.model_copy(update={"column": named, "group": named}) for one in SLICES]
    parts = [one.model_copy(update={"feature": named, "value": named}) for one in EXPLAINED.contributions]
    measured = evaluation(
        slices=shown,
        worst=shown[1],
        robustness=[RULES[0].model_copy(update={"name": named, "sentence": named, "passed": False})],
        importance=[one.model_copy(update={"feature": named}) for one in evaluation().importance],
        explained=[EXPLAINED.model_copy(update={"title": named, "contributions": parts})],
    )
    refused = decision(passed=False, rules=[*measured.robustness], sentence=named)
    tags = {**dict.fromkeys(TAGS, named), named: named}
    images = {f"{named}.svg": b"<svg/>"}
    lines = [one.model_copy(update={"candidate": named}) for one in LINES]
    return made_card(contract=bad, evaluation=measured, decision=refused, tags=tags, candidates=lines, images=images)


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_word_is_shown_as_it_is_and_does_nothing(word: str) -> None:
    for form, page in seen(hostile_card(word)).items():
        assert {tag for tag, _ in page.elements} <= ELEMENTS[form]
        assert page.text.count(" ".join(word.split())) >= 20
        names = {name for _, attributes in page.elements for name in attributes}
        assert names <= {
            "http-equiv",
            "lang",
            "charset",
            "name",
            "content",
            "class",
            "id",
            "style",
            "href",
            "alt",
            "src",
        }
        start = {"html": "data:image/svg+xml;base64,", "markdown": "plots/"}[form]
        assert [image["src"] for image in page.all("img") if not str(image["src"]).startswith(start)] == []
        assert [link for link in page.all("a") if not str(link["href"]).startswith("#part-")] == []


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_word_makes_no_further_cell_in_markdown(word: str) -> None:
    tables = [block.splitlines() for block in hostile_card(word).markdown.split("\n\n") if block.startswith("|")]
    cells = [{len(re.findall(r"(?<!\\)\|", row)) for row in table} for table in tables]
    assert len(cells) > 10
    assert [found for found in cells if len(found) > 1] == []


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ("# one", "\\# one"),
        ("- one", "\\- one"),
        ("+ one", "\\+ one"),
        ("12. one", "12\\. one"),
        ("3) one", "3\\) one"),
        ("two\n\n- lines", "two - lines"),
        ("snake_case_name", "snake_case_name"),
        ("_a_", "\\_a\\_"),
    ],
)
def test_the_beginning_of_a_line_is_no_markup(plain: str, written: str) -> None:
    assert line(plain) == written


def test_words_within_a_line_are_left_as_they_are_read() -> None:
    assert text("1. area of m2 - net") == "1. area of m2 - net"


@pytest.mark.parametrize("plain", ["a`b", "x\ny", "<b>", " padded", ""])
def test_what_could_end_code_is_written_as_text(plain: str) -> None:
    assert not code(plain).startswith("`")
    assert code("0123abc") == "`0123abc`"
