"""The outbox: mail of dry runs, looked at without trusting any of it."""

from __future__ import annotations

import html
import os
import re
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from briefing.mailers.outbox import Outbox
from briefing.model import Role
from briefing.web import Newsroom, make_site
from briefing.web.desk.maildir import Folder
from tests.briefing.web.desk.conftest import Browser, Room, enter
from tests.kit import newsroom
from tests.kit.newsroom import NOW, subscribe

STAMP = int(NOW.timestamp())
HOSTILE_MAIL = (
    b"Delivered-To: <script>alert(1)</script>@readers.example\r\n"
    b"Subject: =?utf-8?q?=3Cscript=3Ealert=282=29=3C=2Fscript=3E?= \xe2\x80\xaegnp.exe\r\n"
    b"X-<img/src=x/onerror=alert(3)>: {{ 7*7 }}\r\n"
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"</pre><script>alert(4)</script>\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<h1 id=there>News</h1><script>parent.document.title='owned';alert(5)</script>"
    b"<meta http-equiv=refresh content='0;url=https://evil.example/'>"
    b"<form action=https://evil.example/><button>Go</button></form>"
    b"<iframe src=https://evil.example/></iframe>\r\n--b--\r\n"
)


def put(room: Room, name: str, content: bytes, *, place: str = "new", age: int = 0) -> Path:
    """A file in the outbox, so many seconds older than the others."""
    folder = room.outbox / place
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (STAMP - age, STAMP - age))
    return path


def mail(number: int) -> bytes:
    return (
        f"Delivered-To: r{number}@readers.example\r\nSubject: Mail {number}\r\n\r\nHi\r\n".encode()
    )


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def dry_run(room: Room, readers: int = 2) -> None:
    """An edition that went into the folder, as the mailer of dry runs writes it."""
    subscribe(room.database, readers)
    approved = room.desk.approve(room.draft(), by="Pia", now=room.clock())
    desk = newsroom.desk(room.database, Outbox(room.outbox), room.clock)
    desk.deliver(approved, stop=threading.Event())


def test_a_dry_run_is_there_to_read(room: Room, publisher: Browser) -> None:
    dry_run(room)

    page = publisher.get("/desk/outbox")
    place = re.search(r'href="(/desk/outbox/[^"?]+)"', page.text)
    assert place
    one = publisher.get(place[1])
    framed = publisher.get(f"{place[1]}/html")

    assert "2 mails" in words(page.text)
    assert "reader1@readers.example" in words(page.text)
    assert newsroom.TOPICS[0] in words(one.text)
    assert "List-Unsubscribe-Post" in one.text
    assert "Raw message" in one.text
    assert f'src="{place[1]}/html"' in one.text
    assert " sandbox " in one.text
    assert newsroom.TOPICS[0] in framed.text


def test_the_frame_may_do_nothing(room: Room, publisher: Browser) -> None:
    put(room, "one", HOSTILE_MAIL)

    framed = publisher.get("/desk/outbox/one/html")

    assert framed.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
    )
    assert framed.headers["Content-Type"] == "text/html; charset=utf-8"
    assert framed.headers["X-Content-Type-Options"] == "nosniff"
    assert framed.headers["Cache-Control"] == "no-store"


def test_foreign_text_is_text(room: Room, publisher: Browser) -> None:
    put(room, "one", HOSTILE_MAIL)

    for path in ("/desk/outbox", "/desk/outbox/one"):
        page = publisher.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page.split("Raw message")[0]
        assert "<script>alert(1)</script>@readers.example" in html.unescape(page)
        assert "<script>alert(2)</script>" in html.unescape(page)


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (b"=?utf-8?q?Caf=C3=A9?= =?iso-8859-1?b?6Q==?= ol=E9", "Café\u00e9 ol=E9"),
        ("Grüße aus Malta".encode(), "Grüße aus Malta"),
        ("=?utf-8?b?w6k=?= und ü".encode(), "é und ü"),
        (b"=?utf-8?b?w6k=?= =?no?q?x?= \\u0041", "é=?no?q?x?= \\u0041"),
        (b"folded\r\n over lines", "folded over lines"),
    ],
)
def test_subjects_are_decoded(room: Room, publisher: Browser, field: bytes, shown: str) -> None:
    put(room, "one", b"Subject: " + field + b"\r\n\r\nHi")

    for path in ("/desk/outbox", "/desk/outbox/one"):
        assert shown in words(publisher.get(path).text)


