"""The attacker wants to stop the newsroom with a document: a feed, a page, a file, a returned mail.

Every parser of foreign bytes gets text repeated at every place where a stranger's text means
something, at two lengths, and must not take more than about twice as long for twice as much.
`STALL=all` tries every piece there is, which takes an hour.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from briefing.returns import Marks
from briefing.returns.mail import read_mail
from briefing.sandbox import Killed, KillReason, Limits, Sandbox
from briefing.sources import SourceKilled, confined
from briefing.sources.confined import FEED, PAGE, Document, read_confined
from briefing.sources.feed import FeedSource
from briefing.sources.fetching import Bounds
from briefing.sources.intake import Intake
from briefing.store.returns import EventKind
from subscribers.tokens import Tokens
from tests.briefing.sources.conftest import web_server
from tests.kit.stalling import CLOCK, PIECES, PLACES, Run

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
INTAKE = Intake(NOW, ZoneInfo("UTC"))
OFTEN = ("a", "a@", "(", "<", "&", "\n", " ", "[", '"', ";", "<p>", "=?", "{")
SIZE = 12_000
QUICK_S = 0.1  # less is left alone: what is twice a few milliseconds says nothing
MOST = 2.8  # times as long for twice as much, with room for what a busy machine adds
RETRIES = 2  # a busy machine may have slowed one measurement down


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    modules = ["briefing.sources.documents", "briefing.returns.parsing", "tests.kit.stalling"]
    made = Sandbox(modules=modules, limits=Limits(cpu_s=10, wall_s=100))
    yield made
    made.close()


def took(sandbox: Sandbox, place: str, piece: str, size: int) -> float:
    where = PLACES[place]
    found = sandbox.run(CLOCK, where.document(piece, size), Run(where.parser.path, where.suffix))
    assert not isinstance(found, Killed), f"{place} {piece!r} × {size:,}: {found}"
    return found.seconds


@pytest.mark.parametrize("place", PLACES)
def test_make_a_parser_take_the_square_of_a_documents_length(sandbox: Sandbox, place: str) -> None:
    for piece in PIECES if os.environ.get("STALL") == "all" else OFTEN:
        if (whole := took(sandbox, place, piece, SIZE)) < QUICK_S:
            continue
        half = min(took(sandbox, place, piece, SIZE // 2) for _ in range(2))
        for _ in range(RETRIES):
            if whole < MOST * half:
                break
            whole = min(whole, took(sandbox, place, piece, SIZE))
        assert whole < MOST * half, f"{place} {piece!r}: {half:.2f} s, then {whole:.2f} s"


@pytest.mark.parametrize(
    "item",
    [
        "".join(f"<p{n}:a xmlns:p{n}='u{n}'/>" for n in range(10_000)),
        "<a x='>' " + " ".join(f"b{n}='1'" for n in range(20_000)) + "/>",
        "<a " + " ".join(f"b{n}  =  1" for n in range(20_000)) + ">",
    ],
    ids=["namespaces", "attributes", "attributes without quotes"],
)
def test_stop_the_newsroom_with_ever_other_names(sandbox: Sandbox, item: str) -> None:
    feed = f"<rss version='2.0'><channel><item><title>T</title>{item}</item></channel></rss>"
    document = Document("feed", INTAKE)

    found = read_confined(FEED, feed.encode(), document, sandbox=sandbox, limits=Limits(cpu_s=1))

    assert found.killed is None
    assert found.problem


@pytest.mark.parametrize(
    "nested",
    [
        b"".join(b"Content-Type: multipart/a; boundary=%d\n\n--%d\n" % (n, n) for n in range(300)),
        b"Content-Type: message/rfc822\n\n" * 5_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\na\n" * 30_000,
        b'Content-Type: multipart/mixed; a="' + b";" * 200_000 + b"\n\n",
    ],
)  # fmt: skip
def test_stop_the_mailbox_with_parts_within_parts(sandbox: Sandbox, nested: bytes) -> None:
    raw = nested + b"filler\n" * (max(0, 262_144 - len(nested)) // 7)
    found = sandbox.run(CLOCK, raw, Run("briefing.returns.parsing:parse"))

    assert not isinstance(found, Killed)
    assert found.seconds < 1.5


def test_be_polled_on_as_if_nothing_had_been(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed's document is given up; the source fails by that name."""
    monkeypatch.setitem(FeedSource.collect.__globals__, "read_confined", hurried)
    with web_server() as web:
        url = web.serve("/feed", b"<rss><channel>" + b"<item><title>t</title></item>" * 20_000)
        source = FeedSource("gazette", url, ZoneInfo("UTC"), bounds=Bounds(allow_private=True))
        with pytest.raises(SourceKilled) as killed:
            source.collect(NOW)

    assert killed.value.reason is KillReason.TIME


def hurried(*arguments: object) -> confined.ReadDocument:
    """Reading that has a hundredth of a second."""
    return read_confined(*arguments, limits=Limits(wall_s=0.01))  # type: ignore[arg-type]


def test_take_the_next_document_down_too() -> None:
    document = Document("x", INTAKE)
    hostile = b"<rss><channel>" + b"<item><title>t</title></item>" * 20_000
    given_up = read_confined(FEED, hostile, document, limits=Limits(wall_s=0.01))
    page = read_confined(PAGE, b"<h1>Ferry</h1><p>It left.</p>", document)

    assert given_up.killed is KillReason.TIME
    assert page.articles[0].headline == "Ferry"


def test_have_a_mail_lost_that_breaks_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an event that nobody understands, by which the mail is set aside."""
    marks = Marks(Tokens(["a secret for tests that is long enough to sign with"]))
    broken = Sandbox(modules=["briefing.returns.parsing"], limits=Limits(wall_s=0.0001))
    monkeypatch.setattr("briefing.returns.confined._SANDBOX", broken)
    (event,) = read_mail(b"From: a@b.example\n\nx\n", marks, NOW)

    assert event.kind is EventKind.UNKNOWN
    assert event.raw
