"""The ways in: the folder for what is not understood, LMTP, and the mailbox on a real Dovecot."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from briefing.errors import StoreError
from briefing.returns import Feed
from briefing.returns.ingest import MailNotKept
from briefing.returns.lmtp import LmtpFault, LmtpServer
from briefing.returns.mailbox import Mailbox, MailboxAccount, MailboxFault
from briefing.store import Database
from tests.briefing.returns.conftest import Office, make_office, report
from tests.kit import mailhost

ANNA, BERT = "reader1@readers.example", "reader2@readers.example"
STRANGE = b"From: somebody@readers.example\nSubject: Lunch?\n\nAt noon.\n"


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite


@pytest.fixture
def office(database: Database) -> Office:
    office = make_office(database)
    office.send()
    return office


@pytest.fixture
def feed(office: Office, tmp_path: Path) -> Feed:
    return Feed(office.intake, tmp_path / "returned")


# The folder


def test_what_is_understood_is_not_kept_as_a_file(office: Office, feed: Feed) -> None:
    assert feed.take(office.bounce(ANNA).encode(), office.clock()).understood
    assert feed.aside() == 0


def test_what_is_not_understood_is_kept_whole_and_once(
    office: Office, feed: Feed, tmp_path: Path
) -> None:
    long = STRANGE + b"and so on\n" * 200_000
    for _ in range(2):
        assert not feed.take(long, office.clock()).understood
    [kept] = (tmp_path / "returned").iterdir()
    assert kept.read_bytes() == long
    assert feed.aside() == 1


def test_a_mail_that_cannot_be_kept_is_not_taken(office: Office, tmp_path: Path) -> None:
    (tmp_path / "returned").write_text("a file stands in the way")
    feed = Feed(office.intake, tmp_path / "returned")
    with pytest.raises(MailNotKept, match="returned"):
        feed.take(STRANGE, office.clock())


# LMTP


@pytest.fixture
def server(office: Office, feed: Feed) -> Iterator[tuple[str, int]]:
    listening = LmtpServer(feed, "127.0.0.1", 0, office.clock)
    host, _, port = listening.start().rpartition(":")
    yield host, int(port)
    listening.close()


def test_lmtp_takes_a_bounce_in_before_it_answers(office: Office, server: tuple[str, int]) -> None:
    office.send()
    sealed = office.message(ANNA).message_id.split(".")[-2].partition("@")[0]
    with smtplib.LMTP(*server) as line:
        address = f"bounces+{sealed}@alienroad.example"
        line.sendmail("", [address], report("forwarded@elsewhere.example"))
    assert office.suppressed() == {ANNA: "bounce"}


def test_lmtp_takes_one_recipient_at_a_time(office: Office, server: tuple[str, int]) -> None:
    with smtplib.LMTP(*server) as line:
        refused = line.sendmail(
            "", ["a@alienroad.example", "b@alienroad.example"], office.bounce(ANNA)
        )
    assert refused["b@alienroad.example"][0] == 452
    assert office.suppressed() == {ANNA: "bounce"}


def test_lmtp_leaves_what_it_cannot_take_in_to_the_mail_server(
    office: Office, server: tuple[str, int], monkeypatch: pytest.MonkeyPatch, feed: Feed
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the database is locked")

    monkeypatch.setattr(feed._intake, "take_mail", refuse)
    with smtplib.LMTP(*server) as line, pytest.raises(smtplib.SMTPDataError) as caught:
        line.sendmail("", ["bounces@alienroad.example"], office.bounce(ANNA))
    assert caught.value.smtp_code == 451


def test_lmtp_says_where_it_cannot_listen(
    office: Office, server: tuple[str, int], feed: Feed
) -> None:
    with pytest.raises(LmtpFault, match=f"127.0.0.1:{server[1]}"):
        LmtpServer(feed, *server, office.clock).start()


# The mailbox


@pytest.fixture
def place() -> Iterator[mailhost.Host]:
    with mailhost.host() as made:
        yield made


def account(port: int) -> MailboxAccount:
    return MailboxAccount("127.0.0.1", port, "none", mailhost.USER, mailhost.PASSWORD, most=10)


def files(place: mailhost.Host, folder: str = "") -> list[Path]:
    found = [
        *(place.maildir / folder / "new").glob("*"),
        *(place.maildir / folder / "cur").glob("*"),
    ]
    return sorted(found)


@pytest.mark.parametrize("without", ["", "MOVE", "MOVE UIDPLUS"])
def test_mail_is_sorted_into_folders_and_none_is_deleted(
    office: Office, place: mailhost.Host, without: str
) -> None:
    marked = b"From: x@y.example\nSubject: marked by somebody else\n\n"
    mailhost.drop(place, office.bounce(ANNA).encode(), "report")
    mailhost.drop(place, STRANGE, "strange")
    mailhost.drop(place, marked, "marked:2,T")
    with mailhost.dovecot(place, without=without) as port:
        polled = Mailbox(account(port), office.intake).poll(office.clock())
        assert (polled.read, polled.aside, polled.more) == (1, 1, False)
        again = Mailbox(account(port), office.intake).poll(office.clock())
        assert (again.read, again.aside) == (0, 0)
    assert office.suppressed() == {ANNA: "bounce"}
    assert len(files(place, ".Returned")) == 1
    assert [p.read_bytes() for p in files(place, ".Returned, not understood")] == [STRANGE]
    assert marked in [path.read_bytes() for path in files(place)]


def test_a_poll_is_bounded_and_says_that_more_waits(office: Office, place: mailhost.Host) -> None:
    for number in range(12):
        mailhost.drop(
            place, office.bounce(ANNA, identity=f"<{number}@x>").encode(), f"report-{number}"
        )
    with mailhost.dovecot(place) as port:
        mailbox = Mailbox(account(port), office.intake)
        assert mailbox.check() == 12
        first = mailbox.poll(office.clock())
        assert (first.read, first.more) == (10, True)
        second = mailbox.poll(office.clock())
        assert (second.read, second.more) == (2, False)


def test_one_bad_mail_stops_nothing(office: Office, place: mailhost.Host) -> None:
    mailhost.drop(place, b"", "a-empty")
    mailhost.drop(place, bytes(range(256)) * 2000, "b-noise")
    mailhost.drop(place, b"Content-Type: message/rfc822\n\n" * 5000, "c-nested")
    mailhost.drop(place, b"X: y\n" * 2_000_000, "d-long")
    mailhost.drop(place, office.bounce(ANNA).encode(), "e-report")
    with mailhost.dovecot(place) as port:
        polled = Mailbox(account(port), office.intake).poll(office.clock())
    assert (polled.read, polled.aside) == (1, 4)
    assert office.suppressed() == {ANNA: "bounce"}
    assert len(files(place, ".Returned, not understood")) == 4


def test_after_a_crash_before_the_move_the_mail_is_taken_in_once(
    office: Office, place: mailhost.Host
) -> None:
    raw = office.bounce(ANNA, status="5.2.2", diagnostic="").encode()
    office.take_mail(raw)
    story = office.story(ANNA)
    mailhost.drop(place, raw, "report")
    mailhost.drop(place, STRANGE, "strange")
    office.take_mail(STRANGE)
    with mailhost.dovecot(place) as port:
        polled = Mailbox(account(port), office.intake).poll(office.clock())
    assert (polled.read, polled.aside, polled.changed) == (1, 1, 0)
    assert office.story(ANNA) == story


def test_what_is_wrong_with_the_mailbox_is_said(office: Office, place: mailhost.Host) -> None:
    with mailhost.dovecot(place) as port:
        good = account(port)
        for wrong, words in [
            (replace(good, password="wrong"), "refuses the login"),
            (replace(good, mailbox="No such folder"), "cannot be read"),
            (replace(good, security="tls"), "cannot be trusted"),
        ]:
            with pytest.raises(MailboxFault, match=words) as caught:
                Mailbox(wrong, office.intake).poll(office.clock())
            assert f"127.0.0.1:{port}" in caught.value.message
            assert caught.value.hint
            assert mailhost.PASSWORD not in str(caught.value)
    with pytest.raises(MailboxFault, match="cannot be read"):
        Mailbox(good, office.intake).poll(office.clock())
