"""A real web server on the loopback interface, whose answers a test writes."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Request:
    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None  # after how many bytes the connection breaks
    length: bool = True  # whether Content-Length is said


@dataclass
class Web:
    port: int
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def serving(
    answer: Callable[[Request], Answer], address: str = "127.0.0.1", certificate: Path | None = None
) -> Iterator[Web]:
    """Serve on a free port of a loopback address; with a certificate (and its key in the same file) over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()})
            web.requests.append(request)
            given = answer(request)
            self.send_response(given.status)
            length = {"Content-Length": str(len(given.body))} if given.length else {}
            for name, value in {**length, **given.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body[: given.cut])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that its base gives it)
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web = Web(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def part_of(body: bytes, request: Request, headers: dict[str, str], cut: int | None = None) -> Answer:
    """Answer as a server does that knows ranges (RFC 9110, 14.2): the whole, or the rest if it is still the same."""
    asked = request.headers.get("range", "")
    if not asked or request.headers.get("if-range") not in headers.values():
        return Answer(body, headers=headers, cut=cut)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    span = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
    return Answer(body[start:], 206, headers | span, cut=cut)
