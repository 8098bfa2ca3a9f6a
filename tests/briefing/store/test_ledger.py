from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from briefing.model import DeliveryReason, EditionState, Recipient
from briefing.store import Database, leases, ledger
from briefing.store.handoff import HandOff
from briefing.store.leases import Chunk
from briefing.store.ledger import Mark, Tally
from briefing.store.tables import deliveries
from subscribers import roll
from tests.kit.deliveries import freeze, put_in_state
from tests.kit.newsroom import NOW, subscribe

MS = ledger.to_ms(NOW)


@pytest.fixture
def edition_id(database: Database) -> int:
    """An edition being sent to 25 readers, in chunks of ten."""
    subscribe(database, 25)
    return freeze(database)


def take(database: Database, edition_id: int, owner: str = "a", at: int = MS) -> Chunk:
    with database.write() as connection:
        chunk = leases.take_chunk(connection, edition_id, owner, at, resend_unknown=True)
    assert chunk is not None
    return chunk


def claim(database: Database, chunk: Chunk) -> list[Recipient]:
    with database.write() as connection:
        return [reader for reader, _ in leases.claim(connection, chunk, NOW)]


def begin(database: Database, edition_id: int, readers: list[int]) -> set[int]:
    hand_off = HandOff(database, edition_id)
    with hand_off:
        granted = hand_off.begin(readers, NOW)
    hand_off.close()
    return granted


def sums(database: Database, edition_id: int) -> Tally:
    with database.read() as connection:
        return ledger.tally(connection, edition_id)


def test_the_audience_is_who_may_be_mailed_when_it_is_frozen(database: Database) -> None:
    subscribe(database, 4)
    with database.write() as connection:
        roll.suppress(
            connection,
            "reader2@readers.example",
            roll.Suppressed.MANUAL,
            now=NOW,
            actor="test",
        )
    subscribe(database, 1, slug="weekly")

    edition_id = freeze(database)

    assert sums(database, edition_id) == Tally(3, 0, 0, 0, 0, 3, ())


def test_chunks_cover_the_audience_without_overlap(database: Database, edition_id: int) -> None:
    claimed = [claim(database, take(database, edition_id)) for _ in range(3)]

    assert [len(readers) for readers in claimed] == [10, 10, 5]
    assert len({reader.id for readers in claimed for reader in readers}) == 25
    with database.write() as connection:
        assert not leases.take_chunk(connection, edition_id, "a", MS, resend_unknown=True)


def test_a_reader_is_handed_over_with_key_address_and_sections(database: Database) -> None:
    subscribe(database, 1, sections="people,borders")

    (reader,) = claim(database, take(database, freeze(database)))

    assert reader.address == "reader1@readers.example"
    assert reader.sections == ("borders", "people")
    assert reader.key > 0


def test_who_left_after_the_freeze_is_skipped_at_the_claim(
    database: Database, edition_id: int
) -> None:
    with database.write() as connection:
        people = list(roll.people(connection))
        roll.leave(connection, people[0].key, "daily", now=NOW, actor="reader")
        roll.erase(connection, people[1].address, now=NOW)

    readers = claim(database, take(database, edition_id))

    assert [reader.id for reader in readers] == [person.id for person in people[2:10]]
    assert sums(database, edition_id).reasons == (
        ("skipped", DeliveryReason.ERASED, "", False, 1),
        ("skipped", DeliveryReason.SUPPRESSED, "", False, 1),
    )


def test_consent_is_asked_again_at_hand_off(database: Database, edition_id: int) -> None:
    chunk = take(database, edition_id)
    first, second, *_ = claim(database, chunk)
    with database.write() as connection:
        roll.leave(connection, first.key, "daily", now=NOW, actor="reader")

    granted = begin(database, edition_id, [first.id, second.id])

    assert granted == {second.id}


