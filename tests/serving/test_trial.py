"""A second version beside the live one: a shadow is logged and never answered, a canary answers its share."""

import math
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipeline.contract import Contract
from pipeline.prediction_log.choice import Choice
from pipeline.prediction_log.erase import erase_in_outbox
from pipeline.prediction_log.shadow_log import read_shadows, shadow_path
from pipeline.settings import Settings
from serving.service.app import create_app
from serving.service.trials import Tally
from serving.trial import Trial, write_trial
from tests.serving.conftest import tiny_model

Publish = Callable[..., Path]
Eventually = Callable[..., None]
Record = dict[str, Any]
Try = Callable[..., None]


@pytest.fixture
def try_out(swift: Settings, publish: Publish, client: TestClient, eventually: Eventually) -> Try:
    """Put version 2 on trial beside version 1 and wait until the service has taken it up."""

    def start(mode: str, share: float = 1.0, **changes: Any) -> None:
        folder = publish(2, **changes)
        publish(1)
        releases = Path(swift.place("releases_dir", "small"))
        write_trial(releases, Trial(folder=folder.name, mode=mode, share=share))  # type: ignore[arg-type]
        eventually(lambda: client.get("/model").json().get("trial", {}).get("mode") == mode)
        eventually(lambda: client.get("/model").json()["version"] == 1)

    return start


def trial_of(client: TestClient) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/model").json()["trial"]
    return told


def test_a_shadow_is_logged_and_never_answered(
    client: TestClient, try_out: Try, log: Path, record: Record, eventually: Eventually
) -> None:
    try_out("shadow")
    answers = [client.post("/predict", json=record).json() for _ in range(5)]
    assert {answer["model_version"] for answer in answers} == {1}
    eventually(lambda: trial_of(client)["answered"] == 5)
    told = trial_of(client)
    assert (told["version"], told["compared"], told["failed"], told["refused"]) == (2, 5, 0, 0)
    assert told["mean_absolute_difference"] == pytest.approx(math.e - 1)  # a version more is a factor of e
    eventually(lambda: len(read_shadows(log, 2)) == 5)
    shadows = read_shadows(log, 2)
    assert {shadow.prediction_id for shadow in shadows} == {answer["id"] for answer in answers}
    assert shadows[0].prediction == pytest.approx(answers[0]["prediction"] * math.e, rel=1e-5)


@pytest.mark.parametrize(
    ("numbers", "apart", "bias", "largest"),
    [
        ([(10.0, 11.0), (30.0, 33.0)], 0.1, 0.1, 0.15),
        ([(10.0, 11.0), (30.0, 27.0)], 0.1, -0.05, 0.15),
        ([(0.0, 0.1), (10.0, 10.1), (-10.0, -9.9)], 0.015, 0.015, 0.015),  # a target that may be zero, or below
        ([(1e-15, 0.1), (5.0, 5.0)], 0.02, 0.02, 0.04),
        ([(0.0, 0.0), (0.0, 0.0)], 0.0, 0.0, 0.0),
        ([(0.0, 1.0), (0.0, 3.0)], 1.0, 1.0, 1.5),  # nothing live has a size: theirs is taken
    ],
)
def test_differences_are_relative_to_the_size_of_the_live_numbers(
    numbers: list[tuple[float, float]], apart: float, bias: float, largest: float
) -> None:
    tally = Tally()
    for live, tried in [*numbers, (1.0, math.nan), (math.inf, 1.0)]:
        tally.compare(live, tried)
    told = tally.told()
    assert told["compared"] == len(numbers)
    assert told["mean_absolute_difference"] == pytest.approx(apart)
    assert told["mean_difference"] == pytest.approx(bias)
    assert told["largest_difference"] == pytest.approx(largest)


def test_a_shadow_scores_no_more_than_it_may(
    swift: Settings, publish: Publish, record: Record, eventually: Eventually
) -> None:
    folder = publish(2)
    publish(1)
    write_trial(Path(swift.place("releases_dir", "small")), Trial(folder=folder.name, mode="shadow"))
    slow = swift.model_copy(update={"shadow_per_second": 20})
    with TestClient(create_app(slow, "small")) as client:
        for _ in range(60):
            assert client.post("/predict", json=record).is_success
        eventually(lambda: trial_of(client)["answered"] + trial_of(client)["skipped"] == 60)
        assert trial_of(client)["skipped"] > 0


def test_a_canary_answers_its_share_and_is_sticky(client: TestClient, try_out: Try, record: Record) -> None:
    try_out("canary", share=0.3)

    def version(key: str) -> int:
        answer = client.post("/predict", json=record, headers={"X-Routing-Key": key}).json()
        return int(answer["model_version"])

    met = {key: version(key) for key in (f"customer {number}" for number in range(300))}
    assert {key: version(key) for key in met} == met
    share = sum(one == 2 for one in met.values()) / len(met)
    assert 0.2 < share < 0.4
    assert trial_of(client)["answered"] == 2 * sum(one == 2 for one in met.values())


