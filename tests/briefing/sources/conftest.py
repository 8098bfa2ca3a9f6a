"""A morning in New York, and a web server on loopback that says what a test tells it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

import pytest

from briefing.sources.intake import Intake

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def intake() -> Intake:
    return Intake(NOW, NEW_YORK, source="desk")


@dataclass(frozen=True)
class Asked:
    """One request that reached the server."""

    path: str
    headers: Mapping[str, str]


Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class WebServer:
    """A real HTTP server; `serve` says what a path answers, `asked` what it was asked."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def serve(self, path: str, body: bytes = b"", *, status: int = 200, **headers: str) -> str:
        """Answer `path` with a body and headers (`content_type` for Content-Type); its address."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return self.serve_by(path, answer)

    def serve_by(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url + path


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """A server on loopback until the block ends, over TLS where there is a context."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(Asked(self.path, dict(self.headers.items())))
            try:
                server.answers[self.path](self)
            except OSError:  # the client hung up, as it should when it has had enough
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A handshake or an answer that the client broke off is what some tests are about."""

    httpd = Server(("127.0.0.1", 0), Handler)
    if tls:
        httpd.socket = tls.wrap_socket(httpd.socket, server_side=True)
    host = "https://localhost" if tls else "http://127.0.0.1"
    server = WebServer(f"{host}:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server
