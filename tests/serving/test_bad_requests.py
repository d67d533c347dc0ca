"""Requests that no client should send, byte by byte against the real process: each is answered, in time, by 4xx."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pipeline.contract import Contract
from pipeline.settings import Settings
from serving.service.documents import ProblemDocument
from tests.serving.conftest import RECORD, publish_release, service_process

SECONDS = 5.0  # in which every answer must be there
JSON = "Content-Type: application/json"
GOOD = json.dumps(RECORD).encode()


@dataclass(frozen=True)
class Bad:
    """A request as it goes over the wire, and what must come back."""

    name: str
    status: int
    says: str
    sent: bytes


def ask(body: bytes, *headers: str, line: str = "POST /predict HTTP/1.1", length: int | str | None = None) -> bytes:
    """Write a request; its headers are JSON's unless others are given."""
    told = f"Content-Length: {len(body) if length is None else length}"
    lines = [line, "Host: localhost", told, "Connection: close", *(headers or (JSON,)), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def raw(field: str, text: str) -> bytes:
    """Write the good record with a field's value as the text stands."""
    return json.dumps({**RECORD, field: "HERE"}, ensure_ascii=False).replace('"HERE"', text).encode()


def value(name: str, status: int, says: str, field: str, text: str) -> Bad:
    """Return the request whose one field holds the text."""
    return Bad(name, status, says, ask(raw(field, text)))


def chunked(*chunks: bytes, headers: str = "Transfer-Encoding: chunked") -> bytes:
    """Write a request whose body comes in chunks as they stand."""
    lines = ["POST /predict HTTP/1.1", "Host: localhost", "Connection: close", JSON, headers, "", ""]
    return "\r\n".join(lines).encode() + b"".join(chunks)


def chunk(content: bytes) -> bytes:
    """Write a chunk."""
    return b"%x\r\n%s\r\n" % (len(content), content)


KINDS = "'Flat', 'Terraced House', 'Villa'"
NOT_JSON = "(body): "
VALUES = [
    value("not a number", 422, "area", "area", "NaN"),
    value("infinity", 422, "area", "area", "Infinity"),
    value("minus infinity", 422, "area", "area", "-Infinity"),
    value("a number beyond all floats", 422, "area", "area", "1e400"),
    value("a number beyond all floats, below zero", 422, "area", "area", "-1e400"),
    value("a number beyond 32 bits", 422, "größe des gartens", "größe des gartens", "1e39"),
    value("a whole number beyond all floats", 422, "area", "area", "1" + "0" * 400),
    value("a whole number of 5,000 digits", 400, NOT_JSON, "area", "9" * 5000),
    value("a whole number of 5,000 digits as a class", 400, NOT_JSON, "class", "9" * 5000),
    value("minus zero below the range", 422, "area", "area", "-0"),
    value("minus zero as a class", 422, "class", "class", "-0.0"),
    value("a hair below the range", 422, "area", "area", "4.999999999999999"),
    value("a hair above the range", 422, "area", "area", "1000.0000000000001"),
    value("a number as a string", 422, "area", "area", '"70.5"'),
    value("a class as a string", 422, "class", "class", '"3"'),
    value("truth as a number", 422, "area", "area", "true"),
    value("truth as a class", 422, "class", "class", "true"),
    value("half a class", 422, "class", "class", "2.5"),
    value("a number as truth", 422, "lift", "lift", "1"),
    value("a string as truth", 422, "lift", "lift", '"true"'),
    value("a null that is required", 422, "area", "area", "null"),
    value("a list as a number", 422, "area", "area", "[70.5]"),
    value("an object as a number", 422, "area", "area", '{"value": 70.5}'),
    value("a number as a word", 422, "kind", "kind", "1"),
    value("an unknown category", 422, "kind", "kind", '"Castle"'),
    value("an unknown category in capitals", 422, "kind", "kind", '"CASTLE"'),
    value("an unknown category with spaces", 422, "kind", "kind", '"  cas tle\\t"'),
    value("a category with a NUL", 422, "kind", "kind", '"Flat\\u0000"'),
    value("a category in look-alike letters", 422, "kind", "kind", '"Fl\\u0430t"'),
    value("a category with a mark of direction", 422, "kind", "kind", '"\\u202eFlat"'),
    value("an unknown ordered category", 422, "state", "state", '"GREAT"'),
    value("an empty word", 422, "kind", "kind", '""'),
    value("a word of spaces", 422, "kind", "kind", '"   "'),
    value("a word for an open list that is a text", 422, "district", "district", '"' + "x" * 5000 + '"'),
    value("a lone surrogate", 400, NOT_JSON, "district", '"\\ud800"'),
    value("a broken escape", 400, NOT_JSON, "district", '"\\u12"'),
    value("a NUL byte in a string", 400, NOT_JSON, "district", '"a\0b"'),
    value("a number with a leading zero", 400, NOT_JSON, "area", "070"),
    value("a hexadecimal number", 400, NOT_JSON, "area", "0x46"),
    value("a number without digits", 400, NOT_JSON, "area", "-"),
    value("single quotes", 400, NOT_JSON, "kind", "'Flat'"),
]
BODIES = [
    Bad("no body", 400, NOT_JSON, ask(b"")),
    Bad("spaces", 400, NOT_JSON, ask(b"   ")),
    Bad("half an object", 400, NOT_JSON, ask(GOOD[:-10])),
    Bad("two objects", 400, NOT_JSON, ask(GOOD + GOOD)),
    Bad("a comma too many", 400, NOT_JSON, ask(GOOD[:-1] + b",}")),
    Bad("a comment", 400, NOT_JSON, ask(b"/* me */" + GOOD)),
    Bad("null", 422, NOT_JSON, ask(b"null")),
    Bad("a list", 422, NOT_JSON, ask(b"[" + GOOD + b"]")),
    Bad("a string that holds the object", 422, NOT_JSON, ask(json.dumps(GOOD.decode()).encode())),
    Bad("a number", 422, NOT_JSON, ask(b"1")),
    Bad("an empty object", 422, "area", ask(b"{}")),
    Bad("a missing field", 422, "kind", ask(json.dumps({k: v for k, v in RECORD.items() if k != "kind"}).encode())),
    Bad("an extra field", 422, "rent", ask(json.dumps({**RECORD, "rent": 1}).encode())),
    Bad("an extra field of 100,000 letters", 422, "x", ask(json.dumps({**RECORD, "x" * 100_000: 1}).encode())),
    Bad(
        "10,000 extra fields",
        422,
        "9999 more",
        ask(json.dumps({**RECORD, **{f"f{i}": i for i in range(10_000)}}).encode()),
    ),
    Bad("the target's own name", 422, "rent", ask(json.dumps({**RECORD, "rent": 900}).encode())),
    Bad("a name in other letters", 422, "area", ask(GOOD.replace(b'"area"', b'"AREA"'))),
    Bad("a prototype", 422, "__proto__", ask(json.dumps({**RECORD, "__proto__": {"admin": True}}).encode())),
    Bad("a second, bad value of a field", 422, "area", ask(GOOD[:-1] + b', "area": -1}')),
    Bad("100,000 open brackets", 400, NOT_JSON, ask(b"[" * 100_000)),
    Bad("100,000 brackets", 400, NOT_JSON, ask(b"[" * 100_000 + b"]" * 100_000)),
    Bad("100,000 objects in each other", 400, NOT_JSON, ask(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    Bad("brackets in a field", 400, NOT_JSON, ask(raw("area", "[" * 50_000 + "]" * 50_000))),
    Bad("10 MB of spaces", 413, "1048576 bytes", ask(b" " * 10_000_000)),
    Bad("10 MB in one string", 413, "1048576 bytes", ask(raw("district", '"' + "x" * 10_000_000 + '"'))),
    Bad("the announcement of 10 GB", 413, "1048576 bytes", ask(b"", length=10**10)),
    Bad("10 MB in chunks", 413, "1048576 bytes", chunked(*[chunk(b" " * 100_000)] * 100, chunk(b""))),
    Bad("UTF-16", 400, NOT_JSON, ask(GOOD.decode().encode("utf-16"))),
    Bad("UTF-32", 400, NOT_JSON, ask(GOOD.decode().encode("utf-32"))),
    Bad("a byte order mark", 400, NOT_JSON, ask(b"\xef\xbb\xbf" + GOOD)),
    Bad("Latin-1", 400, NOT_JSON, ask(json.dumps(RECORD, ensure_ascii=False).encode("latin-1"))),
    Bad("a surrogate in UTF-8", 400, NOT_JSON, ask(raw("district", '"\1"').replace(b"\1", b"\xed\xa0\x80"))),
    Bad("an overlong NUL", 400, NOT_JSON, ask(raw("district", '"\1"').replace(b"\1", b"\xc0\x80"))),
    Bad("all bytes", 400, NOT_JSON, ask(bytes(range(256)))),
    Bad("compressed", 415, "gzip", ask(b"\x1f\x8b\x08", JSON, "Content-Encoding: gzip")),
    Bad("XML", 415, "application/xml", ask(b"<record/>", "Content-Type: application/xml")),
    Bad("a form", 415, "urlencoded", ask(b"area=1", "Content-Type: application/x-www-form-urlencoded")),
    Bad("JSON said to be text", 415, "text/plain", ask(GOOD, "Content-Type: text/plain")),
    Bad("JSON in Latin-1", 415, "iso-8859-1", ask(GOOD, "Content-Type: application/json; charset=iso-8859-1")),
    Bad("a nonsensical type", 415, "jsonx", ask(GOOD, "Content-Type: application/jsonx")),
]
METHODS = [
    Bad("GET for POST", 405, "Method Not Allowed", ask(b"", line="GET /predict HTTP/1.1")),
    Bad("PUT", 405, "Method Not Allowed", ask(GOOD, line="PUT /predict HTTP/1.1")),
    Bad("DELETE", 405, "Method Not Allowed", ask(b"", line="DELETE /predict HTTP/1.1")),
    Bad("PATCH", 405, "Method Not Allowed", ask(GOOD, line="PATCH /predict HTTP/1.1")),
    Bad("OPTIONS", 405, "Method Not Allowed", ask(b"", line="OPTIONS /predict HTTP/1.1")),
    Bad("TRACE", 405, "Method Not Allowed", ask(b"", line="TRACE /predict HTTP/1.1")),
    Bad("POST to a probe", 405, "Method Not Allowed", ask(b"{}", line="POST /health/live HTTP/1.1")),
    Bad("an unknown path", 404, "Not Found", ask(GOOD, line="POST /prediction HTTP/1.1")),
    Bad("a path in capitals", 404, "Not Found", ask(GOOD, line="POST /PREDICT HTTP/1.1")),
    Bad("a way out", 404, "Not Found", ask(b"", line="GET /static-offline-docs/../../../../etc/passwd HTTP/1.1")),
    Bad("a hidden way out", 404, "Not Found", ask(b"", line="GET /static-offline-docs/..%2f..%2fcore.py HTTP/1.1")),
    Bad("a NUL in the path", 404, "Not Found", ask(b"", line="GET /static-offline-docs/%00 HTTP/1.1")),
    Bad("a path of 60,000 letters", 404, "Not Found", ask(b"", line=f"GET /{'a' * 60_000} HTTP/1.1")),
    Bad(
        "a websocket", 404, "Not Found", ask(b"", "Connection: Upgrade", "Upgrade: websocket", line="GET /ws HTTP/1.1")
    ),
]
WIRE = [
    Bad("a key that is empty", 400, "Idempotency-Key", ask(GOOD, JSON, "Idempotency-Key:")),
    Bad("a key of 256 letters", 400, "Idempotency-Key", ask(GOOD, JSON, "Idempotency-Key: " + "k" * 256)),
    Bad("a negative length", 400, "Invalid HTTP", ask(b"", length=-1)),
    Bad("a length that is no number", 400, "Invalid HTTP", ask(GOOD, length="many")),
    Bad("a length beyond 64 bits", 400, "Invalid HTTP", ask(GOOD, length=10**30)),
    Bad("two lengths", 400, "Invalid HTTP", ask(GOOD, JSON, "Content-Length: 3")),
    Bad("a length and chunks", 400, "Invalid HTTP", ask(chunk(GOOD), JSON, "Transfer-Encoding: chunked")),
    Bad("a chunk without a size", 400, "Invalid HTTP", chunked(b"\r\n" + GOOD + b"\r\n0\r\n\r\n")),
    Bad("a chunk with a wrong size", 400, "Invalid HTTP", chunked(b"5\r\n" + GOOD + b"\r\n0\r\n\r\n")),
    Bad("a chunk of negative size", 400, "Invalid HTTP", chunked(b"-5\r\n" + GOOD + b"\r\n0\r\n\r\n")),
    Bad("a chunk beyond 64 bits", 400, "Invalid HTTP", chunked(b"f" * 30 + b"\r\n" + GOOD)),
    Bad("an unknown coding", 400, "Invalid HTTP", chunked(GOOD, headers="Transfer-Encoding: gzip")),
    Bad("no HTTP", 400, "Invalid HTTP", b"hello, is anybody there?\r\n\r\n"),
    Bad("TLS", 400, "Invalid HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300)),
    Bad("another version", 400, "Invalid HTTP", ask(GOOD, line="POST /predict HTTP/9.9")),
    Bad("a made up method", 400, "Invalid HTTP", ask(GOOD, line="PREDICT /predict HTTP/1.1")),
    Bad("a header without a colon", 400, "Invalid HTTP", ask(GOOD, JSON, "X-Caller me")),
    Bad("a header with a NUL", 400, "Invalid HTTP", ask(GOOD, JSON, "X-Caller: a\0b")),
    Bad("a header with a space in its name", 400, "Invalid HTTP", ask(GOOD, JSON, "X Caller: me")),
    Bad("bare bytes in the path", 400, "Invalid HTTP", ask(b"", line="GET /gr\xf6\xdfe HTTP/1.1")),
    Bad("a header of 300,000 letters", 431, "65536 bytes", ask(GOOD, JSON, "X-Long: " + "x" * 300_000)),
    Bad("10,000 headers", 431, "65536 bytes", ask(GOOD, JSON, *[f"X-{i}: {'x' * 30}" for i in range(10_000)])),
    Bad("a path of 300,000 letters", 431, "65536 bytes", ask(b"", line=f"GET /{'a' * 300_000} HTTP/1.1")),
]
ALL = [*VALUES, *BODIES, *METHODS, *WIRE]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Iterator[tuple[str, int]]:
    """The service's process; a client has a second to send its request."""
    folder: Path = tmp_path_factory.mktemp("bad")
    settings = Settings(project_dir=folder, state_dir=folder / "state")
    publish_release(settings, small_contract, 1)
    with service_process(settings, small_contract, REQUEST_SECONDS=1) as (_, url):
        parts = urlsplit(url)
        yield str(parts.hostname), int(parts.port or 0)


def exchange(address: tuple[str, int], sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and return the status, headers and body of what comes back before the connection ends."""
    with socket.create_connection(address, timeout=SECONDS) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
            connection.sendall(sent)
        return parsed(received(connection))


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes, or breaks off."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Take an HTTP answer apart."""
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): text.strip() for name, _, text in (one.partition(":") for one in lines)}
    return int(line.split()[1]), headers, body


def test_there_are_at_least_60_of_them_each_with_its_name() -> None:
    assert len({bad.name for bad in ALL}) == len(ALL) >= 60


@pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.name)
def test_a_bad_request_is_refused_in_time_and_the_next_good_one_is_answered(address: tuple[str, int], bad: Bad) -> None:
    started = time.monotonic()
    status, headers, body = exchange(address, bad.sent)
    problem = ProblemDocument.model_validate_json(body)
    assert (status, problem.status) == (bad.status, bad.status)
    assert bad.says in problem.detail
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]
    assert len(body) < 100_000
    assert time.monotonic() - started < SECONDS
    assert exchange(address, ask(GOOD))[0] == 200


@pytest.mark.parametrize(
    ("begun", "each"),
    [(ask(b"", length=100), b"{"), (ask(b"")[:30], b"x"), (chunked(), b"1\r\n{\r\n")],
    ids=["body", "head", "chunks"],
)
def test_a_client_that_sends_a_little_at_a_time_is_cut(address: tuple[str, int], begun: bytes, each: bytes) -> None:
    started = time.monotonic()
    with socket.create_connection(address, timeout=SECONDS) as connection:
        connection.sendall(begun)
        connection.settimeout(0.3)
        answer = b""
        while not answer and time.monotonic() < started + SECONDS:
            try:
                answer = connection.recv(65_536)
            except TimeoutError:
                connection.sendall(each)
    status, _, body = parsed(answer)
    assert status == 408
    assert ProblemDocument.model_validate_json(body).detail == "The request did not come within 1 s"
    assert 0.9 < time.monotonic() - started < SECONDS
    assert exchange(address, ask(GOOD))[0] == 200


def test_a_connection_on_which_nothing_is_asked_ends(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=SECONDS) as connection:
        assert received(connection) == b""


def test_a_client_that_does_not_take_its_answer_is_cut(address: tuple[str, int]) -> None:
    asked = ask(b"", line="GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1")
    length = int(exchange(address, asked)[1]["content-length"])
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(SECONDS)
        connection.connect(address)
        connection.sendall(asked.replace(b"Connection: close", b"Connection: keep-alive") * 10)
        time.sleep(2)
        assert len(received(connection)) < 10 * length
    assert exchange(address, ask(GOOD))[0] == 200


def test_a_client_that_takes_its_time_between_requests_is_not_cut(address: tuple[str, int]) -> None:
    with httpx.Client(base_url="http://{}:{}".format(*address), timeout=SECONDS) as client:
        for _ in range(2):
            response = client.post("/predict", json=RECORD)
            assert response.is_success
            time.sleep(1.7)
    assert "connection" not in response.headers


def test_a_client_that_leaves_within_its_request_is_no_failure(address: tuple[str, int]) -> None:
    for sent in (ask(GOOD, length=len(GOOD) + 10), ask(GOOD)[:60], chunked(chunk(GOOD))):
        with socket.create_connection(address, timeout=SECONDS) as connection:
            connection.sendall(sent)
    assert exchange(address, ask(GOOD))[0] == 200
    text = exchange(address, ask(b"", line="GET /metrics HTTP/1.1"))[2].decode()
    assert 'status="500"' not in text


@pytest.mark.parametrize(
    "sent",
    [
        ask(GOOD, "X-Nothing: 1"),
        ask(GOOD, "Content-Type: application/json; charset=UTF-8"),
        ask(GOOD, "Content-Type: application/vnd.flats+json"),
        ask(GOOD, JSON, "Expect: 100-continue"),
        ask(GOOD, JSON, "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        chunked(*(chunk(GOOD[place : place + 1]) for place in range(len(GOOD))), chunk(b"")),
        ask(GOOD[:-1] + b', "area": 71}'),
        ask(GOOD.replace(b'"area"', b'"\\u0061rea"')),
        ask(b" \r\n\t" + GOOD + b"\n" * 1000),
        ask(raw("class", "3.0")),
        ask(raw("größe des gartens", "-0.0")),
    ],
)
def test_an_odd_request_that_means_something_is_answered(address: tuple[str, int], sent: bytes) -> None:
    status, _, body = exchange(address, sent)
    assert status in (100, 200)
    assert b'"prediction"' in body


def test_a_head_request_is_a_get_without_the_body(address: tuple[str, int]) -> None:
    status, headers, body = exchange(address, ask(b"", line="HEAD /health/live HTTP/1.1"))
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    assert exchange(address, ask(b"", line="HEAD /predict HTTP/1.1"))[0] == 405