def test_the_newest_come_first_page_by_page(room: Room, publisher: Browser) -> None:
    for number in range(120):
        put(room, f"m{number}", mail(number), age=number, place="cur" if number % 3 else "new")
    seen: list[list[str]] = []
    following: str | None = "/desk/outbox"

    while following:
        page = publisher.get(following).text
        seen.append(re.findall(r"r(\d+)@readers", page))
        found = re.search(r'href="([^"]+)">Older', page)
        following = html.unescape(found[1]) if found else None

    assert [len(page) for page in seen] == [50, 50, 20]
    assert [int(one) for page in seen for one in page] == list(range(120))


def test_of_mails_written_in_the_same_moment_none_is_left_out(
    room: Room, publisher: Browser
) -> None:
    for number in range(60):
        put(room, f"m{number:03}", mail(number))

    first = publisher.get("/desk/outbox").text
    found = re.search(r'href="([^"]+)">Older', first)
    assert found
    second = publisher.get(found[1]).text

    assert len(set(re.findall(r"r\d+@", first)) | set(re.findall(r"r\d+@", second))) == 60


def test_a_folder_that_is_not_there_yet_is_empty(room: Room, publisher: Browser) -> None:
    page = publisher.get("/desk/outbox")

    assert page.status_code == 200
    assert "Nothing has been written yet" in words(page.text)


def test_a_folder_that_cannot_be_read_says_so(room: Room, publisher: Browser) -> None:
    room.outbox.mkdir()
    (room.outbox / "new").write_text("no folder")

    page = publisher.get("/desk/outbox")

    assert page.status_code == 200
    assert "cannot be read: Not a directory" in words(page.text)


def test_without_an_outbox_there_is_no_such_page(room: Room, publisher: Browser) -> None:
    publisher.site = make_site(room.desk, room.clock, newsroom=Newsroom())

    for path in ("/desk/outbox", "/desk/outbox/one", "/desk/outbox/one/html"):
        assert publisher.get(path).status_code == 404


def test_editors_do_not_see_addresses(room: Room, editor: Browser) -> None:
    put(room, "one", mail(1))

    for path in ("/desk/outbox", "/desk/outbox/one", "/desk/outbox/one/html"):
        assert editor.get(path).status_code == 403
    assert enter(room, "Olu", Role.OPERATOR).get("/desk/outbox/one").status_code == 200


NO_NAMES = (
    "../secret",
    "..\\secret",
    "../../briefing.db",
    "/etc/passwd",
    "new/one",
    "./one",
    ".hidden",
    "one\0",
    "one\n",
    "one ",
    "link",
    "pipe",
    "folder",
    "none",
    "ö",
    "x" * 255,
    "x" * 256,
    "x" * 5000,
)


def test_only_files_of_the_folder_have_a_page(room: Room, publisher: Browser) -> None:
    put(room, "one", mail(1))
    put(room, ".hidden", mail(2))
    put(room, "two words", mail(3))
    (room.outbox / "secret").write_text("Subject: secret\n\n")
    (room.outbox / "new" / "link").symlink_to(room.outbox / "secret")
    (room.outbox / "new" / "folder").mkdir()
    os.mkfifo(room.outbox / "new" / "pipe")

    for name in NO_NAMES:
        assert Folder(room.outbox).open(name) is None, name
        for suffix in ("", "/html"):
            answer = publisher.get(f"/desk/outbox/{quote(name, safe='')}{suffix}")
            assert answer.status_code in (404, 422), name
            assert "secret" not in answer.text
    listed = re.findall(r'href="/desk/outbox/([^"]+)"', publisher.get("/desk/outbox").text)
    assert listed == ["one"]


