"""A morning in New York, and a web server on loopback that says what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

import pytest

from briefing.sources.manuscript import Intake

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


@pytest.fixture
def web() -> Iterator[WebServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(Asked(self.path, dict(self.headers.items())))
            try:
                server.answers[self.path](self)
            except OSError:  # the client hung up, as it should when it has had enough
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = WebServer(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    httpd.shutdown()
    thread.join()
    httpd.server_close()
