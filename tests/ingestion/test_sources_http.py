"""Sources over http(s), against a real server on the loopback interface."""

import gzip
import hashlib
import logging
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingestion.errors import SourceError, SourceUnreachable
from ingestion.sources import SourceFile, open_source
from ingestion.sources.http import download
from ingestion.sources.network import Network
from pipeline.connection import Connection
from pipeline.contract import Window, parse_contract
from pipeline.settings import Settings
from tests.conftest import SMALL
from tests.ingestion.web import Answer, Request, Web, part_of, serving

BODY = b"area,rent\n" + b"70,900\n" * 30_000
SECRET = "sesame-open-0"  # noqa: S105 (it opens nothing)
LIMIT = 10 << 20


@pytest.fixture
def opened(settings: Settings) -> Callable[..., Any]:
    @contextmanager
    def run(source: str, who: Connection | None = None, limit: int = LIMIT, **keys: Any) -> Iterator[SourceFile]:
        contract = parse_contract({**SMALL, "ingestion": {"source": source, **keys}})
        here = settings.model_copy(update={"source_max_bytes": limit})
        with open_source(contract, here, source, Window(), who) as files:
            yield files[0]

    return run


def content(opened: Callable[..., Any], source: str, *args: Any, **keys: Any) -> bytes:
    with opened(source, *args, **keys) as file:
        found: bytes = file.path.read_bytes()
    return found


def refused(opened: Callable[..., Any], source: str, *args: Any, **keys: Any) -> SourceError:
    with pytest.raises(SourceError) as error, opened(source, *args, **keys):
        pass
    assert "\n" not in str(error.value)
    return error.value


def test_a_file_is_fetched_and_its_copy_goes_away(opened):
    with serving(lambda _: Answer(BODY)) as web:
        with opened(web.url("/flats.csv")) as file:
            assert file.path.read_bytes() == BODY
            assert (file.name, file.format, file.path.suffix) == (web.url("/flats.csv"), "csv", ".csv")
        assert not file.path.parent.exists()