@pytest.mark.parametrize("name", ["", ".", "..", "../new/one", "new"])
def test_what_browsers_would_resolve_leads_nowhere_either(room: Room, name: str) -> None:
    put(room, "one", mail(1))

    assert Folder(room.outbox).open(name) is None


def test_names_that_other_programs_give_are_known(room: Room, publisher: Browser) -> None:
    name = "1700000000.M20P3.host,S=12:2,S"
    put(room, name, mail(7), place="cur")

    page = publisher.get("/desk/outbox").text
    link = re.search(r'href="(/desk/outbox/[^"]+)"', page)

    assert link
    assert "r7@readers.example" in publisher.get(html.unescape(link[1])).text


BROKEN = (
    b"",
    b"\0\xff\xfe" * 1000,
    b"no header at all",
    b"Subject: =?nonsense?b?////?=\r\n\r\nx",
    b"Subject: =?utf-8?b?%%%?=\r\n\r\nx",
    b"Subject: " + b"x" * 200_000 + b"\r\n\r\nx",
    b"Delivered-To: \xff\xfe@x\r\n\r\nx",
    b"".join(b"X-%d: y\r\n" % number for number in range(50_000)) + b"\r\nx",
    b"Content-Type: text/html; charset=no-such\r\n\r\n<p>\xe9",
    b"Content-Type: text/html; charset=undefined\r\n\r\n<p>x",
    b"Content-Type: text/html; charset=utf-7\r\n\r\n+2AA-",
    b"Content-Type: text/html; charset*=x'y'%00%ff\r\n\r\n<p>x",
    b"Content-Type: text/html; charset=raw_unicode_escape\r\n\r\n\\ud800",
    b'Content-Type: text/html; charset="\0"\r\n\r\n<p>x',
    b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n=a=\xff",
    b"Content-Type: text/html\r\nContent-Transfer-Encoding: uuencode\r\n\r\nbegin x",
    b"Content-Type: multipart/mixed\r\n\r\nno boundary",
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n--a--",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (deep, deep)
        for deep in range(5_000)
    ),
    b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
    b"Subject: long\r\n\r\n" + b"x" * 5_000_000,
)


def test_whatever_is_in_a_file_something_of_it_is_shown(room: Room, publisher: Browser) -> None:
    for number, content in enumerate(BROKEN):
        put(room, f"broken{number}", content)

    listed = publisher.get("/desk/outbox")

    assert listed.status_code == 200
    assert listed.text.count('href="/desk/outbox/broken') == len(BROKEN)
    for number, content in enumerate(BROKEN):
        page = publisher.get(f"/desk/outbox/broken{number}")
        framed = publisher.get(f"/desk/outbox/broken{number}/html")
        assert page.status_code == 200, content[:80]
        assert framed.status_code == (200 if "<iframe" in page.text else 404), content[:80]
        assert "Raw message" in page.text
        assert len(page.content) < 5_000_000


def test_a_mail_that_is_too_long_is_cut_and_says_so(room: Room, publisher: Browser) -> None:
    put(room, "long", b"Subject: long\r\n\r\n" + b"x" * 500_000)

    assert "too long to be shown whole" in publisher.get("/desk/outbox/long").text


def test_a_page_opens_no_more_files_than_it_shows(
    room: Room, publisher: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        put(room, f"m{number}", mail(number), age=number)
    opened: list[str] = []
    really_open = os.open

    def open_counted(path: Path, flags: int) -> int:
        opened.append(path.name)
        return really_open(path, flags)

    monkeypatch.setattr("briefing.web.desk.maildir.os.open", open_counted)

    assert "300 mails" in words(publisher.get("/desk/outbox").text)
    assert sorted(set(opened) & {f"m{number}" for number in range(300)}) == sorted(
        f"m{number}" for number in range(50)
    )
