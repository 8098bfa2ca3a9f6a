"""Asking addresses whether they answer, against a real server."""

from __future__ import annotations

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler

import pytest

from briefing.sources.fetching import Bounds
from briefing.sources.reaching import Reachability, Reached, reach
from tests.briefing.sources.conftest import NOW, WebServer

LOOPBACK = Bounds(allow_private=True, connect_s=2, read_s=1, total_s=3, redirects=3)


def ask(urls: Sequence[str], bounds: Bounds = LOOPBACK) -> list[Reached]:
    return reach(urls, now=NOW, bounds=bounds)


def test_an_address_with_a_page_is_fine(web: WebServer) -> None:
    url = web.serve("/a", b"page")

    assert ask([url]) == [Reached(url, Reachability.FINE)]


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_not_there_is_broken(web: WebServer, status: int) -> None:
    (found,) = ask([web.serve("/gone", status=status)])

    assert found.answer is Reachability.BROKEN
    assert str(status) in found.words


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_server_that_turns_programs_away_leaves_it_unclear(web: WebServer, status: int) -> None:
    (found,) = ask([web.serve("/no", status=status)])

    assert found.answer is Reachability.UNCLEAR
    assert str(status) in found.words


def test_a_redirect_within_the_site_is_fine(web: WebServer) -> None:
    web.serve("/new", b"page")
    url = web.serve("/old", status=301, location="/new")

    assert ask([url]) == [Reached(url, Reachability.FINE)]


def test_a_redirect_to_another_host_is_told(web: WebServer) -> None:
    web.serve("/there", b"page")
    elsewhere = web.url.replace("127.0.0.1", "localhost")
    (found,) = ask([web.serve("/here", status=302, location=f"{elsewhere}/there")])

    assert (found.answer, found.words) == (Reachability.ELSEWHERE, "it redirects to localhost")


def test_a_name_that_does_not_exist_is_broken() -> None:
    (found,) = ask(["https://nobody.invalid/"])

    assert found.answer is Reachability.BROKEN
    assert "nobody.invalid" in found.words


def test_a_private_address_is_not_asked(web: WebServer) -> None:
    (found,) = ask([web.serve("/a", b"page")], Bounds())

    assert found.answer is Reachability.BROKEN
    assert web.asked == []


def test_a_server_that_never_answers_is_broken_in_time(web: WebServer) -> None:
    def stall(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(1)  # until the client hangs up

    (found,) = ask([web.serve_by("/slow", stall)])

    assert found.answer is Reachability.BROKEN


def test_a_large_page_is_not_read(web: WebServer) -> None:
    url = web.serve("/large", b"x" * 1_000_000)

    assert ask([url], Bounds(allow_private=True, max_bytes=10)) == [Reached(url, Reachability.FINE)]


def test_answers_come_in_the_order_of_the_addresses(web: WebServer) -> None:
    urls = [web.serve(f"/{number}", b"page") for number in range(20)]
    steps: list[tuple[int, int]] = []

    found = reach(
        urls, now=NOW, bounds=LOOPBACK, progress=lambda done, of: steps.append((done, of))
    )

    assert [one.url for one in found] == urls
    assert steps == [(number, 20) for number in range(1, 21)]
