"""What tests of the data registry share: windows of rows, and remotes that misbehave."""

import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import numpy as np
import pandas as pd

from pipeline.contract import SPLIT, Window

Answer = tuple[int, str] | None


def month(number: int) -> Window:
    return Window(start=f"2020-{number:02}-01", end=f"2020-{number + 1:02}-01")


def batch(number: int, n: int = 20) -> pd.DataFrame:
    """Valid rows of one month, with missing values in the optional columns."""
    rng = np.random.default_rng(number)
    return pd.DataFrame(
        {
            "flat id": [f"{number}-{i:03}" for i in range(n)],
            "sold": pd.to_datetime(f"2020-{number:02}-01") + pd.to_timedelta(np.arange(n) % 28, unit="D"),
            "area": rng.uniform(20, 200, n),
            "class": rng.integers(1, 6, n),
            "größe des gartens": np.where(rng.random(n) < 0.5, np.nan, 1 / 3),
            "kind": rng.choice(["Flat", "Villa"], n),
            "district": "North",
            "state": rng.choice(["poor", None], n),
            "lift": rng.random(n) < 0.5,
            "rent": rng.uniform(100, 2000, n),
            SPLIT: "train",
        }
    )


@contextmanager
def proxy(port: int, misbehave: Callable[[str, str], Answer]) -> Iterator[int]:
    """Stand in front of an HTTP server on this machine, and give the port to ask instead.

    `misbehave` is told each request's method and path, and gives a status and S3's code to answer with; None passes
    the request on. It may also wait.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"port": port}))
    server.daemon_threads = True
    server.misbehave = misbehave  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    port = 0

    def handle_request(self) -> None:
        body = self._body()
        answer = self.server.misbehave(self.command, self.path)  # type: ignore[attr-defined]
        if answer is not None:
            self._answer(answer[0], _error(answer[1]))
            return
        ask = HTTPConnection("127.0.0.1", self.port, timeout=30)
        ask.request(self.command, self.path, body, {**dict(self.headers), "Content-Length": str(len(body))})
        given = ask.getresponse()
        self._answer(given.status, given.read(), dict(given.getheaders()))
        ask.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        del self.headers["Transfer-Encoding"]
        return body

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        given = headers or {"Content-Length": str(len(content))}
        with suppress(OSError):  # who asked has gone
            self.send_response(status)
            for name in given.keys() - {"Transfer-Encoding", "Connection", "Date", "Server"}:
                self.send_header(name, given[name])
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else content)

    def log_message(self, *_: Any) -> None:
        pass


for _method in ("GET", "PUT", "HEAD", "POST", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.handle_request)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def in_child(do: Callable[[], Any]) -> tuple[int, str]:
    """Run something in a process of its own, which has all libraries loaded already.

    Returns:
        Its exit code (negative: the signal that killed it), and what it returned or raised, as text.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.write(writing, str(do()).encode()[:60_000])
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 (told to the parent)
            os.write(writing, f"{type(error).__name__}: {error}".encode()[:60_000])
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text


def without_rights(do: Callable[[], Any]) -> tuple[int, str]:
    """Run something in a process that no permission is waived for, which root's are."""

    def drop() -> Any:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        return do()

    return in_child(drop)


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
