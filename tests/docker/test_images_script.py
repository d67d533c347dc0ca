"""`make images` outside of a checkout, and where the engine fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENGINE = """#!/bin/sh
echo "$@" >>"$ENGINE_LOG"
case "$1" in
  build) exit "${ENGINE_STATUS:-0}" ;;
  create) echo container ;;
  cp) tar -cC "$(dirname "$0")" docker ;;
esac
"""


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """What an archive of the project holds, without its history, and an engine that does as it is told."""
    for name in ("scripts/images.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    return tmp_path


def images(folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "ENGINE_LOG": str(folder / "log")}
    environment |= {"ENGINE_STATUS": str(status)}
    command = [sys.executable, "scripts/images.py", "serving", "--engine=docker"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_without_its_history_the_commit_is_unknown(unpacked: Path) -> None:
    done = images(unpacked)
    assert done.returncode == 0, done.stderr
    assert "--build-arg=REVISION=unknown" in (unpacked / "log").read_text()
    assert (unpacked / "build" / "serving.cdx.json").exists()


def test_a_build_that_fails_is_one_line_after_what_the_engine_said(unpacked: Path) -> None:
    done = images(unpacked, status=3)
    assert done.returncode == 1
    assert done.stderr.endswith("docker build failed (status 3); see above\n")
    assert "Traceback" not in done.stderr