def test_the_copy_goes_away_after_an_error_as_well(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serving(lambda _: Answer(BODY)) as web:
        with pytest.raises(RuntimeError), opened(web.url("/flats.csv")):
            raise RuntimeError
        refused(opened, web.url("/flats.csv"), limit=100)
    assert list(tmp_path.glob("mlops-source-*")) == []


@pytest.mark.parametrize(
    ("path", "media_type", "format_", "suffix"),
    [
        ("/flats.parquet", "text/csv", "parquet", ".parquet"),
        ("/flats.csv.gz?x=1", "application/gzip", "csv", ".gz"),
        ("/with%20space.CSV", "", "csv", ".csv"),
        ("/export?kind=flats", "text/csv; charset=utf-8", "csv", ".csv"),
        ("/export", "application/vnd.apache.parquet", "parquet", ".parquet"),
        ("/export", "application/x-parquet", "parquet", ".parquet"),
    ],
)
def test_the_path_says_the_format_and_else_the_content_type(opened, path, media_type, format_, suffix):
    with (
        serving(lambda _: Answer(BODY, headers={"Content-Type": media_type})) as web,
        opened(web.url(path)) as file,
    ):
        assert (file.format, file.path.suffix) == (format_, suffix)


def test_a_page_is_no_table(opened):
    with serving(lambda _: Answer(b"<html>", headers={"Content-Type": "text/html"})) as web:
        told = str(refused(opened, web.url("/login")))
    assert "is of no known kind: its path ends in none of .csv, .csv.gz" in told
    assert "its Content-Type is text/html" in told


@pytest.mark.parametrize("validator", [{"ETag": '"v1"'}, {"Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}])
def test_a_broken_connection_is_continued_where_it_broke(opened, validator):
    def answer(request: Request) -> Answer:
        return part_of(BODY, request, validator, cut=None if "range" in request.headers else 80_000)

    with serving(answer) as web:
        assert content(opened, web.url("/flats.csv")) == BODY
        assert len(web.requests) == 2
        assert int(web.requests[1].headers["range"].removeprefix("bytes=").removesuffix("-")) > 0


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}, {"ETag": '"v1"'}])
def test_a_server_that_cannot_continue_starts_again(opened, headers):
    cuts = iter([80_000, 50_000, None])
    with serving(lambda _: Answer(BODY, headers=headers, cut=next(cuts))) as web:
        assert content(opened, web.url("/flats.csv")) == BODY
        assert len(web.requests) == 3


def test_a_file_that_is_another_after_the_break_is_fetched_whole(opened):
    other = BODY.replace(b"70", b"80")

    def answer(request: Request) -> Answer:
        if len(web.requests) == 1:
            return Answer(BODY, headers={"ETag": '"v1"'}, cut=80_000)
        if len(web.requests) == 2:  # heeds the range, but not the condition
            return part_of(other, Request("", request.headers | {"if-range": '"v2"'}), {"ETag": '"v2"'})
        return part_of(other, request, {"ETag": '"v2"'})

    with serving(answer) as web:
        assert content(opened, web.url("/flats.csv")) == other


def test_a_server_that_goes_on_breaking_off_is_left_after_five_attempts(opened):
    with serving(lambda _: Answer(BODY, cut=80_000)) as web:
        error = refused(opened, web.url("/flats.csv"))
        assert len(web.requests) == 5
    assert error.transient
    assert f"of {len(BODY)} bytes" in str(error)


def test_a_chunked_body_needs_no_length(opened):
    with serving(lambda _: Answer(BODY, length=False)) as web:
        assert content(opened, web.url("/flats.csv")) == BODY


@pytest.mark.parametrize("length", [True, False])
def test_a_source_that_is_too_large_is_not_fetched_to_its_end(opened, length):
    with serving(lambda _: Answer(BODY, length=length)) as web:
        error = refused(opened, web.url("/flats.csv"), limit=100_000)
        assert len(web.requests) == 1
    assert "is larger than the 100000 bytes that may be fetched; take a smaller part of it" in str(error)
    assert not error.transient


def test_the_limit_holds_for_what_is_unpacked(opened):
    packed = gzip.compress(b"0" * 1_000_000)
    with serving(lambda _: Answer(packed, headers={"Content-Encoding": "gzip"})) as web:
        assert "is larger than" in str(refused(opened, web.url("/flats.csv"), limit=100_000))
        assert web.requests[0].headers["accept-encoding"] == "identity"


def test_a_body_that_is_packed_for_the_way_is_unpacked_and_a_packed_file_is_not(opened):
    packed = gzip.compress(BODY)
    with serving(lambda _: Answer(packed, headers={"Content-Encoding": "gzip"})) as web:
        assert content(opened, web.url("/flats.csv")) == BODY
        assert content(opened, web.url("/flats.csv.gz")) == packed


@pytest.mark.parametrize(
    ("status", "message", "transient", "requests"),
    [
        (401, "the server answers 401 Unauthorized: name a `connection` in the contract", False, 1),
        (403, "the server answers 403 Forbidden: name a `connection` in the contract", False, 1),
        (404, "the server answers 404 Not Found; check the address", False, 1),
        (410, "the server answers 410 Gone; check the address", False, 1),
        (204, "the server answers 204 No Content; check the address", False, 1),
        (429, "the server answers 429 Too Many Requests; try again later", True, 5),
        (503, "the server answers 503 Service Unavailable; try again later", True, 5),
    ],
)
def test_an_answer_that_is_no_file_says_what_to_do(opened, status, message, transient, requests):
    with serving(lambda _: Answer(status=status, length=status != 204)) as web:
        error = refused(opened, web.url("/flats.csv"))
        assert len(web.requests) == requests
    assert message in str(error)
    assert error.transient is transient


def test_a_server_that_comes_back_is_read(opened):
    statuses = iter([503, 429, 200])
    with serving(lambda _: Answer(BODY, next(statuses))) as web:
        assert content(opened, web.url("/flats.csv")) == BODY


def test_a_server_that_is_not_there_may_come_back(opened):
    with serving(lambda _: Answer()) as web:
        pass
    error = refused(opened, web.url("/flats.csv"))
    assert error.transient
    assert "127.0.0.1 does not answer (" in str(error)


def test_the_checksum_is_checked_of_what_was_fetched(opened):
    with serving(lambda _: Answer(BODY)) as web:
        assert content(opened, web.url("/a.csv"), sha256=hashlib.sha256(BODY).hexdigest()) == BODY
        assert "is not the file that the contract means" in str(refused(opened, web.url("/a.csv"), sha256="0" * 64))


def test_login_and_headers_of_the_connection_are_sent(opened):
    who = Connection(login="me", password=SECRET, options={"headers": {"X-Api-Key": "abc"}})
    with serving(lambda _: Answer(BODY)) as web:
        content(opened, web.url("/flats.csv"), who)
        assert web.requests[0].headers["authorization"].startswith("Basic ")
        assert web.requests[0].headers["x-api-key"] == "abc"
        assert web.requests[0].headers["host"] == f"127.0.0.1:{web.port}"


def test_an_option_that_http_does_not_know_is_named(opened):
    told = str(refused(opened, "http://127.0.0.1:1/a.csv", Connection(options={"verify": False})))
    assert "its connection has the option 'verify'; http takes `headers` only" in told


def test_credentials_of_the_contracts_source_are_not_sent_to_another_host(settings):
    who = Connection(login="me", password=SECRET, options={"headers": {"X-Api-Key": "abc"}})
    with serving(lambda _: Answer(BODY)) as own, serving(lambda _: Answer(BODY)) as other:
        contract = parse_contract({**SMALL, "ingestion": {"source": own.url("/a.csv")}})
        for source in (own.url("/b.csv"), other.url("/a.csv")):
            with open_source(contract, settings, source, Window(), who):
                pass
        assert "authorization" in own.requests[0].headers
        assert {"authorization", "x-api-key"} & set(other.requests[0].headers) == set()


def test_a_connection_of_the_settings_is_found_by_its_name(settings, opened):
    with serving(lambda _: Answer(BODY)) as web:
        contract = parse_contract({**SMALL, "ingestion": {"source": web.url("/a.csv"), "connection": "office"}})
        here = settings.model_copy(update={"connections": {"office": Connection(login="me", password=SECRET)}})
        with open_source(contract, here, contract.ingestion.source, Window(), None):
            assert "authorization" in web.requests[0].headers


# --- redirects --------------------------------------------------------------------------------------------------------


class Pretended(Network):
    """127.0.0.2 passes for a public address, and names are what the test says; each look-up takes the next answer."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}

    def addresses(self, host: str, port: int) -> list[str]:
        answers = self.names.get(host)
        return (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else super().addresses(host, port)

    def is_private(self, address: str) -> bool:
        return address != "127.0.0.2"


def fetched(web_url: str, tmp_path: Path, network: Network | None = None, who: Connection | None = None) -> bytes:
    return download(web_url, tmp_path, LIMIT, who, network).path.read_bytes()


def to(url: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": url})


@pytest.fixture
def webs() -> Iterator[Callable[..., Web]]:
    with ExitStack() as stack:
        yield lambda *args, **keys: stack.enter_context(serving(*args, **keys))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_also_relative_ones(tmp_path, webs, status):
    web = webs(lambda request: Answer(BODY) if request.path == "/deep/b.csv" else to("deep/b.csv", status))
    assert fetched(web.url("/a.csv"), tmp_path) == BODY


def test_at_most_five_redirects_are_followed(tmp_path, webs):
    web = webs(lambda request: Answer(BODY) if request.path == "/00000a.csv" else to("/0" + request.path[1:]))
    assert fetched(web.url("/a.csv"), tmp_path) == BODY
    with pytest.raises(SourceError, match="redirects more than 5 times; name the last address instead"):
        fetched(webs(lambda request: to("/0" + request.path[1:])).url("/a.csv"), tmp_path)


def test_no_redirect_leads_from_a_public_address_to_a_private_one(tmp_path, webs):
    inside = webs(lambda _: Answer(b"inside"))
    outside = webs(lambda _: to(inside.url("/a.csv")), "127.0.0.2")
    with pytest.raises(SourceError, match=r"from a public address to 127\.0\.0\.1 .*, which is private") as error:
        fetched(outside.url("/a.csv", "127.0.0.2"), tmp_path, Pretended())
    assert inside.requests == []
    assert not error.value.transient


def test_neither_does_one_by_a_name_nor_over_a_second_public_address(tmp_path, webs):
    inside = webs(lambda _: Answer(b"inside"))
    second = webs(lambda _: to(inside.url("/a.csv", "inside.example")), "127.0.0.2")
    first = webs(lambda _: to(second.url("/a.csv", "second.example")), "127.0.0.2")
    network = Pretended(
        first_example=[["127.0.0.2"]], second_example=[["127.0.0.2"]], inside_example=[["127.0.0.2", "127.0.0.1"]]
    )
    with pytest.raises(SourceError, match=r"from a public address to inside\.example \(127\.0\.0\.1\)"):
        fetched(first.url("/a.csv", "first.example"), tmp_path, network)
    assert inside.requests == []


def test_a_name_that_means_another_machine_a_moment_later_changes_nothing(tmp_path, webs):
    inside = webs(lambda _: Answer(b"inside"))
    outside = webs(lambda _: to(f"http://turning.example:{inside.port}/a.csv"), "127.0.0.2")
    network = Pretended(first_example=[["127.0.0.2"]], turning_example=[["127.0.0.2"], ["127.0.0.1"]])
    with pytest.raises(SourceError):  # nobody listens at that port of 127.0.0.2, and later the name is refused
        fetched(outside.url("/a.csv", "first.example"), tmp_path, network)
    assert inside.requests == []


def test_a_private_address_that_the_contract_names_may_redirect_to_another(tmp_path, webs):
    second = webs(lambda _: Answer(BODY))
    first = webs(lambda _: to(second.url("/a.csv")))
    assert fetched(first.url("/a.csv"), tmp_path) == BODY


def test_credentials_stay_with_the_host_that_they_are_for(tmp_path, webs):
    second = webs(lambda _: Answer(BODY))
    first = webs(lambda request: to(second.url("/b.csv")) if request.path == "/moved.csv" else to("/moved.csv"))
    who = Connection(login="me", password=SECRET, options={"headers": {"X-Api-Key": "abc"}})
    assert fetched(first.url("/a.csv"), tmp_path, who=who) == BODY
    assert ["authorization" in request.headers for request in first.requests] == [True, True]
    assert {"authorization", "x-api-key"} & set(second.requests[0].headers) == set()


def test_a_redirect_brings_no_credentials_of_its_own(tmp_path, webs):
    second = webs(lambda _: Answer(BODY))
    first = webs(lambda _: to(second.url("/a.csv").replace("://", "://me:pass@")))
    assert fetched(first.url("/a.csv"), tmp_path) == BODY
    assert "authorization" not in second.requests[0].headers


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/a.csv", "file:///etc/passwd", "", "http://", "http://[::1", "/a.csv"]
)
def test_a_redirect_to_something_else_is_refused(tmp_path, webs, location):
    web = webs(lambda _: to(location))
    with pytest.raises(SourceError, match="redirects to"):
        fetched(web.url("/a.csv"), tmp_path)


def test_the_refusal_of_a_redirected_request_says_where_it_led(opened, webs):
    second = webs(lambda _: Answer(status=403))
    first = webs(lambda _: to(second.url("/b.csv?sig=abc")))
    assert f"(redirected to {second.url('/b.csv?sig=…')}): the server answers 403" in str(
        refused(opened, first.url("/a.csv"))
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own for `flats.example`, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "flats.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("flats.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def test_the_certificate_must_be_that_of_the_name_although_the_address_is_fixed(
    tmp_path, webs, certificate, monkeypatch
):
    web = webs(lambda _: Answer(BODY), certificate=certificate)
    network = Pretended(flats_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with pytest.raises(SourceError, match=r"the certificate of flats\.example cannot be trusted") as error:
        fetched(web.url("/a.csv", "flats.example", "https"), tmp_path, network)
    assert not error.value.transient
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetched(web.url("/a.csv", "flats.example", "https"), tmp_path, network) == BODY
    with pytest.raises(SourceError, match=r"the certificate of other\.example cannot be trusted"):
        fetched(web.url("/a.csv", "other.example", "https"), tmp_path, network)


def test_no_redirect_leads_from_https_to_http(tmp_path, webs, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    plain = webs(lambda _: Answer(BODY))
    safe = webs(lambda _: to(plain.url("/a.csv")), certificate=certificate)
    with pytest.raises(SourceError, match=r"redirects from https to http://127\.0\.0\.1"):
        fetched(safe.url("/a.csv", "flats.example", "https"), tmp_path, Pretended(flats_example=[["127.0.0.1"]]))
    assert plain.requests == []


def test_each_address_of_a_name_is_tried(tmp_path, webs):
    web = webs(lambda _: Answer(BODY))
    network = Pretended(flats_example=[["127.0.0.9", "127.0.0.1"]])
    assert fetched(web.url("/a.csv", "flats.example"), tmp_path, network) == BODY
    assert web.requests[0].headers["host"] == f"flats.example:{web.port}"


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("8.8.8.8", False), ("2001:4860:4860::8888", False), ("::ffff:8.8.8.8", False), ("64:ff9b::808:808", False),
        ("127.0.0.1", True), ("10.1.2.3", True), ("172.16.0.1", True), ("192.168.1.1", True), ("100.64.0.1", True),
        ("169.254.169.254", True), ("0.0.0.0", True), ("224.0.0.1", True), ("255.255.255.255", True),  # noqa: S104
        ("::1", True), ("::", True), ("fe80::1%eth0", True), ("fd00::1", True), ("fec0::1", True), ("ff02::1", True),
        ("::ffff:127.0.0.1", True), ("64:ff9b::7f00:1", True), ("2002:7f00:1::", True),
    ],
)  # fmt: skip
def test_what_is_of_the_inside(address, private):
    assert Network().is_private(address) is private
    assert ip_address(address)


def test_a_host_that_nobody_knows_may_be_known_later(opened):
    error = refused(opened, "http://nowhere.invalid/a.csv")
    assert error.transient
    assert "the host nowhere.invalid is not known" in str(error)


# --- secrets ----------------------------------------------------------------------------------------------------------


def texts(error: BaseException | None) -> str:
    found = []
    while error is not None:
        found.append(f"{error} {error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    return " ".join(found)


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 503])
def test_no_secret_is_told_logged_or_left_in_a_cause(opened, caplog, status):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # which Airflow quietens, where it is imported
    who = Connection(login="me", password=SECRET, options={"headers": {"X-Api-Key": SECRET + "-key"}})
    with serving(lambda _: Answer(BODY, status, {"Location": f"/b.csv?{SECRET}&a={SECRET}"}, cut=50)) as web:
        source = web.url(f"/a.csv?signature={SECRET}")
        error = refused(opened, source, who)
    assert SECRET not in texts(error) + caplog.text
    assert "httpx" in caplog.text
    assert SECRET not in repr(who)


def test_no_secret_is_told_when_nobody_answers(opened, caplog):
    caplog.set_level(logging.DEBUG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        source = f"http://127.0.0.1:{taken.getsockname()[1]}/a.csv?signature={SECRET}"
        error = refused(opened, source, Connection(login="me", password=SECRET))
    assert isinstance(error, SourceUnreachable)
    assert SECRET not in texts(error) + caplog.text


def test_a_header_that_cannot_be_sent_is_not_repeated(opened):
    who = Connection(options={"headers": {"X-Api-Key": f"{SECRET}\r\nX: y"}})
    with serving(lambda _: Answer(BODY)) as web:
        assert SECRET not in texts(refused(opened, web.url("/a.csv"), who))
