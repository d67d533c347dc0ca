"""The guide's examples do what it says, as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.serving.conftest import Publish, Running

GUIDE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def address(publish: Publish, service: Callable[[], AbstractContextManager[Running]]) -> Iterator[str]:
    """The address of a running service with a model that can be explained."""
    publish(1, background=((70.0, 3.0, 12.0, 0.0, 0.0, 2.0, 1.0),))
    with service() as (_, url):
        yield url


def run(language: str, command: list[str], address: str, folder: Path) -> str:
    """Run all of the guide's examples in a language, one after the other, and return what they say."""
    examples = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    text = "".join(examples)
    assert ADDRESS in text
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where a python3 is for certain
    done = subprocess.run(
        [*command, text.replace(ADDRESS, address)],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
def test_the_examples_for_the_shell_predict_tell_the_truth_and_explain(address: str, tmp_path: Path) -> None:
    said = run("bash", ["bash", "-euo", "pipefail", "-c"], address, tmp_path)
    assert said.count('"prediction": ') == 2  # one record, and the good row of two
    assert '"refused": ' in said
    assert re.findall('"outcome":"(.*?)"', said) == ["accepted", "repeated"]
    assert '"effects":' in said


def test_the_example_in_python_predicts(address: str, tmp_path: Path) -> None:
    assert "'level': 0.9" in run("python", [sys.executable, "-c"], address, tmp_path)
