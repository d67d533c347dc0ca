"""What people see, in a real browser that reaches nothing but this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, Route
from upath import UPath

from pipeline.contract import Contract, load_contract
from pipeline.settings import Settings
from pipeline.storage import storage
from tests.chain import Lived, ingest, live_the_loop, served, settings_for
from tests.conftest import SMALL, make_small_rows

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contract, Settings, Lived]:
    project = tmp_path_factory.mktemp("project")
    (project / "contracts").mkdir()
    content = {**SMALL, "ingestion": {"source": "small.csv"}}
    (project / "contracts" / "small.yaml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    make_small_rows(1200).to_csv(project / "small.csv", index=False)
    contract, settings = load_contract(project / "contracts" / "small.yaml"), settings_for(project)
    return contract, settings, live_the_loop(contract, settings)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that notes what fails: requests that leave the machine, and errors of scripts."""
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    opened.faults = []  # type: ignore[attr-defined]

    def watch(route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:")):
            route.continue_()
        else:
            opened.faults.append(route.request.url)  # type: ignore[attr-defined]
            route.abort()

    opened.route("**/*", watch)
    opened.on("pageerror", lambda error: opened.faults.append(str(error)))  # type: ignore[attr-defined]
    yield opened
    opened.close()


def test_swagger_answers_its_own_example_without_the_internet(
    lived: tuple[Contract, Settings, Lived], page: Page
) -> None:
    contract, settings, _ = lived
    with served(settings, contract.name) as service:
        wait_until_ready(service)
        page.goto(settings.place("service_uri", contract.name) + "/docs")
        predict = page.locator(".opblock", has_text="/predict").first
        predict.click()
        predict.get_by_role("button", name="Try it out").click()
        predict.get_by_role("button", name="Execute").click()
        answer = predict.locator(".live-responses-table .response-col_description pre").first
        answer.wait_for()
        assert '"model_version": 1' in answer.inner_text()
        assert contract.target.unit in answer.inner_text()
    assert page.faults == []  # type: ignore[attr-defined]


def wait_until_ready(service: object) -> None:
    import time

    from serving.errors import ServiceError

    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            if service.ready():  # type: ignore[attr-defined]
                return
        except ServiceError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service did not become ready")


def test_the_report_renders_without_the_internet(
    lived: tuple[Contract, Settings, Lived], page: Page, tmp_path: Path
) -> None:
    _, _, story = lived
    file = tmp_path / "report.html"
    file.write_bytes(UPath(story.reported.html_uri).read_bytes())
    page.goto(file.as_uri())
    assert story.verdict.status in page.locator("body").inner_text().lower()
    evidently = page.frame_locator("iframe").first
    evidently.locator("canvas, svg, .js-plotly-plot").first.wait_for(timeout=60_000)
    assert page.faults == []  # type: ignore[attr-defined]


def test_the_report_of_a_batch_renders_and_fits_its_page(
    lived: tuple[Contract, Settings, Lived], page: Page, tmp_path: Path
) -> None:
    """The history again, with a few bad rows and words that only look like HTML: a patch version."""
    contract, settings, _ = lived
    assert contract.demo is not None
    source = settings.project_dir / contract.ingestion.source
    whole, rows = source.read_bytes(), make_small_rows(1200)
    rows.loc[:4, "area"] = -1.0
    rows.loc[5, "district"] = "<img src=x onerror=alert(1)>" + "x" * 300
    rows.to_csv(source, index=False)
    try:
        _, version = ingest(contract, settings, contract.demo.history)
    finally:
        source.write_bytes(whole)
    file = tmp_path / "report.html"
    name = contract.demo.history.id
    file.write_bytes(storage(settings, "ingestion", contract.name, name, "report.html").read_bytes())
    page.goto(file.as_uri())
    assert page.locator(".verdict.published").inner_text().startswith(f"published as {version.version}.")
    assert page.locator("tr", has_text="out of range").first.is_visible()
    assert page.locator("img").count() == 0
    for width in (1400, 500):
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.faults == []  # type: ignore[attr-defined]
