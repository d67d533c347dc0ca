"""System tests need programs that the lock does not bring. A missing one is an error that names it, never a skip."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium (or Chrome, where that is what a machine has)."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "chromium is missing: apt-get install chromium"
    options: dict[str, Any] = {
        "executable_path": chromium,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
    }
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**options)
        yield started
        started.close()
