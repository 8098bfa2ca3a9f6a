from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from briefing.errors import SourceFailed
from briefing.sources import SourceBusy
from briefing.sources.fetching import Bounds, FetchedPage, fetch
from tests.briefing.sources.conftest import NOW, WebServer, web_server
from tests.kit import certificates

LOOPBACK = Bounds(allow_private=True, connect_s=2, read_s=2, total_s=5)


def get(url: str, bounds: Bounds = LOOPBACK, *, etag: str = "", modified: str = "") -> FetchedPage:
    return fetch(url, name="gazette", now=NOW, bounds=bounds, etag=etag, modified=modified)


def failure(url: str, bounds: Bounds = LOOPBACK) -> SourceFailed:
    with pytest.raises(SourceFailed) as failed:
        get(url, bounds)
    assert failed.value.message.startswith("source “gazette”: ")
    assert failed.value.hint
    return failed.value


def test_page_comes_with_its_marks(web: WebServer) -> None:
    url = web.serve(
        "/f",
        b"body",
        content_type='Text/XML; charset="Latin-1"; x=y',
        etag='W/"1"',
        last_modified="Sun, 01 Mar 2026 08:00:00 GMT",
    )
    page = get(url)
    assert (page.body, page.content_type, page.charset) == (b"body", "text/xml", "latin-1")
    assert (page.etag, page.modified) == ('W/"1"', "Sun, 01 Mar 2026 08:00:00 GMT")
    assert web.asked[0].headers["User-Agent"].startswith("daily-briefing/")


def test_marks_make_the_question_conditional(web: WebServer) -> None:
    url = web.serve("/f", status=304)
    page = get(url, etag='"1"', modified="then")
    assert (page.not_modified, page.etag, page.modified) == (True, '"1"', "then")
    assert web.asked[0].headers["If-None-Match"] == '"1"'
    assert web.asked[0].headers["If-Modified-Since"] == "then"


def test_mark_with_a_line_break_is_not_sent(web: WebServer) -> None:
    get(web.serve("/f", b"x"), etag="a\r\nX-Evil: 1")
    assert "If-None-Match" not in web.asked[0].headers
    assert "X-Evil" not in web.asked[0].headers


def test_redirect_is_followed_to_its_end(web: WebServer) -> None:
    web.serve("/new", b"here")
    page = get(web.serve("/old", status=301, location="/new"))
    assert (page.url, page.body) == (f"{web.url}/new", b"here")


def test_circle_of_redirects_ends(web: WebServer) -> None:
    url = web.serve("/f", status=302, location="/f")
    assert "more than 5 redirects" in failure(url).message
    assert len(web.asked) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/", "http://[", ""])
