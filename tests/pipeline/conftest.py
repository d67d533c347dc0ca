"""What tests of the ground floor share: a data registry, here or with its content in S3."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipeline.data_registry import DataRegistry


@pytest.fixture
def registry(settings, small_contract) -> DataRegistry:
    return DataRegistry(settings, small_contract)


@pytest.fixture
def bare(settings) -> Path:
    return Path(settings.place("data_registry_uri", "small"))


@pytest.fixture
def content(settings) -> Path:
    return Path(settings.place("data_remote_uri", "small"))


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """The port of an S3 server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def s3_settings(settings, s3_port, monkeypatch, tmp_path):
    """Settings with the content of data versions in S3, in a folder of the test's own of the bucket `data`.

    The bucket is made for each test: all servers of moto in a process have one store, which others empty.
    """
    use_s3(monkeypatch, s3_port)
    boto3.client("s3").create_bucket(Bucket="data")
    return settings.model_copy(update={"data_remote_uri": f"s3://data/{tmp_path.name}/{{model}}"})


def use_s3(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let everything that speaks S3 ask this port."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }.items():
        monkeypatch.setenv(name, value)
