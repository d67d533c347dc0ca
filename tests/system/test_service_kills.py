"""The service is killed under load again and again, its database comes and goes: no answered prediction is lost."""

import itertools
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.contract import Contract
from pipeline.prediction_log import read_predictions
from pipeline.prediction_log.database import Database
from pipeline.settings import Settings
from serving.shipping import Copier
from tests.serving.conftest import RECORD, eventually, publish_release, service_process
from tests.system.conftest import Ask
from tests.system.postgres_server import ADMIN, PASSWORD, Server

KILLS, CLIENTS = 20, 8
EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


@pytest.fixture
def swift(tmp_path: Path) -> Settings:
    return Settings(project_dir=tmp_path, state_dir=tmp_path / "state", reports_uri="")


def test_twenty_kills_under_load_lose_nothing_that_was_answered(
    small_contract: Contract, swift: Settings, server: Server, database: Database, ask: Ask
) -> None:
    publish_release(swift, small_contract, 1)
    connections = json.dumps({"predictions": {"login": ADMIN, "password": PASSWORD}})
    answered: list[str] = []
    try:
        for number in range(KILLS):
            if number % 4 == 2:  # two lives without a database, which comes back in the midst of the next
                server.stop()
            more = {"PREDICTIONS_URI": database.uri, "CONNECTIONS": connections}
            with service_process(swift, small_contract, **more) as (process, url):
                _load_and_kill(process, url, answered, in_the_midst=server.start if number % 4 == 3 else None)
    finally:
        if not server.running:
            server.start()
    log = Path(swift.place("prediction_log", "small"))
    logged = [row["id"] for row in read_predictions(log, **EVER)]
    assert len(answered) > KILLS * 100
    assert len(answered) == len(set(answered))
    assert len(logged) == len(set(logged))
    assert set(answered) <= set(logged)
    assert len(logged) <= len(answered) + KILLS * CLIENTS  # logged, but the service was killed before it could answer
    Copier(log, database, "small").copy()
    copied = [row for (row,) in ask("SELECT id FROM predictions")]
    assert sorted(copied) == sorted(logged)


def _load_and_kill(process: subprocess.Popen[str], url: str, answered: list[str], in_the_midst: Any) -> None:
    before = len(answered)
    with _clients(url, answered):
        eventually(lambda: len(answered) >= before + 100)
        if in_the_midst:
            in_the_midst()
            eventually(lambda: len(answered) >= before + 200)
        process.send_signal(signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL


@contextmanager
def _clients(url: str, answered: list[str]) -> Iterator[None]:
    """Ask as fast as the answers come, until the service is gone."""
    refused: list[str] = []

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=20) as http:
            for _ in itertools.count():
                try:
                    answer = http.post("/predict", json=RECORD)
                except httpx.HTTPError:
                    return
                if answer.is_success:
                    answered.append(answer.json()["id"])
                else:
                    refused.append(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    assert refused == []
