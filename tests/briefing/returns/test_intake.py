"""What comes back changes the roll and the ledger, once and rightly."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from briefing.returns import OnceOnly, Replayed
from briefing.store.returns import BOUNCED, EventKind
from briefing.store.tables import deliveries, return_events
from subscribers import roll
from subscribers.tokens import Door
from tests.briefing.returns.conftest import DAY, Office, complaint, report

ANNA, BERT = "reader1@readers.example", "reader2@readers.example"
HARD, SOFT, BLOCKED = EventKind.HARD, EventKind.SOFT, EventKind.BLOCKED


def test_a_hard_bounce_suppresses_and_the_story_says_why(office: Office) -> None:
    office.send()
    taken = office.take(office.event(ANNA))
    assert (taken.changed, taken.kinds[HARD]) == (1, 1)
    assert office.suppressed() == {ANNA: "bounce"}
    last = office.story(ANNA)[-1]
    assert (last["kind"], last["actor"]) == ("bounce", "returned (mailgun)")
    assert last["detail"] == "5.1.1 user unknown"


def test_who_is_suppressed_gets_no_further_edition(office: Office) -> None:
    office.send()
    office.take(office.event(ANNA))
    office.mailer.seen.clear()
    office.send(DAY + timedelta(days=1))
    assert ANNA not in {message.recipient for message in office.mailer.seen}


@pytest.mark.parametrize("kind", [HARD, SOFT, BLOCKED])
def test_a_bounce_moves_the_row_and_the_sum_still_holds(office: Office, kind: EventKind) -> None:
    edition = office.send()
    office.take(office.event(ANNA, kind))
    tally = office.tally(edition)
    assert (tally.audience, tally.sent, tally.refused) == (4, 3, 1)
    assert tally.reasons == (("refused", BOUNCED[kind], "", False, 1),)
    assert tally.audience == sum(
        (tally.sent, tally.refused, tally.skipped, tally.unknown, tally.waiting)
    )


def test_the_same_event_is_taken_in_once(office: Office) -> None:
    edition = office.send()
    event = office.event(ANNA, SOFT)
    office.take(event)
    story, tally = office.story(ANNA), office.tally(edition)
    again = office.take(event, event)
    assert (again.known, again.changed, dict(again.kinds)) == (2, 0, {})
    assert (office.story(ANNA), office.tally(edition)) == (story, tally)
    assert office.counts()["soft"] == 1


def test_two_who_take_in_the_same_at_once_do_it_once(office: Office) -> None:
    office.send()
    events = [office.event(ANNA, SOFT, id=f"event {number}") for number in range(20)]
    known: list[int] = []
    both = [
        threading.Thread(target=lambda: known.append(office.take(*events).known)) for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sum(known) == 20
    assert office.counts()["soft"] == 20


@pytest.mark.parametrize(
    "kind", [SOFT, BLOCKED, EventKind.DELAYED, EventKind.REPLIED, EventKind.UNKNOWN]
)
def test_nothing_else_suppresses_at_once(office: Office, kind: EventKind) -> None:
    office.send()
    assert office.take(office.event(ANNA, kind)).changed == 0
    assert office.suppressed() == {}


@pytest.mark.parametrize(
    "kind", [EventKind.DELAYED, EventKind.REPLIED, EventKind.UNKNOWN, EventKind.IGNORED]
)
def test_delays_and_automatic_answers_change_nothing(office: Office, kind: EventKind) -> None:
    edition = office.send()
    story = office.story(ANNA)
    office.take(office.event(ANNA, kind))
    assert office.tally(edition).sent == 4
    assert office.story(ANNA) == story
    assert office.counts()[kind.value] == 1


def test_soft_bounces_suppress_after_the_stated_number(office: Office) -> None:
    for number in range(3):
        office.send(DAY + timedelta(days=number))
        assert office.suppressed() == {}
        office.take(office.event(ANNA, SOFT))
    assert office.suppressed() == {ANNA: "bounce"}
    assert "3 editions came back in 21 days" in office.story(ANNA)[-1]["detail"]


def test_a_success_resets_soft_bounces(office: Office) -> None:
    for number in range(6):
        office.send(DAY + timedelta(days=number))
        if number != 2:
            office.take(office.event(ANNA, SOFT))
        if number == 4:
            assert office.suppressed() == {}
    assert office.suppressed() == {ANNA: "bounce"}, "three in a row after the success"


def test_soft_bounces_far_apart_do_not_suppress(office: Office) -> None:
    for number in (0, 11, 22, 33, 44):
        office.send(DAY + timedelta(days=number))
        office.take(office.event(ANNA, SOFT))
    assert office.suppressed() == {}


def test_what_blames_us_never_suppresses(office: Office) -> None:
    for number in range(5):
        office.send(DAY + timedelta(days=number))
        office.take(office.event(ANNA, BLOCKED))
    assert office.suppressed() == {}
    assert [entry["kind"] for entry in office.story(ANNA)].count("blocked") == 5


def test_a_release_forgives_what_came_back_before(office: Office) -> None:
    for number in range(3):
        office.send(DAY + timedelta(days=number))
        office.take(office.event(ANNA, SOFT))
    office.clock.forward(minutes=1)
    with office.database.write() as connection:
        assert roll.release(connection, ANNA, now=office.clock(), actor="operator")
    office.take(office.event(ANNA, SOFT, id="late"), office.event(ANNA, HARD, id="late, too"))
    assert office.suppressed() == {}
    office.send(DAY + timedelta(days=3))
    office.take(office.event(ANNA, SOFT))
    assert office.suppressed() == {}


def test_a_bounce_of_the_address_before_says_nothing_about_the_one_after(office: Office) -> None:
    office.send()
    event = office.event(ANNA)
    person = office.person(ANNA)
    office.clock.forward(hours=1)
    with office.database.write() as connection:
        roll.record(connection, person.id, "address", "reader", office.clock(), before=ANNA)
    office.take(event)
    assert office.suppressed() == {}


def test_a_complaint_suppresses(office: Office) -> None:
    edition = office.send()
    office.take(office.event(ANNA, EventKind.COMPLAINED))
    assert office.suppressed() == {ANNA: "complaint"}
    assert office.tally(edition).sent == 4, "it arrived"


def test_leaving_is_from_the_briefing_the_mail_was_of(office: Office) -> None:
    office.send()
    with office.database.write() as connection:
        roll.add(connection, ANNA, ["weekly"], now=office.clock(), actor="test")
    office.take(office.event(ANNA, EventKind.UNSUBSCRIBED))
    assert set(office.person(ANNA).briefings) == {"weekly"}
    assert office.suppressed() == {}


def test_leaving_is_from_everything_where_nobody_knows_which(office: Office) -> None:
    office.take(office.event(ANNA, EventKind.UNSUBSCRIBED))
    assert office.suppressed() == {ANNA: "unsubscribed"}


def test_the_mark_counts_before_the_address(office: Office) -> None:
    """Anna's mail is forwarded to a mailbox that is gone."""
    office.send()
    office.take(replace(office.event(ANNA), address="other@elsewhere.example"))
    assert office.suppressed() == {ANNA: "bounce"}