def test_the_sum_holds_in_every_state(database: Database, edition_id: int) -> None:
    chunk = take(database, edition_id)
    readers = claim(database, chunk)
    begin(database, edition_id, [reader.id for reader in readers[:6]])
    with database.write() as connection:
        marks = [
            Mark(readers[0].id, "sent", answer="250 queued"),
            Mark(readers[1].id, "refused", DeliveryReason.NO_MAILBOX, "550 5.1.1 gone"),
            Mark(readers[2].id, "unknown", DeliveryReason.ANSWER_LOST),
            Mark(readers[3].id, "waiting", DeliveryReason.TRY_AGAIN, "", MS + 1000),
            Mark(readers[4].id, "skipped", DeliveryReason.NO_STORY),
        ]
        ledger.mark(connection, edition_id, marks, MS)

    tally = sums(database, edition_id)

    counts = (tally.sent, tally.refused, tally.skipped, tally.unknown, tally.waiting)
    assert counts == (1, 1, 1, 1, 21)
    assert tally.audience == sum(counts) == 25


def test_a_row_in_doubt_is_sent_again_or_held_as_the_operator_says(
    database: Database, edition_id: int
) -> None:
    chunk = take(database, edition_id, "dead")
    doubtful = claim(database, chunk)[0]
    begin(database, edition_id, [doubtful.id])
    later = MS + leases.LEASE_MS + 1

    with database.write() as connection:
        leases.take_chunk(connection, edition_id, "heir", later, resend_unknown=False)

    assert sums(database, edition_id).unknown == 1


@pytest.mark.parametrize("by", ["sender", "another"])
@pytest.mark.parametrize(
    ("state", "reason", "kept", "may_have_it"),
    [
        ("waiting", DeliveryReason.TRY_AGAIN, DeliveryReason.TRY_AGAIN, True),
        ("waiting", DeliveryReason.NONE, DeliveryReason.SENDER_DIED, True),
        ("waiting", DeliveryReason.ANSWER_LOST, DeliveryReason.ANSWER_LOST, True),
        ("skipped", DeliveryReason.PAUSED, DeliveryReason.PAUSED, True),
        ("refused", DeliveryReason.NO_MAILBOX, DeliveryReason.NO_MAILBOX, False),
        ("sent", DeliveryReason.NONE, DeliveryReason.NONE, False),
    ],
)
def test_who_may_have_it_is_marked_until_an_answer_settles_it(
    database: Database,
    edition_id: int,
    by: str,
    state: str,
    reason: DeliveryReason,
    kept: DeliveryReason,
    may_have_it: bool,
) -> None:
    doubtful, sure = claim(database, take(database, edition_id, "dead"))[:2]
    begin(database, edition_id, [doubtful.id])
    take(database, edition_id, "heir", MS + leases.LEASE_MS + 1)

    # Twice: what is tried again may be refused again.
    for _ in range(2):
        begin(database, edition_id, [doubtful.id, sure.id])
        marks = [Mark(reader.id, state, reason) for reader in (doubtful, sure)]
        if by == "sender":
            hand_off = HandOff(database, edition_id)
            with hand_off:
                hand_off.mark(marks, MS)
            hand_off.close()
        else:
            with database.write() as connection:
                ledger.mark(connection, edition_id, marks, MS)

    with database.read() as connection:
        rows = connection.execute(
            select(deliveries).where(deliveries.c.recipient_id.in_([doubtful.id, sure.id]))
        )
        assert {row.recipient_id: (row.reason, row.may_have_it) for row in rows} == {
            doubtful.id: (kept, may_have_it),
            sure.id: (reason, False),
        }


def test_cancelling_says_who_may_have_it(database: Database, edition_id: int) -> None:
    doubtful = claim(database, take(database, edition_id, "dead"))[0]
    begin(database, edition_id, [doubtful.id])
    take(database, edition_id, "heir", MS + leases.LEASE_MS + 1)

    with database.write() as connection:
        ledger.close_waiting(connection, edition_id, "skipped", DeliveryReason.CANCELLED)

    assert sums(database, edition_id).reasons == (
        ("skipped", DeliveryReason.CANCELLED, "", False, 24),
        ("skipped", DeliveryReason.CANCELLED, "", True, 1),
    )


def test_a_living_owner_keeps_its_chunk(database: Database, edition_id: int) -> None:
    chunk = take(database, edition_id, "a")
    with database.write() as connection:
        held = leases.hold_fences(connection, [chunk], MS + leases.LEASE_MS)

    heir = take(database, edition_id, "b", MS + leases.LEASE_MS + 1)

    assert held == {chunk}
    assert heir.number != chunk.number