def test_redirect_to_no_web_address_is_refused(web: WebServer, target: str) -> None:
    failure(web.serve("/f", status=302, location=target))
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://x/", "feed.xml", "http://", "http://a:b/", "http://a\n/"],
)
def test_only_web_addresses_are_fetched(url: str) -> None:
    assert "not an http or https address" in failure(url).message


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_addresses_that_are_not_public_are_refused(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    if host == "2130706433":  # the C library reads it as 127.0.0.1; the tests' guard would not
        monkeypatch.setattr(socket, "getaddrinfo", answers("127.0.0.1"))
    failed = failure(f"http://{host}:9/", replace(LOOPBACK, allow_private=False))
    assert "not a public address" in failed.message
    assert "allow_private" in failed.hint


def answers(*addresses: str) -> Callable[..., list[tuple[object, ...]]]:
    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    return getaddrinfo


def test_redirect_to_a_private_address_is_refused(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The name counts as public so that the first answer gets through, the redirect's does not.
    monkeypatch.setattr(
        "briefing.sources.pinning.is_public", lambda address: address == "127.0.0.1"
    )
    url = web.serve("/f", status=302, location="http://169.254.169.254/latest/meta-data/")
    failed = failure(url, replace(LOOPBACK, allow_private=False))
    assert "169.254.169.254 is 169.254.169.254" in failed.message


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.216.34", "10.0.0.1"))
    failed = failure("http://feeds.example/", replace(LOOPBACK, allow_private=False))
    assert "feeds.example is 10.0.0.1" in failed.message


def test_connection_goes_to_the_address_that_was_checked(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    port = int(web.url.rpartition(":")[2])
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: object, **more: object) -> object:
        asked.append(host)
        if host != "feeds.example":
            return resolve(host, *arguments, **more)  # type: ignore[arg-type]
        return answers("127.0.0.1" if asked == ["feeds.example"] else "10.0.0.1")(host, port)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    web.serve("/f", b"x")
    assert get(f"http://feeds.example:{port}/f").body == b"x"
    assert asked.count("feeds.example") == 1
    assert web.asked[0].headers["Host"] == f"feeds.example:{port}"


@pytest.fixture
def certificate(tmp_path: Path) -> certificates.Certificate:
    return certificates.issue(tmp_path, "localhost")


@pytest.fixture
def web_over_tls(certificate: certificates.Certificate) -> Iterator[WebServer]:
    with web_server(certificate.server_context()) as server:
        yield server


def test_certificate_is_checked_against_the_name(
    web_over_tls: WebServer, certificate: certificates.Certificate
) -> None:
    web_over_tls.serve("/f", b"safe")
    bounds = replace(LOOPBACK, ca_file=str(certificate.authority))
    assert get(f"{web_over_tls.url}/f", bounds).body == b"safe"
    by_address = web_over_tls.url.replace("localhost", "127.0.0.1")
    assert "secure connection failed" in failure(f"{by_address}/f", bounds).message


def test_unknown_certificate_is_refused(web_over_tls: WebServer) -> None:
    failed = failure(f"{web_over_tls.url}/f")
    assert "secure connection failed" in failed.message
    assert "object at 0x" not in failed.message


def test_proxy_of_the_environment_is_not_used(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "")
    assert get(web.serve("/f", b"direct")).body == b"direct"


def test_too_large_a_body_is_cut_off(web: WebServer) -> None:
    url = web.serve("/f", b"x" * 200_000)
    failed = failure(url, replace(LOOPBACK, max_bytes=100_000))
    assert "larger than 100,000 bytes" in failed.message


def test_body_counts_after_decompression(web: WebServer) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    url = web.serve("/f", bomb, content_encoding="gzip")
    assert len(bomb) < 100_000
    assert "larger than 100,000" in failure(url, replace(LOOPBACK, max_bytes=100_000)).message


def test_body_that_is_not_what_it_says_fails_by_name(web: WebServer) -> None:
    failure(web.serve("/f", b"not gzip", content_encoding="gzip"))


def test_body_that_ends_early_fails_by_name(web: WebServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    assert "connection failed" in failure(web.serve_by("/f", answer)).message


def dribble(where: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if where == "body":
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(400):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)  # the slow server itself, not a wait of the test

    return answer


@pytest.mark.parametrize("where", ["body", "headers"])
def test_server_that_dribbles_is_cut_off_in_time(web: WebServer, where: str) -> None:
    url = web.serve_by("/f", dribble(where))
    began = time.perf_counter()
    failed = failure(url, replace(LOOPBACK, total_s=0.4))
    assert "took more than 0.4 s" in failed.message
    assert time.perf_counter() - began < 3


def wait_for_more(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(1)


def test_silent_server_is_given_up(web: WebServer) -> None:
    url = web.serve_by("/f", wait_for_more)
    assert "no answer in time" in failure(url, replace(LOOPBACK, read_s=0.2)).message


def test_silent_handshake_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        failure(url, replace(LOOPBACK, total_s=0.3, read_s=60, connect_s=60))


def test_closed_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert (
        "no connection to 127.0.0.1: Connection refused"
        in failure(f"http://127.0.0.1:{port}/").message
    )


def test_unknown_host_is_named() -> None:
    assert "nobody.invalid cannot be resolved" in failure("http://nobody.invalid/").message


def test_password_in_the_address_is_not_printed(web: WebServer) -> None:
    url = web.serve("/f", status=403).replace("http://", "http://jane:secret@")
    failed = failure(url)
    assert "secret" not in str(failed)
    assert "403" in failed.message
    assert web.asked[0].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [204, 304, 400, 404, 410, 500])
def test_other_answers_are_failures_with_the_code(web: WebServer, status: int) -> None:
    assert str(status) in failure(web.serve("/f", status=status)).message


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("120", NOW + timedelta(seconds=120)),
        ("Wed, 11 Mar 2026 08:00:00 GMT", datetime(2026, 3, 11, 8, 0, tzinfo=UTC)),
    ],
)
def test_busy_server_says_when_to_come_back(web: WebServer, header: str, moment: datetime) -> None:
    url = web.serve("/f", status=429, retry_after=header)
    with pytest.raises(SourceBusy, match="asks to be left alone until 2026-03-1") as busy:
        get(url)
    assert busy.value.retry_at == moment


@pytest.mark.parametrize("header", ["soon", "-1", ""])
def test_busy_server_that_does_not_say_is_just_a_failure(web: WebServer, header: str) -> None:
    assert not isinstance(failure(web.serve("/f", status=503, retry_after=header)), SourceBusy)
