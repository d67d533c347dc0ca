import gc
from typing import Any

from fastapi.testclient import TestClient

from serving.service.garbage import seldom_sought


def test_requests_leave_no_rings_of_garbage(client: TestClient, record: dict[str, Any]) -> None:
    """What is in a ring stays until it is sought: megabytes, where it is sought seldom."""
    client.post("/predict", json=record)
    gc.collect()
    gc.disable()
    try:
        for _ in range(30):
            assert client.post("/predict", json=record).status_code == 200
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [one for one in gc.garbage if type(one).__module__.startswith(("serving", "pipeline"))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


def test_garbage_is_sought_as_usual_once_a_service_has_ended() -> None:
    usual = gc.get_threshold()
    with seldom_sought():
        assert gc.get_threshold()[0] > usual[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == usual
