"""A forged return takes nobody off, and nobody is harmed by a mail that was forwarded.

Who writes to the bounce address has no key of ours. A mark is in each mail, so that whoever was
forwarded one may hold it, and can do what the link to unsubscribe in the same mail can do.
"""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from briefing.store import Database, reviews
from briefing.store.returns import Belief, Review
from briefing.store.tables import deliveries, return_events
from subscribers import roll
from tests.briefing.returns.conftest import Office, complaint, make_office, report

ANNA, BERT = "reader1@readers.example", "reader2@readers.example"
SOFT_REPORT = {"status": "4.2.2", "diagnostic": "smtp; 452 4.2.2 Mailbox full"}


@pytest.fixture
def office(sqlite: Database) -> Office:
    office = make_office(sqlite)
    office.send()
    return office


def rows(office: Office) -> int:
    with office.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(return_events)).scalar_one())


@pytest.mark.parametrize("verp", [False, True])
def test_take_a_reader_off_by_one_forged_report(sqlite: Database, *, verp: bool) -> None:
    office = make_office(sqlite, verp=verp)
    edition = office.send()
    office.take_mail(report(ANNA))
    assert office.suppressed() == {}
    assert office.tally(edition).sent == 4
    assert [entry["kind"] for entry in office.story(ANNA)] == ["added"]


@pytest.mark.parametrize("verp", [False, True])
def test_take_a_reader_off_by_a_forged_complaint(sqlite: Database, *, verp: bool) -> None:
    office = make_office(sqlite, verp=verp)
    office.send()
    for kind in ("abuse", "fraud", "opt-out", "opt-out-list"):
        office.take_mail(complaint(kind=kind, recipient=ANNA))
    assert office.suppressed() == {}
    assert office.person(ANNA).briefings


def test_take_a_reader_off_by_five_back_dated_reports_sent_at_once(office: Office) -> None:
    for number in range(5):
        raw = report(ANNA, **SOFT_REPORT, identity=f"<{number}@x.example>")
        day = f"Mon, {number + 2:02} Mar 2026 05:30:00 +0000"
        office.take_mail(raw.replace("Tue, 10 Mar 2026 05:30:00 +0000", day))
    assert office.suppressed() == {}


def test_take_a_reader_off_by_a_hundred_copies_of_one_mark(office: Office) -> None:
    for number in range(100):
        raw = office.bounce(ANNA, **SOFT_REPORT, identity=f"<{number}@x.example>")
        day = f"Mon, {number % 28 + 1:02} Mar 2026 05:30:00 +0000"
        office.take_mail(raw.replace("Tue, 10 Mar 2026 05:30:00 +0000", day))
    assert office.suppressed() == {}
    told = [entry["kind"] for entry in office.story(ANNA)]
    assert told.count("soft bounce") == 1, "once per edition and reader"
    assert rows(office) < 100, "and not all of it is kept"


def test_have_a_mark_say_something_of_another_reader(office: Office) -> None:
    office.take_mail(report(BERT, returned=office.marked(ANNA), **SOFT_REPORT))
    assert [entry["kind"] for entry in office.story(BERT)] == ["added"]
    assert office.story(ANNA)[-1]["kind"] == "soft bounce"


def test_use_the_marks_of_two_readers_in_one_report(office: Office) -> None:
    both = office.marked(ANNA) + "X-Also: " + office.message(BERT).message_id + "\n"
    office.take_mail(report(ANNA, returned=both))
    assert office.suppressed() == {}


def test_use_a_mark_of_an_edition_that_never_went_to_the_reader(office: Office) -> None:
    with office.database.write() as connection:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.recipient_id == office.person(ANNA).id)
            .values(state="skipped", reason="left before")
        )
    office.take_mail(office.bounce(ANNA))
    assert office.suppressed() == {}
    assert office.kept(ANNA)[0].ground == "not-sent"


def test_use_a_mark_that_is_older_than_any_bounce(office: Office) -> None:
    raw = office.bounce(ANNA)
    office.clock.forward(days=15)
    office.take_mail(raw)
    assert office.suppressed() == {}
    assert office.kept(ANNA)[0].ground == "too-old"


def test_bar_a_reader_for_good_by_the_mark_of_a_forwarded_mail(office: Office) -> None:
    """They are off that briefing, as by the link in the mail, and a sign-up brings them back."""
    with office.database.write() as connection:
        roll.add(connection, ANNA, ["weekly"], now=office.clock(), actor="test")
    office.take_mail(complaint(returned=office.marked(ANNA)))
    assert office.suppressed() == {}
    assert set(office.person(ANNA).briefings) == {"weekly"}


def test_fill_the_disk_with_forged_reports(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("briefing.returns.intake._MOST_UNMARKED", 30)
    for number in range(40):
        office.take_mail(report(f"x{number}@y.example", identity=f"<{number}@x.example>"))
    assert rows(office) == 30
    assert office.counts()["hard"] == 40


def test_blind_the_review_for_good(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who settles what was forged has room again for what comes then."""
    monkeypatch.setattr("briefing.returns.intake._MOST_UNMARKED", 3)
    for number in range(9):
        office.take_mail(report(ANNA, identity=f"<{number}@x.example>"))
    for one in office.intake.waiting():
        office.intake.dismiss(one.returned.id, by="test", now=office.clock())
    office.take_mail(report(BERT))
    assert [one.address for one in office.intake.waiting()] == [BERT]


def test_bury_a_reader_under_reports_to_review(office: Office) -> None:
    for number in range(70):
        office.take_mail(report(ANNA, identity=f"<{number}@x.example>"))
    with office.database.read() as connection:
        assert reviews.waiting(connection) == 50


def test_make_an_operator_accept_what_no_mail_of_ours_can_be(sqlite: Database) -> None:
    """With signed senders there is nothing to decide: what has no mark counts for nothing."""
    office = make_office(sqlite, verp=True)
    office.send()
    office.take_mail(report(ANNA))
    with office.database.read() as connection:
        assert reviews.waiting(connection) == 0
    [kept] = office.kept(ANNA)
    assert (kept.belief, kept.ground, kept.review) == (Belief.UNMARKED, "verp", Review.NOT_NEEDED)


def test_settle_a_lost_answer_by_a_forged_success(office: Office) -> None:
    with office.database.write() as connection:
        connection.execute(update(deliveries).values(state="unknown"))
    office.take_mail(report(ANNA, action="delivered", status="2.0.0", diagnostic=""))
    with office.database.read() as connection:
        states = set(connection.execute(select(deliveries.c.state)).scalars())
    assert states == {"unknown"}
