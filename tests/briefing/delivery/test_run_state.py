"""How a run ends, and what others do to it meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from briefing.delivery import Ended, Retry, Throttle, WarmUp
from briefing.delivery.ledger_writer import LedgerWriter
from briefing.delivery.queue import Job
from briefing.delivery.run_state import RunState
from briefing.errors import StoreError
from briefing.model import DeliveryReason, EditionState, Message, Outcome, OutcomeKind
from briefing.store import Database, leases, ledger
from briefing.store.ledger import Mark
from briefing.store.tables import chunks, deliveries
from tests.kit.deliveries import freeze, put_in_state, row, sending, sums
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, subscribe

MS = ledger.to_ms(NOW)


def cancel(database: Database, edition_id: int) -> None:
    with database.write() as connection:
        put_in_state(connection, edition_id, EditionState.CANCELLED, finished_at=NOW)
        ledger.close_waiting(connection, edition_id, "skipped", DeliveryReason.CANCELLED)


def soft(message: Message, text: str = "greylisted") -> Outcome:
    return Outcome(message.recipient_id, OutcomeKind.SOFT, 451, "4.7.1", text)


def test_who_is_being_handed_over_when_it_is_cancelled_gets_the_answer_in_the_end(
    database: Database, edition_id: int
) -> None:
    before = []

    def answer(message: Message) -> None:
        if message.recipient_id == 5:
            cancel(database, edition_id)
            before.append(row(database, 5)[0])

    mailer = ScriptedMailer(answer, connections=1)
    assert sending(database, edition_id, mailer).run() is Ended.CANCELLED

    # Had this process died at that moment, it would have stayed unknown.
    assert before == ["unknown"]
    tally = sums(database, edition_id)
    assert (tally.sent, tally.skipped, tally.unknown, tally.waiting) == (5, 30, 0, 0)


def test_a_reader_refused_for_now_while_it_is_cancelled_does_not_wait_for_ever(
    database: Database, edition_id: int
) -> None:
    def answer(message: Message) -> Outcome | None:
        if message.recipient_id != 5:
            return None
        cancel(database, edition_id)
        return soft(message)

    sending(database, edition_id, ScriptedMailer(answer, connections=1)).run()

    tally = sums(database, edition_id)
    assert (tally.sent, tally.waiting) == (4, 0)
    assert tally.skipped + tally.unknown == 31


def test_an_edition_that_another_process_finished_is_done(
    database: Database, edition_id: int
) -> None:
    sending(database, edition_id, ScriptedMailer()).run()
    with database.write() as connection:
        put_in_state(connection, edition_id, EditionState.SENT, finished_at=NOW)

    assert sending(database, edition_id, ScriptedMailer()).run() is Ended.DONE


def test_while_another_process_holds_the_rest_a_run_says_when_to_look_again(
    database: Database, edition_id: int
) -> None:
    with database.write() as connection:
        held = leases.take_chunk(connection, edition_id, "elsewhere", MS, resend_unknown=True)
    assert held is not None

    run = sending(database, edition_id, ScriptedMailer())

    assert run.run() is Ended.WAITING
    assert run.next_at == NOW + timedelta(milliseconds=leases.LEASE_MS)
    assert sums(database, edition_id).sent == 25


def test_a_chunk_whose_readers_all_wait_for_later_is_given_back_until_then(
    database: Database, edition_id: int
) -> None:
    clock = Clock()
    assert sending(database, edition_id, ScriptedMailer(soft), clock=clock).run() is Ended.WAITING
    clock.forward(seconds=10)
    run = sending(database, edition_id, ScriptedMailer(soft), clock=clock)

    assert run.run() is Ended.WAITING
    assert run.next_at == NOW + timedelta(minutes=5)
    with database.read() as connection:
        assert set(connection.execute(select(chunks.c.owner)).scalars()) == {""}


def test_a_chunk_taken_over_and_taken_back_counts_anew(database: Database, edition_id: int) -> None:
    """What still comes in for the first lease must not finish the second one early."""
    stolen = threading.Event()

    def answer(message: Message) -> None:
        if message.recipient_id == 3 and not stolen.is_set():
            stolen.set()
            with database.write() as connection:
                connection.execute(
                    chunks.update().values(lease_until=0, owner="thief", fence=chunks.c.fence + 1)
                )

    mailer = ScriptedMailer(answer, connections=3)
    assert sending(database, edition_id, mailer).run() is Ended.DONE

    times = Counter(message.recipient_id for message in mailer.seen)
    assert set(times) == set(range(1, 36))
    # In doubt were the messages under way when the lease was lost: one a line.
    assert sum(times.values()) - 35 <= 3
    assert sums(database, edition_id).sent == 35


def test_what_a_run_is_told_while_it_writes_it_heeds_after_its_transaction(
    database: Database, edition_id: int
) -> None:
    """Those who hear of an end may need the database themselves: a lock-up of 15 s, if not."""
    run_state = RunState(threading.Event())
    heard = []

    def hear() -> None:
        with database.write() as connection:
            heard.append(ledger.standing(connection, edition_id))

    run_state.on_end(hear)
    with database.write() as connection:
        chunk = leases.take_chunk(connection, edition_id, "test", MS, resend_unknown=True)
        assert chunk is not None
        claimed = leases.claim(connection, chunk, NOW)
        ledger.pause(connection, edition_id, "by ana")
    ledger_writer = LedgerWriter(
        database, edition_id, run_state, Throttle(), Clock(), lambda _: None
    )

    granted = ledger_writer.write([], [Job(claimed[0][0], 0, chunk)])

    ledger_writer.close()
    assert list(granted) == [False]
    assert heard == ["paused"]
    assert run_state.ended is Ended.PAUSED


def test_a_later_no_does_not_undo_a_final_word(database: Database, edition_id: int) -> None:
    run_state = RunState(threading.Event())
    with database.write() as connection:
        chunk = leases.take_chunk(connection, edition_id, "test", MS, resend_unknown=True)
        assert chunk is not None
        connection.execute(deliveries.update().values(state="skipped", reason="cancelled"))
    ledger_writer = LedgerWriter(
        database, edition_id, run_state, Throttle(), Clock(), lambda _: None
    )

    ledger_writer.write(
        [(chunk, Mark(1, "waiting", DeliveryReason.TRY_AGAIN, due=5)), (chunk, Mark(2, "sent"))], []
    )

    ledger_writer.close()
    assert row(database, 1)[0] == "skipped"
    assert row(database, 2)[0] == "sent"


def test_a_message_handed_back_by_a_broken_line_is_not_in_doubt(
    database: Database, edition_id: int
) -> None:
    broken = iter([True])

    def answer(message: Message) -> Outcome | None:
        if message.recipient_id == 4 and next(broken, False):
            return Outcome(message.recipient_id, OutcomeKind.SOFT, 0, "", "connection reset")
        return None

    retry = Retry(resend_unknown=False)
    ended = sending(database, edition_id, ScriptedMailer(answer, connections=1), retry=retry).run()

    assert ended is Ended.DONE
    assert sums(database, edition_id).sent == 35
    assert row(database, 4)[1] == 1


def test_a_warm_up_gives_out_the_whole_of_the_days_share_to_several_lines(
    database: Database, edition_id: int
) -> None:
    clock = Clock()
    mailer = ScriptedMailer(connections=5)
    throttle = Throttle(warm_up=WarmUp(12, 2), chunk_size=10)

    assert (
        sending(database, edition_id, mailer, clock=clock, throttle=throttle).run() is Ended.WAITING
    )

    assert len(mailer.seen) == sums(database, edition_id).sent == 12


def test_a_changed_configuration_neither_loses_nor_restarts_an_edition(
    database: Database, edition_id: int
) -> None:
    stop = threading.Event()

    def answer(message: Message) -> Outcome | None:
        if message.recipient_id == 7:
            return soft(message)
        if message.recipient_id == 15:
            stop.set()
        return None

    first = ScriptedMailer(answer, connections=1)
    sending(database, edition_id, first, stop=stop, throttle=Throttle(chunk_size=10)).run()
    second = ScriptedMailer(connections=3)
    retry = Retry(
        waits=[timedelta(hours=1)], give_up_after=timedelta(hours=2), resend_unknown=False
    )
    clock = Clock(NOW + timedelta(minutes=5))

    throttle = Throttle(rate=500, chunk_size=3)
    run = sending(
        database, edition_id, second, throttle=throttle, retry=retry, clock=clock, owner="new"
    )

    assert run.run() is Ended.DONE
    ids = [message.recipient_id for message in [*first.seen, *second.seen]]
    assert sorted(ids) == list(range(1, 36))


def test_a_database_that_goes_away_ends_the_run_in_words(postgresql: Database) -> None:
    subscribe(postgresql, 35)
    edition_id = freeze(postgresql)

    once = iter([True])

    def answer(message: Message) -> None:
        if message.recipient_id == 5 and next(once, False):
            # All but the one that asks: it would end before it has asked for the others.
            with postgresql.write() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    mailer = ScriptedMailer(answer, connections=1)
    with pytest.raises(StoreError, match="cannot be used"):
        sending(postgresql, edition_id, mailer).run()

    # Number 5 was taken; that it was is not in the database, which was not there.
    later = Clock(NOW + timedelta(milliseconds=leases.LEASE_MS + 1))
    assert sending(postgresql, edition_id, mailer, clock=later).run() is Ended.DONE
    assert sums(postgresql, edition_id).sent == 35
    assert Counter(m.recipient_id for m in mailer.seen).most_common(2) == [(5, 2), (1, 1)]
