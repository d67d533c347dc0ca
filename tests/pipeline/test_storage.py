import json
import threading
import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from upath import UPath

from pipeline.settings import Settings
from pipeline.storage import read_json, replace_folder, storage, write_bytes, write_json


@pytest.fixture(params=["file", "plain", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    if request.param == "memory":
        return UPath(f"memory://{uuid.uuid4()}/a folder")
    return UPath(f"file://{tmp_path}/a folder/ü#1%20" if request.param == "file" else str(tmp_path / "a folder"))


def test_what_is_written_is_read_by_its_address(place: UPath) -> None:
    address = write_json(place / "report.json", {"größe": [1, None, "ü"]})

    assert read_json(address) == {"größe": [1, None, "ü"]}
    assert UPath(address).read_bytes() == (place / "report.json").read_bytes()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(place: UPath) -> None:
    write_bytes(place / "batch.csv", b"a much longer content")
    write_bytes(place / "batch.csv", b"new")

    assert (place / "batch.csv").read_bytes() == b"new"
    assert [path.name for path in place.iterdir()] == ["batch.csv"]


def test_two_writers_of_one_file_leave_one_whole_content(tmp_path: Path) -> None:
    target, contents, errors = UPath(tmp_path / "batch.csv"), [bytes([letter]) * 100_000 for letter in b"abcd"], []

    def write(content: bytes) -> None:
        try:
            for _ in range(20):
                write_bytes(target, content)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert target.read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["batch.csv"]


def test_a_write_that_fails_leaves_the_earlier_file(place: UPath) -> None:
    write_json(place / "report.json", {"mae": 1.0})

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(place / "report.json", {"mae": float("nan")})
    assert read_json(place / "report.json") == {"mae": 1.0}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (date(2020, 1, 2), "2020-01-02"),
        (datetime(2020, 1, 2, 3), "2020-01-02T03:00:00"),  # noqa: DTZ001 (text is compared, not time)
        (Path("/a/b"), "/a/b"),
    ],
)
def test_numbers_stay_numbers_and_dates_and_paths_become_text(place: UPath, value: Any, read: Any) -> None:
    write_json(place / "report.json", {"value": value})

    assert read_json(place / "report.json") == {"value": read}


def test_an_object_is_refused_rather_than_written_as_its_address(place: UPath) -> None:
    with pytest.raises(TypeError, match="is a object, which JSON cannot hold"):
        write_json(place / "report.json", {"value": object()})


def test_the_storage_is_where_the_settings_say(settings: Settings, tmp_path: Path) -> None:
    here = storage(settings, "flats", "run 1", "batch.parquet")
    there = storage(settings.model_copy(update={"storage_uri": "memory://bucket/{model}x"}), "run", "a.json")

    assert Path(here.path) == tmp_path / "state" / "storage" / "flats" / "run 1" / "batch.parquet"
    assert str(there) == "memory://bucket/x/run/a.json"


def test_a_complete_folder_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "model.json").write_text(json.dumps(1))

    replace_folder(tmp_path / "part", tmp_path / "deep" / "1-abc")

    assert (tmp_path / "deep" / "1-abc" / "model.json").exists()
    assert not (tmp_path / "part").exists()


def test_a_folder_that_is_there_already_stays_and_the_other_goes(tmp_path: Path) -> None:
    for name, text in (("part", "new"), ("there", "old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(text)

    replace_folder(tmp_path / "part", tmp_path / "there")

    assert (tmp_path / "there" / "model.json").read_text() == "old"
    assert not (tmp_path / "part").exists()


def test_a_folder_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "there").write_text("a file")

    with pytest.raises(OSError, match="there"):
        replace_folder(tmp_path / "part", tmp_path / "there")
    assert (tmp_path / "part").is_dir()
