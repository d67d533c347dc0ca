"""The page at `/` in a real browser: what a person fills in, and what they see."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from pipeline.contract import Contract, parse_contract
from pipeline.settings import Settings
from serving.service.app import create_app
from serving.service.keys import new_key
from tests.conftest import SMALL
from tests.serving.conftest import eventually, free_port, publish_release

HOSTILE = "<img src=x onerror=alert(1)> \"größe\" 'n' & __proto"
COLUMNS: dict[str, Any] = {
    HOSTILE: {"type": "number", "minimum": 0, "maximum": 900, "unit": "<b>m2</b>", "example": 70.5},
    "class": {"type": "integer", "minimum": 1, "maximum": 5},
    "__garden": {"type": "number", "minimum": 0, "required": False, "example": 12},
    "kind": {"type": "category", "categories": ["Flat", "<i>Villa</i>", '"House"']},
    "district": {"type": "category", "categories": ["North", "South"], "open": True},
    "lift": {"type": "boolean"},
    **{f"room_{place}": {"type": "number", "example": place} for place in range(8)},
}
Open = Callable[[int, int], Page]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract({**SMALL, "columns": COLUMNS, "demo": None})


@pytest.fixture
def swift(tmp_path: Path) -> Settings:
    return Settings(project_dir=tmp_path, state_dir=tmp_path, reports_uri="", swap_seconds=0.05)


@pytest.fixture
def url(swift: Settings, contract: Contract) -> Iterator[str]:
    """The address of the service of the contract."""
    publish(swift, contract, 1)
    with served(swift, contract) as address:
        yield address


@contextmanager
def served(settings: Settings, contract: Contract) -> Iterator[str]:
    """Run the service within this process, and give its address."""
    app = create_app(settings, contract.name)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Open]:
    """Open the page; errors of scripts, dialogs and what the policy refused are faults."""
    faults: list[str] = []
    pages: list[Page] = []

    def opened(width: int, height: int) -> Page:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        page.goto(url)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert faults == []


def publish(settings: Settings, contract: Contract, version: int) -> None:
    example = contract.example()
    rows = tuple((10.0 * row, *(float(row % 3) for _ in range(len(contract.features) - 1))) for row in range(10))
    publish_release(settings, contract, version, record=example, background=rows)


@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (360, 740)])
def test_the_example_is_predicted_and_explained_by_the_keyboard_alone(
    visit: Open, contract: Contract, width: int, height: int
) -> None:
    page = visit(width, height)
    page.get_by_label(HOSTILE).focus()
    page.keyboard.press("Enter")
    page.locator(".effects").wait_for()
    expect(page.locator(".big")).to_contain_text("EUR")
    expect(page.get_by_role("status")).to_contain_text("Predicted")
    rows = page.locator(".effects tbody tr")
    expect(rows).to_have_count(1 + 10 + 1 + 1)  # the mean, the largest, the others summed, the prediction
    expect(rows.nth(1)).to_contain_text("70.5 <b>m2</b>")
    expect(rows.nth(1)).to_contain_text(HOSTILE)
    expect(rows.nth(11)).to_contain_text(f"{len(contract.features) - 10} other fields")
    shown = [float(text.replace(",", "")) for text in page.locator(".effects .amount").all_inner_texts()[1:]]
    assert shown[0] + sum(shown[1:-1]) == pytest.approx(shown[-1], abs=10)  # rounded to be read
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img").count() == 0


def test_a_refused_value_is_told_beside_its_field_and_goes_when_it_is_mended(visit: Open) -> None:
    page = visit(1400, 1000)
    field, number = page.get_by_label(HOSTILE), page.get_by_label("class")
    field.fill("901")
    number.fill("")
    page.get_by_role("button", name="Predict").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(page.locator(".error:visible")).to_have_count(2)
    expect(page.locator(".error:visible").first).to_contain_text("901 is out of range; allowed: a number")
    expect(page.locator(".big")).to_have_count(0)
    field.fill("900")
    number.fill("2")
    page.get_by_label("district").fill("Atlantis")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".error:visible")).to_have_count(0)
    expect(page.locator(".notice", has_text="atlantis")).to_be_visible()
    expect(page.locator(".effects")).to_be_visible()


def test_an_explanation_that_is_gone_leaves_the_prediction(
    visit: Open, swift: Settings, contract: Contract, url: str
) -> None:
    page = visit(1400, 1000)

    def swap_first(route: Any) -> None:
        publish(swift, contract, 2)
        eventually(lambda: page.request.get(f"{url}model").json()["version"] == 2)
        route.continue_()

    page.route("**/explain/*", swap_first)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".notice")).to_contain_text("Version 1 answered it, and version 2 is in service")
    expect(page.locator(".big")).to_contain_text("EUR")


def test_where_keys_are_asked_for_the_page_takes_one_by_the_keyboard(
    browser: Browser, swift: Settings, contract: Contract
) -> None:
    key, digest = new_key()
    publish(swift, contract, 1)
    with served(swift.model_copy(update={"api_keys": {"person": digest}}), contract) as url:
        page = browser.new_page(viewport={"width": 390, "height": 740})
        page.goto(url)
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_label("API key")).to_be_focused()
        expect(page.get_by_label("API key")).to_be_in_viewport()
        for given in ("wrong", key):
            page.keyboard.type(given)
            page.keyboard.press("Enter")
            if given == "wrong":
                expect(page.get_by_role("alert").filter(has_text="does not know this API key")).to_be_visible()
        expect(page.locator(".big")).to_contain_text("EUR")
        expect(page.locator(".effects")).to_be_visible()
        page.close()