def test_a_fenced_owner_is_told_so(database: Database, edition_id: int) -> None:
    chunk = take(database, edition_id, "slow")
    heir = take(database, edition_id, "heir", MS + leases.LEASE_MS + 1)
    assert heir.number == chunk.number

    with database.write() as connection:
        assert leases.hold_fences(connection, [chunk], MS) == set()
        assert leases.hold_fences(connection, [heir], MS) == {heir}


def test_a_chunk_with_retries_is_due_when_the_first_of_them_is(
    database: Database, edition_id: int
) -> None:
    chunks = [take(database, edition_id) for _ in range(3)]
    with database.write() as connection:
        for chunk in chunks:
            readers = [reader for reader, _ in leases.claim(connection, chunk, NOW)]
            due = [MS + 5000, MS + 3000]
            marks = [
                Mark(r.id, "waiting", DeliveryReason.TRY_AGAIN, "", d)
                for r, d in zip(readers, due, strict=False)
            ]
            marks += [Mark(r.id, "sent") for r in readers[2:]]
            ledger.mark(connection, edition_id, marks, MS)
            leases.finish_chunk(connection, chunk)

        assert leases.next_due(connection, edition_id) == MS + 3000
        taken = leases.take_chunk(connection, edition_id, "a", MS + 2999, resend_unknown=True)
        assert taken is None
        assert leases.take_chunk(connection, edition_id, "a", MS + 3000, resend_unknown=True)


def test_a_finished_edition_has_nothing_due(database: Database, edition_id: int) -> None:
    for _ in range(3):
        chunk = take(database, edition_id)
        readers = claim(database, chunk)
        with database.write() as connection:
            ledger.mark(connection, edition_id, [Mark(r.id, "sent") for r in readers], MS)
            leases.finish_chunk(connection, chunk)

    with database.read() as connection:
        assert leases.next_due(connection, edition_id) is None


def test_pause_and_resume_are_seen_by_every_sender(database: Database, edition_id: int) -> None:
    with database.write() as connection:
        assert ledger.standing(connection, edition_id) == "sending"
        assert ledger.pause(connection, edition_id, "by ana")
        assert ledger.standing(connection, edition_id) == "paused"
        assert ledger.resume(connection, edition_id)
        assert ledger.standing(connection, edition_id) == "sending"


def test_cancelling_skips_everybody_who_waits(database: Database, edition_id: int) -> None:
    with database.write() as connection:
        assert (
            ledger.close_waiting(connection, edition_id, "skipped", DeliveryReason.CANCELLED) == 25
        )

    assert sums(database, edition_id).reasons == (
        ("skipped", DeliveryReason.CANCELLED, "", False, 25),
    )


def test_rows_of_old_editions_become_sums_but_for_those_that_matter(
    database: Database, edition_id: int
) -> None:
    readers = claim(database, take(database, edition_id))
    with database.write() as connection:
        marks = [
            Mark(readers[0].id, "refused", DeliveryReason.NO_MAILBOX),
            Mark(readers[1].id, "unknown", DeliveryReason.ANSWER_LOST),
            Mark(readers[2].id, "skipped", DeliveryReason.UNSUBSCRIBED),
            *(Mark(reader.id, "sent") for reader in readers[3:]),
        ]
        ledger.mark(connection, edition_id, marks, MS)
        ledger.close_waiting(connection, edition_id, "skipped", DeliveryReason.CANCELLED)
        put_in_state(
            connection,
            edition_id,
            EditionState.CANCELLED,
            finished_at=NOW,
        )
    before = sums(database, edition_id)

    with database.write() as connection:
        assert ledger.compact(connection, NOW) == 0
        assert ledger.compact(connection, NOW + timedelta(seconds=1)) == 23
        assert ledger.compact(connection, NOW + timedelta(seconds=1)) == 0
        left = connection.execute(select(deliveries.c.state)).scalars().all()

    assert sorted(left) == ["refused", "unknown"]
    assert sums(database, edition_id) == before