def test_an_address_is_found_however_it_is_written(office: Office) -> None:
    office.take(office.event("READER1@Readers.Example", HARD))
    assert office.suppressed() == {ANNA: "bounce"}


@pytest.mark.parametrize("address", ["stranger@readers.example", "", "no address", "a@b", "\0@x.y"])
def test_strangers_are_kept_and_change_nothing(office: Office, address: str) -> None:
    edition = office.send()
    office.take(office.event(address, HARD))
    assert office.suppressed() == {}
    assert office.tally(edition).sent == 4
    assert office.counts()["hard"] == 1


def test_of_an_erased_reader_only_the_count_stays(office: Office) -> None:
    edition = office.send()
    office.take(office.event(ANNA, SOFT))
    later = office.event(ANNA, HARD)
    with office.database.write() as connection:
        roll.erase(connection, ANNA, now=office.clock())
    with office.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(return_events)).scalar() == 0
    office.take(later)
    assert office.tally(edition).refused == 1
    assert office.counts()["hard"] == 1


def test_a_delivered_settles_a_lost_answer(office: Office) -> None:
    edition = office.send()
    event = office.event(ANNA, EventKind.DELIVERED)
    with office.database.write() as connection:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.recipient_id == office.person(ANNA).id)
            .values(state="unknown", reason="answer-lost")
        )
    office.take(event, event)
    assert (office.tally(edition).sent, office.tally(edition).unknown) == (4, 0)


