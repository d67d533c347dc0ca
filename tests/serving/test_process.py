import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.prediction_log import read_predictions
from serving.client import ServiceClient
from serving.errors import ServiceError

EVER: dict[str, Any] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
HEAVY = (
    "airflow mlflow dvc evidently pandas pyarrow pandera sklearn skl2onnx skops onnx scipy".split()  # noqa: SIM905
)
Service = Callable[[], AbstractContextManager[tuple[subprocess.Popen[str], str]]]


def test_the_service_imports_no_training_or_orchestration_library() -> None:
    script = """
        import json, sys
        import serving.service.__main__
        from pipeline.settings import Settings
        from serving.service.app import create_app
        create_app(Settings(), "house_prices").openapi()
        print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in script.splitlines())],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = json.loads(done.stdout)
    assert "onnxruntime" in imported
    assert not set(HEAVY) & set(imported)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_every_answered_prediction_is_in_the_log_once_however_the_service_ends(
    publish: Callable[..., Path],
    service: Service,
    record: dict[str, Any],
    log: Path,
    eventually: Callable[..., None],
    how: signal.Signals,
) -> None:
    publish(1)
    answered: list[str] = []
    failed: list[str] = []
    with service() as (process, url):

        def ask() -> None:
            with httpx.Client(base_url=url, timeout=20) as http:
                try:
                    while True:
                        response = http.post("/predict", json=record)
                        answered.append(response.raise_for_status().json()["id"])
                except httpx.HTTPStatusError as error:
                    failed.append(str(error))
                except httpx.HTTPError:  # the service is gone
                    return

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(answered) >= 200)
        process.send_signal(how)
        for thread in threads:
            thread.join()
        ended = process.wait(20)
    logged = [row["id"] for row in read_predictions(log, **EVER)]
    assert failed == []
    assert ended in (-how, 0)
    assert len(logged) == len(set(logged))
    assert set(answered) <= set(logged)
    assert len(logged) <= len(answered) + 6  # what was logged, but could not be sent any more
    with service() as (_, again), ServiceClient(again) as client:  # the log goes on where it ended
        answered.append(client.predict(record)["id"])
    assert set(answered) <= {row["id"] for row in read_predictions(log, **EVER)}


def test_the_client_asks_tells_and_passes_the_services_words_on(
    publish: Callable[..., Path], service: Service, record: dict[str, Any], log: Path, eventually: Callable[..., None]
) -> None:
    with service() as (_, url), ServiceClient(url) as client:
        assert client.model() is None
        assert not client.ready()
        with pytest.raises(ServiceError, match="No model of small is released yet") as refused:
            client.predict(record)
        assert refused.value.status == 503
        publish(1)
        eventually(client.ready)
        assert (client.model() or {})["version"] == 1
        answer = client.predict(record, caller="tests", idempotency_key="one")
        assert client.predict(record, caller="tests", idempotency_key="one") == answer
        rows = [{"prediction_id": answer["id"], "actual": 9.5}, {"prediction_id": "nobody", "actual": 1.0}]
        assert [row["outcome"] for row in client.actuals(rows)] == ["accepted", "refused"]
        with pytest.raises(ServiceError, match="area: -3 is out of range; allowed: a number of at least 5"):
            client.predict({**record, "area": -3})
        with pytest.raises(ServiceError, match="cannot be sent"):
            client.predict({**record, "area": float("nan")})
    assert [(row["caller"], row["actual"]) for row in read_predictions(log, **EVER)] == [("tests", 9.5)]
    with ServiceClient(url) as client, pytest.raises(ServiceError, match="does not answer"):
        client.ready()


def test_a_first_release_that_is_refused_is_told_with_its_reason(
    publish: Callable[..., Path], service: Service, eventually: Callable[..., None]
) -> None:
    (publish(1) / "model.onnx").write_bytes(b"not ONNX")
    with service() as (_, url), ServiceClient(url) as client:
        eventually(lambda: client.model() is not None)
        refused = (client.model() or {})["refused"]
        assert (refused["version"], "was changed or damaged" in refused["reason"]) == (1, True)


def test_a_model_without_a_contract_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving.service", "no_such_model"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "holds no contract 'no_such_model'; there are: house_prices" in done.stderr
    assert "Traceback" not in done.stderr
