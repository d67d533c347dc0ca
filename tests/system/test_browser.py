"""What people see, in a real browser that reaches nothing but this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Page, Route
from upath import UPath

from pipeline.contract import Contract, load_contract
from pipeline.settings import Settings
from pipeline.storage import storage
from tests.chain import Lived, free_ports, ingest, live_the_loop, served, settings_for
from tests.conftest import ROOT, SMALL, make_small_rows

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
    for file in UPath(story.reported.html_uri).parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator(".verdict strong").inner_text() == story.verdict.status
    for view in ("data-quality", "input-drift", "prediction-drift", "live-performance", "system-health"):
        assert page.locator(f"#{view} .chip").is_visible()
    for width in (1400, 420):
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_text("Evidently's report in full").first.click()
    page.locator("canvas, svg, .js-plotly-plot").first.wait_for(timeout=60_000)
    assert page.faults == []  # type: ignore[attr-defined]


def test_what_a_report_leads_to_opens_in_airflows_tab(lived: tuple[Contract, Settings, Lived], page: Page) -> None:
    """Airflow frames the report in a sandbox of these rights; Evidently's page keeps its scripts to itself."""
    contract, settings, _ = lived
    with plugin_served(settings) as address:
        report = f"{address}/mlops/report?dag={contract.name}.drift_monitoring&run=watch"
        rights = "allow-scripts allow-same-origin allow-forms allow-downloads"
        page.goto(f"{address}/tab")
        page.set_content(f'<iframe sandbox="{rights}" style="width:1300px;height:900px" src="{report}"></iframe>')
        tab = page.frame_locator("iframe")
        tab.get_by_text("Evidently's report in full").first.click()
        tab.locator("canvas, svg, .js-plotly-plot").first.wait_for(timeout=60_000)
    assert page.faults == []  # type: ignore[attr-defined]


@contextmanager
def plugin_served(settings: Settings) -> Iterator[str]:
    """Serve the plugin's pages as Airflow's api-server does, to somebody who is logged in."""
    (port,) = free_ports(1)
    environment = os.environ | {"MLOPS_PROJECT_DIR": str(settings.project_dir), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(port)], env=environment, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            assert process.poll() is None, "the plugin's server ended"
            try:
                httpx.get(f"{address}/tab", timeout=2).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.1)
            else:
                break
        yield address
    finally:
        process.terminate()
        process.wait(20)


_SERVER = """
import importlib.util, sys, uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
spec = importlib.util.spec_from_file_location("mlops_plugin", "dags/plugins/mlops_plugin.py")
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)
plugin.app.dependency_overrides[plugin.logged_in] = lambda: None
outer = FastAPI()
outer.mount("/mlops", plugin.app)
outer.get("/tab", response_class=HTMLResponse)(lambda: "")
outer.get("/favicon.ico")(lambda: "")
uvicorn.run(outer, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


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
