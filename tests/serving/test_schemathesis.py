"""Requests made up from the OpenAPI document and from the record's model: none is a server error.

`python -m tests.serving.test_schemathesis 2000` makes up as many of each as are asked for.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.contract import Contract, parse_contract
from pipeline.settings import Settings
from tests.conftest import SMALL
from tests.serving.conftest import RECORD, publish_release, service_process

EXAMPLES = 200  # of the whole document, and of the record's model: `make test` has to end
SECONDS = 10

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_NEARLY = st.one_of(*(st.tuples(st.just(name), _JSON) for name in (*RECORD, "another")))


@contextmanager
def served(folder: Path, contract: Contract) -> Iterator[str]:
    """Run the real service of the contract, and give its address."""
    places = Settings(project_dir=folder, state_dir=folder / "state")
    publish_release(places, contract, 1)
    with service_process(places, contract) as (_, url):
        yield url


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Iterator[str]:
    """The address of a running service."""
    with served(tmp_path_factory.mktemp("schemathesis"), small_contract) as address:
        yield address


def test_nothing_that_the_document_allows_or_forbids_is_a_server_error(url: str) -> None:
    assert check_document(url, EXAMPLES) >= EXAMPLES


def test_no_record_is_a_server_error(url: str) -> None:
    check_records(url, EXAMPLES)


def check_document(url: str, examples: int) -> int:
    """Send requests to every operation of the document, and return how many were sent.

    Both what the document allows and what it forbids are made up, by schemathesis.
    """
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    schema.config.generation.update(modes=list(schemathesis.GenerationMode))
    operations = [operation.ok() for operation in schema.get_all_operations()]
    varied = sum(bool(operation.body or operation.path_parameters) for operation in operations)
    sent = 0
    for operation in operations:

        @_repeated(-(-examples // varied))  # one is enough for hypothesis where nothing can vary
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            nonlocal sent
            response = case.call(timeout=SECONDS)
            sent += 1
            assert response.status_code < 500, f"{case.as_curl_command()}: {response.text}"

        check()
    return sent


def check_records(url: str, examples: int) -> None:
    """Send records with made-up values in some fields, and hold every answer to 200, 400 or 422."""
    with httpx.Client(base_url=url, timeout=SECONDS) as client:

        @_repeated(examples)
        @given(changes=st.lists(_NEARLY, min_size=1, max_size=4))
        def check(changes: list[tuple[str, Any]]) -> None:
            body = json.dumps({**RECORD, **dict(changes)})  # NaN and lone surrogates, too
            response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
            assert response.status_code in (200, 400, 422), f"{body}: {response.text}"

        check()


def _repeated(examples: int) -> settings:
    """Say how hypothesis goes about it: the same examples each time, so that a red test stays red."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, served(Path(place), parse_contract(SMALL)) as address_:
        count = int(sys.argv[1])
        print(f"{check_document(address_, count)} requests of the document, no server error")  # noqa: T201
        check_records(address_, count)
        print(f"{count} records, no server error")  # noqa: T201
