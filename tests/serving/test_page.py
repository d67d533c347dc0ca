from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.contract import Contract, parse_contract
from pipeline.settings import Settings
from serving.service.app import create_app
from serving.service.page_form import form
from tests.conftest import SMALL

Publish = Callable[..., Path]
HOSTILE = "<img src=x onerror=alert(1)> \"quotes\" 'n' & größe"


class Read(HTMLParser):
    """Reads a page: its elements, and the text outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def fields(self) -> dict[str | None, dict[str, str | None]]:
        return {one["data-field"]: one for one in self.all("input", "select") if "data-field" in one}


@pytest.fixture
def app(swift: Settings) -> FastAPI:
    return create_app(swift, "small")


@pytest.fixture
def client(app: FastAPI, publish: Publish) -> Iterator[TestClient]:
    publish(1, card="http://mlflow.example/#/experiments/1/runs/run1")
    with TestClient(app) as started:
        yield started


def test_every_field_of_the_contract_has_a_labelled_input_with_its_example(
    client: TestClient, small_contract: Contract
) -> None:
    read = Read(client.get("/").text)
    fields = read.fields()
    assert list(fields) == list(small_contract.features)
    assert {one["for"] for one in read.all("label")} == {field["id"] for field in fields.values()}
    ids = {attributes.get("id") for _, attributes in read.elements}
    for field in fields.values():
        assert set(str(field["aria-describedby"]).split()) <= ids
    assert fields["area"].items() >= {"type": "number", "min": "5", "max": "1000", "value": "70", "step": "any"}.items()
    assert fields["class"]["step"] == "1"
    assert "required" in fields["area"]
    assert "required" not in fields["größe des gartens"]


def test_closed_lists_are_selects_open_ones_take_any_word_and_optional_ones_may_be_empty(client: TestClient) -> None:
    text = client.get("/").text
    options = [one["value"] for one in Read(text).all("option")]
    assert options == ["Flat", "Terraced House", "Villa", "North", "South", "", "poor", "fair", "good", "true", "false"]
    assert Read(text).fields()["district"].items() >= {"type": "text", "value": "North"}.items()
    assert 'value="poor" selected' in text
    assert "May be left empty" in text


def test_the_example_that_the_page_starts_with_is_answered(client: TestClient, small_contract: Contract) -> None:
    assert client.post("/predict", json=small_contract.example()).is_success


def test_the_page_says_what_is_served_and_leads_to_the_rest(client: TestClient) -> None:
    read = Read(client.get("/").text)
    assert "Version 1, trained on data-v1.1.0" in read.text
    assert [one["href"] for one in read.all("a")] == [
        "docs",
        "model",
        "metrics",
        "http://mlflow.example/#/experiments/1/runs/run1",
    ]


def test_where_keys_are_asked_for_no_link_leads_to_what_needs_one(swift: Settings, publish: Publish) -> None:
    publish(1)
    with TestClient(create_app(swift.model_copy(update={"api_keys": {"website": "0" * 64}}), "small")) as client:
        links = [str(one["href"]) for one in Read(client.get("/").text).all("a")]
        assert links == ["docs", "metrics"]
        assert all(client.get(f"/{link}").is_success for link in links)


@pytest.mark.parametrize("card", ["", "javascript:alert(1)"])
def test_only_an_address_of_the_web_is_linked_as_the_card(publish: Publish, app: FastAPI, card: str) -> None:
    publish(1, card=card)
    with TestClient(app) as client:
        assert len(Read(client.get("/").text).all("a")) == 3


def test_nothing_runs_or_is_fetched_but_the_services_own_files(client: TestClient) -> None:
    response = client.get("/")
    (sent,) = response.headers.get_list("content-security-policy")
    policy = dict(part.split(" ", 1) for part in sent.split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert "unsafe" not in sent
    read = Read(response.text)
    assert [one["src"] for one in read.all("script")] == ["static/page.js"]
    assert [one["href"] for one in read.all("link")] == ["static/page.css", "data:,"]
    assert not [one for _, one in read.elements if "style" in one or any(name.startswith("on") for name in one)]
    for file, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
        got = client.get(f"/static/{file}")
        assert got.headers["content-type"].startswith(kind)
        assert "http://" not in got.text
        assert "https://" not in got.text
    script = client.get("/static/page.js").text
    assert "innerHTML" not in script


def test_names_and_words_of_a_contract_are_text_whatever_they_look_like() -> None:
    columns: dict[str, Any] = {
        HOSTILE: {"type": "number", "unit": "<b>", "description": HOSTILE},
        "kind": {"type": "category", "categories": [HOSTILE, "</select><script>"]},
        "open": {"type": "category", "categories": ['"><i>', HOSTILE], "open": True},
    }
    contract = parse_contract({**SMALL, "columns": columns, "demo": None})
    read = Read(form(contract))
    assert list(read.fields()) == [HOSTILE, "kind", "open"]
    assert {tag for tag, _ in read.elements} <= set(
        "form div label span input small p select option datalist button wbr".split()  # noqa: SIM905
    )
    assert HOSTILE in read.text
    assert [one["value"] for one in read.all("option")] == [HOSTILE, "</select><script>", '"><i>', HOSTILE]
    assert read.fields()["open"]["value"] == '"><i>'


def test_before_the_first_release_the_page_says_so(app: FastAPI) -> None:
    with TestClient(app) as client:
        response = client.get("/")
        assert response.status_code == 503
        read = Read(response.text)
        assert "No model of small is released yet" in read.text
        assert not read.all("form", "script")
        assert [one["href"] for one in read.all("a")] == ["docs", "model", "metrics"]


def test_a_release_that_was_not_taken_up_is_told(client: TestClient, publish: Publish, app: FastAPI) -> None:
    publish(2, bundle_digest="0" * 64)
    app.state.service.watcher.look()
    text = Read(client.get("/").text).text
    assert "Version 1, trained on" in text
    assert "Version 2 was released, but was not taken up:" in text


def test_the_page_follows_a_swap(client: TestClient, publish: Publish, app: FastAPI) -> None:
    publish(2)
    app.state.service.watcher.look()
    assert "Version 2, trained on data-v1.2.0" in Read(client.get("/").text).text
