"""The web pages as they are reached from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from briefing.checkup import CheckLevel, CheckResult
from briefing.checkup.pages import check_pages
from tests.kit.certificates import Certificate, issue


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, dict[str, str]]]
    bodies: list[bytes]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer()

    def _answer(self) -> None:
        status, headers = self.answers.get(self.path, (404, {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


Answers = dict[str, tuple[int, dict[str, str]]]
GOOD: Answers = {"/healthz": (200, {}), "/u/daily/token": (200, {})}


@contextmanager
def pages(answers: Answers, certificate: Certificate | None = None) -> Iterator[tuple[str, Any]]:
    handler: Any = type("_Bound", (_Handler,), {"answers": answers, "bodies": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        server.socket = certificate.server_context().wrap_socket(server.socket, server_side=True)
        scheme = "https"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}", handler
    finally:
        server.shutdown()
        server.server_close()


def check(answers: Answers, now: datetime) -> list[CheckResult]:
    with pages(answers) as (url, _):
        return check_pages(url, f"{url}/u/daily/token", now)


def test_pages_that_answer_are_fine_but_for_https(now: datetime) -> None:
    found = check(GOOD, now)
    assert [(it.check, it.level) for it in found] == [
        ("web", CheckLevel.WARNING),
        ("web", CheckLevel.OK),
        ("one-click", CheckLevel.OK),
    ]
    assert "not https" in found[0].message


def test_the_probe_is_the_post_that_mailbox_providers_make(now: datetime) -> None:
    with pages(GOOD) as (url, handler):
        check_pages(url, f"{url}/u/daily/token", now)
    assert handler.bodies == [b"List-Unsubscribe=One-Click"]


@pytest.mark.parametrize(
    ("answers", "check_name", "level", "words"),
    [
        ({}, "web", CheckLevel.ERROR, "healthz answers 404"),
        ({**GOOD, "/healthz": (503, {})}, "web", CheckLevel.ERROR, "not well"),
        (
            {**GOOD, "/u/daily/token": (301, {"Location": "https://www.x.example/"})},
            "one-click",
            CheckLevel.ERROR,
            "redirects to https://www.x.example/",
        ),
        ({"/healthz": (200, {})}, "one-click", CheckLevel.ERROR, "not known there"),
        ({**GOOD, "/u/daily/token": (403, {})}, "one-click", CheckLevel.ERROR, "answers 403"),
        (
            {**GOOD, "/u/daily/token": (200, {"Set-Cookie": "a=b"})},
            "one-click",
            CheckLevel.WARNING,
            "cookie",
        ),
    ],
)
def test_what_keeps_readers_from_leaving(
    answers: Answers, check_name: str, level: CheckLevel, words: str, now: datetime
) -> None:
    found = [it for it in check(answers, now) if it.check == check_name][-1]
    assert found.level is level
    assert words in found.message
    assert found.hint


def test_nobody_there_is_an_error(now: datetime) -> None:
    with pages(GOOD) as (url, _):
        pass
    found = check_pages(url, f"{url}/u/daily/token", now)
    assert [it.level for it in found[1:]] == [CheckLevel.ERROR, CheckLevel.ERROR]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return issue(tmp_path_factory.mktemp("certificate"), "127.0.0.1")


def secure(certificate: Certificate, now: datetime, authority: Path | None) -> list[CheckResult]:
    with pages(GOOD, certificate) as (url, _):
        return check_pages(url, f"{url}/u/daily/token", now, authority)


def test_a_certificate_is_told_with_its_days(certificate: Certificate) -> None:
    now = datetime.now(UTC) - timedelta(days=30)
    found = secure(certificate, now, certificate.authority)
    assert [it.level for it in found] == [CheckLevel.OK] * 3
    assert "good for 31 days" in found[0].message or "good for 32 days" in found[0].message


def test_a_certificate_that_ends_soon_is_a_warning(certificate: Certificate) -> None:
    found = secure(certificate, datetime.now(UTC), certificate.authority)
    assert found[0].level is CheckLevel.WARNING
    assert "ends in 1 days" in found[0].message or "ends in 2 days" in found[0].message


def test_a_certificate_nobody_signed_is_an_error(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = secure(certificate, datetime.now(UTC), None)
    assert [it.level for it in found] == [CheckLevel.ERROR] * 3
    assert "not trusted" in found[0].message