def test_the_raw_event_is_kept_and_openings_are_not(office: Office) -> None:
    office.take(
        office.event(ANNA, SOFT),
        office.event(ANNA, EventKind.UNKNOWN, raw="what is this? \0 \ud800"),
        office.event(ANNA, EventKind.IGNORED),
        office.event(ANNA, EventKind.DELIVERED),
    )
    with office.database.read() as connection:
        rows = connection.execute(select(return_events.c.raw).order_by(return_events.c.id)).all()
    assert [row.raw for row in rows] == [f"about {ANNA}", "what is this? � ?"]
    assert office.counts() == {"soft": 1, "unknown": 1, "ignored": 1, "delivered": 1}


def test_old_events_are_forgotten_and_not_believed(office: Office) -> None:
    office.send()
    old = office.event(ANNA, HARD)
    office.take(office.event(BERT, SOFT))
    office.clock.forward(days=91)
    office.intake.forget(office.clock())
    with office.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(return_events)).scalar() == 0
    office.take(old)
    assert office.suppressed() == {}
    assert office.counts()["soft"] == 1


def test_what_may_be_used_once_takes_nothing_in_twice(office: Office) -> None:
    once = OnceOnly("token", office.clock() + timedelta(hours=1))
    office.intake.take([office.event(ANNA, SOFT)], office.clock(), once)
    with pytest.raises(Replayed):
        office.intake.take([office.event(BERT, HARD)], office.clock(), once)
    assert office.suppressed() == {}


def test_a_thousand_events_are_one_call(office: Office) -> None:
    office.send()
    events = [office.event(ANNA, SOFT, id=str(number)) for number in range(1000)]
    assert office.take(*events).kinds[SOFT] == 1000


# By mail


def test_a_marked_report_by_mail_suppresses(office: Office) -> None:
    office.send()
    assert office.take_mail(office.bounce(ANNA)).changed == 1
    assert office.suppressed() == {ANNA: "bounce"}


def test_a_report_by_message_id_marks_the_edition(office: Office) -> None:
    first = office.send()
    second = office.send(DAY + timedelta(days=1))
    named = f"Message-ID: {office.message(ANNA, 0).message_id}\n"
    office.take_mail(report("forwarded@elsewhere.example", status="5.2.2", returned=named))
    assert (office.tally(first).refused, office.tally(second).refused) == (1, 0)


def test_a_marked_complaint_is_off_the_briefing_as_its_link_is(office: Office) -> None:
    office.send()
    with office.database.write() as connection:
        roll.add(connection, ANNA, ["weekly"], now=office.clock(), actor="test")
    office.take_mail(complaint(returned=office.marked(ANNA)))
    assert set(office.person(ANNA).briefings) == {"weekly"}
    assert office.suppressed() == {}
    assert office.story(ANNA)[-1]["reason"] == "complaint"


def test_a_complaint_that_is_none_suppresses_nobody(office: Office) -> None:
    office.send()
    named = f"Message-ID: {office.message(ANNA).message_id}\n"
    for kind in ("not-spam", "virus", "other", "auth-failure"):
        office.take_mail(complaint(kind=kind, recipient=ANNA, returned=named))
    assert office.suppressed() == {}


def test_a_mail_to_the_signed_address_takes_off_the_briefing(office: Office) -> None:
    edition = office.send()
    leave = office.desk.tokens.seal(Door.LEAVE, edition.id, office.person(ANNA).id)
    office.take_mail("From: x@y.example\n\n", f"bounces+{leave}@alienroad.example")
    assert office.suppressed() == {ANNA: "unsubscribed"}
    assert office.story(ANNA)[-2]["actor"] == "reader (mail)"
    again = office.take_mail("From: x@y.example\n\nagain", f"bounces+{leave}@alienroad.example")
    assert again.changed == 0


@pytest.mark.parametrize(
    ("sender", "told"), [(f"Anna <{ANNA}>", "auto-reply"), ("noreply@mx.readers.example", "soft")]
)
def test_a_holiday_note_without_a_return_path_is_no_bounce(
    office: Office, sender: str, told: str
) -> None:
    edition = office.send()
    mark = office.desk.tokens.seal(Door.RETURN, edition.id, office.person(ANNA).id)
    raw = f"Return-Path: <>\nFrom: {sender}\nSubject: 123\n\nEn ole täällä.\n"
    office.take_mail(raw, f"bounces+{mark}@alienroad.example")
    assert [one.kind.value for one in office.kept(ANNA)] == [told]


def test_an_event_of_the_future_is_of_now(office: Office) -> None:
    office.send()
    event = replace(office.event(ANNA, SOFT), at=office.clock() + timedelta(days=400))
    office.take(event)
    with office.database.read() as connection:
        assert connection.execute(select(return_events.c.at)).scalar() == office.clock()