def test_a_larger_share_keeps_those_who_met_the_canary_before(client: TestClient, try_out: Try, record: Record) -> None:
    keys = [str(uuid.UUID(int=number)) for number in range(100)]
    asked = []
    for share in (0.2, 0.6):
        try_out("canary", share=share)
        answers = [client.post("/predict", json=record, headers={"X-Routing-Key": key}).json() for key in keys]
        asked.append({key for key, answer in zip(keys, answers, strict=True) if answer["model_version"] == 2})
    assert asked[0] < asked[1]


def test_every_door_meets_the_canary_and_its_predictions_can_be_explained(
    client: TestClient, try_out: Try, record: Record
) -> None:
    try_out("canary")
    (batch,) = client.post("/predict/batch", json=[record]).json()
    single = client.post("/predict", json=record).json()
    assert (batch["model_version"], single["model_version"]) == (2, 2)
    assert client.get("/v2/models/small/versions/1/ready").is_success
    assert client.get("/v2/models/small/versions/2/ready").is_success
    assert client.get(f"/v2/models/small/versions/{'9' * 5000}/ready").status_code == 404
    told = client.get(f"/explain/{single['id']}").json()  # this bundle has no background rows: but not another version
    assert (told["status"], "background" in told["detail"]) == (409, True)


def test_what_a_canary_has_no_answer_to_is_counted_by_every_door(
    client: TestClient, try_out: Try, record: Record, small_contract: Contract
) -> None:
    large, wrong = record | {"area": 1000.0}, record | {"area": "?"}
    try_out("canary", graph=tiny_model(len(small_contract.features), 705.0))  # e to the 715th is no finite number
    assert client.post("/predict", json=large).status_code == 422
    assert client.post("/predict", json=wrong).status_code == 422
    answers = client.post("/predict/batch", json=[record, large, wrong]).json()
    assert ["refused" in answer for answer in answers] == [False, True, True]
    told = trial_of(client)
    assert (told["answered"], told["failed"], told["refused"]) == (1, 2, 2)


def test_what_a_shadow_has_no_number_for_has_failed_and_is_not_logged(
    client: TestClient, try_out: Try, record: Record, log: Path, eventually: Eventually, small_contract: Contract
) -> None:
    try_out("shadow", graph=tiny_model(len(small_contract.features), 705.0))
    for area in (1000.0, 70.0):
        assert client.post("/predict", json=record | {"area": area}).is_success
    eventually(lambda: trial_of(client)["answered"] + trial_of(client)["failed"] == 2)
    assert (trial_of(client)["failed"], trial_of(client)["compared"]) == (1, 1)
    eventually(lambda: len(read_shadows(log, 2)) == 1)


def test_a_repeated_request_gets_its_first_answer_whatever_the_trial(
    client: TestClient, try_out: Try, record: Record
) -> None:
    first = client.post("/predict", json=record, headers={"Idempotency-Key": "one"}).json()
    try_out("canary")
    assert client.post("/predict", json=record, headers={"Idempotency-Key": "one"}).json() == first


@pytest.mark.parametrize("spoil", ["missing", "damaged", "unreadable"])
def test_a_trial_that_cannot_be_taken_up_leaves_the_live_version_alone(
    client: TestClient, swift: Settings, publish: Publish, record: Record, eventually: Eventually, spoil: str
) -> None:
    folder = publish(2)
    publish(1)
    eventually(lambda: client.get("/model").json()["version"] == 1)  # the service may have seen the other one
    releases = Path(swift.place("releases_dir", "small"))
    if spoil == "missing":
        shutil.rmtree(folder)
    elif spoil == "damaged":
        (folder / "model.onnx").write_bytes(b"not ONNX")
    write_trial(releases, Trial(folder=folder.name, mode="canary", share=1.0))
    if spoil == "unreadable":
        (releases / "trial.json").write_text("{")
    eventually(lambda: "trial_refused" in client.get("/model").json())
    assert client.post("/predict", json=record).json()["model_version"] == 1
    write_trial(releases, None)
    eventually(lambda: "trial_refused" not in client.get("/model").json())


def test_a_trial_ends_without_a_failed_answer(
    client: TestClient, swift: Settings, try_out: Try, record: Record, eventually: Eventually
) -> None:
    try_out("canary")
    write_trial(Path(swift.place("releases_dir", "small")), None)
    eventually(lambda: "trial" not in client.get("/model").json())
    assert client.post("/predict", json=record).json()["model_version"] == 1


def test_what_a_shadow_said_is_erased_with_its_prediction(
    client: TestClient, try_out: Try, log: Path, record: Record, eventually: Eventually
) -> None:
    try_out("shadow")
    gone, kept = (client.post("/predict", json=record).json()["id"] for _ in range(2))
    eventually(lambda: len(read_shadows(log, 2)) == 2)
    assert erase_in_outbox(log, Choice(ids=(gone,))).predictions == 1
    assert [shadow.prediction_id for shadow in read_shadows(log, 2)] == [kept]
    assert gone.encode() not in shadow_path(log).read_bytes()


def test_without_a_trial_nothing_is_told_of_one(client: TestClient, app: FastAPI) -> None:
    assert "trial" not in client.get("/model").json()
    assert app.state.service.watcher.live.shadow is None
