"""What the desk keeps: the log, waivers, presence, reminders; and a delivery that is taken back."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest

from briefing.desk.lifecycle import TAKE_BACK
from briefing.model import (
    DAILY,
    DESK,
    Dropped,
    Edition,
    EditionState,
    Role,
    Story,
    Treatment,
    Window,
)
from briefing.store import (
    Database,
    articles,
    editions,
    edits,
    leases,
    ledger,
    presence,
    reminders,
    users,
    waivers,
)
from briefing.store.edits import Change
from briefing.store.handoff import HandOff
from briefing.store.recall import recall
from briefing.store.waivers import Waiver
from tests.kit import newsroom
from tests.kit.deliveries import put_in_state
from tests.kit.newsroom import NOW, subscribe

DAY = date(2026, 3, 10)


@pytest.fixture
def edition(database: Database) -> Edition:
    """A draft with two stories and one that was dropped."""
    with database.write() as connection:
        articles.store(connection, newsroom.articles(3), NOW)
        made, _ = editions.reserve(
            connection,
            "daily",
            DAY,
            DAILY,
            due_at=NOW,
            window=Window(NOW - timedelta(days=1), NOW),
            now=NOW,
        )
        found = articles.unused(connection, "daily", since=NOW - timedelta(days=1))
        stories = [Story(one, "policy", place) for place, one in enumerate(found)]
        editions.save_draft(connection, made, stories, made.window)
        draft = editions.lock(connection, made.id)
        assert draft is not None
        changed = Edition(
            **{
                **{name: getattr(draft, name) for name in Edition.__slots__},
                "revision": 2,
                "stories": draft.stories[:2],
                "note": "Good morning.",
                "corrections": ("We erred.",),
            }
        )
        editions.save_edit(connection, changed, [Dropped(draft.stories[2], "old news")])
        saved = editions.get(connection, made.id)
    assert saved is not None
    return saved


def test_an_edit_is_kept_whole(database: Database, edition: Edition) -> None:
    assert (edition.revision, edition.note, edition.corrections) == (
        2,
        "Good morning.",
        ("We erred.",),
    )
    assert len(edition.stories) == 2
    with database.read() as connection:
        (out,) = editions.dropped(connection, edition.id)
        assert editions.standing(connection, edition.id).touched
    assert (out.reason, out.story.position) == ("old news", 2)


def test_the_log_comes_back_as_it_was_written(database: Database, edition: Edition) -> None:
    change = Change(7, "place", {"section": "policy", "index": 0, "after": None}, {"index": 1})
    with database.write() as connection:
        first = edits.record(
            connection, edition.id, "move", revision=3, who="Ana", now=NOW, changes=[change]
        )
        second = edits.record(
            connection, edition.id, "undo", revision=4, who="Ben", now=NOW, note="so", of=first.id
        )
        edits.mark_undone(connection, first.id, second.id)

    with database.read() as connection:
        assert edits.history(connection, edition.id, after=first.id) == [second]
        (undone, _) = edits.history(connection, edition.id)
        assert edits.last(connection, edition.id) == second.id
    assert undone.undone_by == second.id
    assert undone.changes == (change,)


def test_a_later_waiver_of_the_same_replaces_the_first(
    database: Database, edition: Edition
) -> None:
    first = Waiver("long-subject", "subject", "one", "Ana", "so be it", NOW)
    later = Waiver("long-subject", "subject", "one", "Ben", "a name", NOW + timedelta(minutes=1))
    with database.write() as connection:
        waivers.keep(connection, edition.id, first)
        waivers.keep(connection, edition.id, later)
        assert waivers.of_edition(connection, edition.id) == [later]
        assert waivers.withdraw(connection, edition.id, "long-subject", "subject")
        assert not waivers.withdraw(connection, edition.id, "long-subject", "subject")


def test_a_reminder_is_claimed_once(database: Database, edition: Edition) -> None:
    with database.write() as connection:
        assert reminders.claim(connection, edition.id, "ready", NOW)
        assert not reminders.claim(connection, edition.id, "ready", NOW)
        assert reminders.claim(connection, edition.id, "deadline", NOW)


def test_presence_goes_stale_and_is_pruned(database: Database, edition: Edition) -> None:
    later = NOW + timedelta(minutes=1)
    with database.write() as connection:
        people = [
            users.add(connection, name, name, "", Role.EDITOR, "sealed", NOW) for name in "ab"
        ]
        for person, at in zip(people, (NOW, later), strict=True):
            assert person is not None
            presence.note(connection, edition.id, person.id, None, now=at, stale=at)
        here = presence.present(connection, edition.id, NOW - timedelta(days=1))
    assert [one.name for one in here] == ["b"]


def test_a_glance_tells_what_has_happened(database: Database, edition: Edition) -> None:
    with database.read() as connection:
        glance = presence.glance(connection, edition.id)
        assert glance is not None
        assert (glance.revision, glance.state, glance.last_edit) == (2, EditionState.DRAFT, 0)
        assert presence.glance(connection, 999) is None


def send(database: Database, edition: Edition) -> None:
    with database.write() as connection:
        put_in_state(connection, edition.id, EditionState.SENDING)
        ledger.freeze_audience(connection, edition.id, "daily", NOW, 2)


def take_back(database: Database, edition: Edition) -> bool:
    with database.write() as connection:
        editions.lock(connection, edition.id)
        return recall(connection, edition, TAKE_BACK, NOW)


def test_a_delivery_that_reached_nobody_is_taken_back(database: Database, edition: Edition) -> None:
    subscribe(database, 3)
    send(database, edition)

    assert take_back(database, edition)

    with database.read() as connection:
        back = editions.get(connection, edition.id)
        assert back is not None
        assert back.state is EditionState.DRAFT
        assert ledger.tally(connection, edition.id).audience == 0
    send(database, edition)
    with database.read() as connection:
        assert ledger.tally(connection, edition.id).waiting == 3


@pytest.mark.parametrize("state", ["sent", "refused", "unknown", "sending"])
def test_a_delivery_that_may_have_reached_somebody_is_not(
    database: Database, edition: Edition, state: str
) -> None:
    subscribe(database, 3)
    send(database, edition)
    with database.write() as connection:
        ledger.mark(connection, edition.id, [ledger.Mark(2, state)], ledger.to_ms(NOW))

    assert not take_back(database, edition)
    with database.read() as connection:
        assert ledger.standing(connection, edition.id) == "sending"
        assert ledger.tally(connection, edition.id).audience == 3


def test_a_sender_that_comes_too_late_hands_nothing_over(
    database: Database, edition: Edition
) -> None:
    subscribe(database, 3)
    send(database, edition)
    at = ledger.to_ms(NOW)
    with database.write() as connection:
        chunk = leases.take_chunk(connection, edition.id, "a sender", at, resend_unknown=True)
    assert chunk is not None
    assert take_back(database, edition)

    hand_off = HandOff(database, edition.id)
    with hand_off:
        assert hand_off.hold([chunk], at) == set()
        assert hand_off.begin([1, 2, 3], NOW) == set()
        assert hand_off.standing() == "draft"
    hand_off.close()


def test_taking_back_waits_for_a_sender_at_the_gate(database: Database, edition: Edition) -> None:
    subscribe(database, 3)
    send(database, edition)
    at = ledger.to_ms(NOW)
    with database.write() as connection:
        chunk = leases.take_chunk(connection, edition.id, "a sender", at, resend_unknown=True)
    assert chunk is not None
    answers: list[bool] = []
    hand_off = HandOff(database, edition.id)
    with hand_off:
        assert hand_off.standing() == "sending"
        assert hand_off.hold([chunk], at) == {chunk}
        thread = threading.Thread(target=lambda: answers.append(take_back(database, edition)))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert hand_off.begin([1], NOW) == {1}
    thread.join(10)
    hand_off.close()

    assert answers == [False]


def test_a_treatment_survives(database: Database, edition: Edition) -> None:
    assert {story.treatment for story in edition.stories} == {Treatment.STORY}


def test_what_the_desk_wrote_is_offered_to_no_other_briefing(
    database: Database, edition: Edition
) -> None:
    since = NOW - timedelta(days=1)
    written = newsroom.article("Written by hand", source=DESK)
    with database.write() as connection:
        before = articles.unused(connection, "weekly", since=since)
        articles.store(connection, [written], NOW)

        assert articles.unused(connection, "weekly", since=since) == before
        assert articles.unused(connection, "daily", since=since) == []
