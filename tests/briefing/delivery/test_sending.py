from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from briefing.delivery import Ended, Retry, Throttle, WarmUp
from briefing.errors import MailerFault
from briefing.mailers import MailerBusy, Wait, WaitEnded, sit_out
from briefing.model import DeliveryReason, Message, NoMessage, Outcome, OutcomeKind, Recipient
from briefing.store import Database, editions, edits, leases, ledger
from briefing.store.tables import deliveries
from subscribers import roll
from tests.kit import mails
from tests.kit.deliveries import sending, sums, write_message
from tests.kit.newsroom import NOW, Clock, ScriptedLine, ScriptedMailer
from tests.kit.providers import FRIENDLY, ApiServer, Asked, Reply


def test_everybody_gets_one_message(database: Database, edition_id: int) -> None:
    mailer = ScriptedMailer(connections=4)

    assert sending(database, edition_id, mailer).run() is Ended.DONE

    assert Counter(message.recipient for message in mailer.seen) == Counter(
        f"reader{n}@readers.example" for n in range(1, 36)
    )
    assert sums(database, edition_id).sent == 35


def test_a_second_run_sends_nothing_more(database: Database, edition_id: int) -> None:
    sending(database, edition_id, ScriptedMailer()).run()
    again = ScriptedMailer()

    assert sending(database, edition_id, again).run() is Ended.DONE
    assert again.seen == []


def test_two_processes_share_the_work_and_send_nothing_twice(
    database: Database, edition_id: int
) -> None:
    mailer = ScriptedMailer()
    runs = [
        threading.Thread(target=sending(database, edition_id, mailer, owner=f"p{n}").run)
        for n in range(3)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)

    assert sorted(m.recipient_id for m in mailer.seen) == sorted(
        {m.recipient_id for m in mailer.seen}
    )
    assert sums(database, edition_id).sent == 35


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        (OutcomeKind.HARD, "5.1.1", DeliveryReason.NO_MAILBOX),
        (OutcomeKind.POLICY, "5.7.1", DeliveryReason.POLICY),
        (OutcomeKind.CONTENT, "5.3.4", DeliveryReason.CONTENT),
    ],
)
def test_a_refused_reader_is_recorded_with_the_reason(
    database: Database, edition_id: int, kind: OutcomeKind, status: str, reason: DeliveryReason
) -> None:
    def answer(message: Message) -> Outcome | None:
        if message.recipient.startswith("reader3@"):
            return Outcome(message.recipient_id, kind, 550, status, "no")
        return None

    sending(database, edition_id, ScriptedMailer(answer)).run()

    tally = sums(database, edition_id)
    assert (tally.sent, tally.refused) == (34, 1)
    assert tally.reasons == (("refused", reason, status, False, 1),)


def test_a_soft_refusal_waits_for_its_time_and_is_then_sent(
    database: Database, edition_id: int
) -> None:
    refusals = [Outcome(0, OutcomeKind.SOFT, 451, "4.7.1", "greylisted")]

    def answer(message: Message) -> Outcome | None:
        if message.recipient.startswith("reader3@") and refusals:
            refusals.pop()
            return Outcome(message.recipient_id, OutcomeKind.SOFT, 451, "4.7.1", "greylisted")
        return None

    clock = Clock()
    mailer = ScriptedMailer(answer)
    assert sending(database, edition_id, mailer, clock=clock).run() is Ended.WAITING
    assert sums(database, edition_id).waiting == 1
    assert sending(database, edition_id, mailer, clock=clock).run() is Ended.WAITING

    clock.forward(minutes=5)
    assert sending(database, edition_id, mailer, clock=clock).run() is Ended.DONE
    assert sums(database, edition_id).sent == 35


def test_soft_refusals_end_when_the_edition_is_old(database: Database, edition_id: int) -> None:
    def answer(message: Message) -> Outcome:
        return Outcome(message.recipient_id, OutcomeKind.SOFT, 452, "4.2.2", "mailbox full")

    clock = Clock()
    while sending(database, edition_id, ScriptedMailer(answer), clock=clock).run() is Ended.WAITING:
        clock.forward(hours=2)

    tally = sums(database, edition_id)
    assert tally.refused == 35
    assert clock.at - NOW >= timedelta(hours=10)
    assert tally.reasons[0].reason is DeliveryReason.GIVEN_UP


def test_a_fault_that_would_hit_everybody_pauses_the_edition(
    database: Database, edition_id: int
) -> None:
    def answer(message: Message) -> Outcome:
        return Outcome(message.recipient_id, OutcomeKind.FAULT, 550, "5.7.26", "unauthenticated")

    with pytest.raises(MailerFault, match="unauthenticated"):
        sending(database, edition_id, ScriptedMailer(answer, connections=1)).run()

    tally = sums(database, edition_id)
    assert (tally.waiting, tally.refused) == (35, 0)
    with database.read() as connection:
        assert ledger.standing(connection, edition_id) == "paused"


def test_an_unknown_outcome_is_held_where_the_operator_says_so(
    database: Database, edition_id: int
) -> None:
    def answer(message: Message) -> Outcome | None:
        if message.recipient.startswith("reader3@"):
            return Outcome(message.recipient_id, OutcomeKind.UNKNOWN, 0, "", "connection lost")
        return None

    retry = Retry(resend_unknown=False)
    ended = sending(database, edition_id, ScriptedMailer(answer), retry=retry).run()

    assert ended is Ended.DONE
    assert sums(database, edition_id).unknown == 1


def test_who_unsubscribes_while_the_edition_is_being_sent_is_skipped(
    database: Database, edition_id: int
) -> None:
    with database.read() as connection:
        last = list(roll.people(connection))[-1]

    def answer(message: Message) -> Outcome | None:
        if message.recipient.startswith("reader1@"):
            with database.write() as connection:
                roll.leave(connection, last.key, "daily", now=NOW, actor="reader")
        return None

    mailer = ScriptedMailer(answer, connections=1)
    sending(database, edition_id, mailer).run()

    assert last.id not in {message.recipient_id for message in mailer.seen}
    assert sums(database, edition_id).reasons == (
        ("skipped", DeliveryReason.SUPPRESSED, "", False, 1),
    )


def test_consent_withdrawn_after_the_claim_is_seen_at_hand_off(
    database: Database, edition_id: int
) -> None:
    """The reader is in the same claimed chunk as the message that triggers the withdrawal."""
    with database.read() as connection:
        second = list(roll.people(connection))[1]

    def answer(message: Message) -> Outcome | None:
        if message.recipient.startswith("reader1@"):
            with database.write() as connection:
                roll.leave(connection, second.key, "daily", now=NOW, actor="reader")
        return None

    mailer = ScriptedMailer(answer, connections=1)
    assert sending(database, edition_id, mailer).run() is Ended.DONE

    assert second.id not in {message.recipient_id for message in mailer.seen}
    assert sums(database, edition_id).skipped == 1


def test_pausing_stops_at_the_next_message_and_resuming_goes_on(
    database: Database, edition_id: int
) -> None:
    def answer(_: Message) -> None:
        with database.write() as connection:
            ledger.pause(connection, edition_id, "by ana")

    first = ScriptedMailer(answer, connections=1)
    assert sending(database, edition_id, first).run() is Ended.PAUSED
    assert len(first.seen) == 1
    with database.write() as connection:
        ledger.resume(connection, edition_id)

    second = ScriptedMailer()
    assert sending(database, edition_id, second).run() is Ended.DONE
    assert len(second.seen) == 34


@pytest.mark.parametrize("kind", ["resend", "brevo"])
def test_a_pause_after_a_lost_answer_leaves_the_reader_in_doubt(
    database: Database, edition_id: int, kind: str
) -> None:
    """A provider that turns the repeat away has said nothing of the first request."""

    def lose(_: Asked) -> Reply:
        with database.write() as connection:
            ledger.pause(connection, edition_id, "by ana")
        return Reply(500, takes=True)

    away = Reply(429, headers={"Retry-After": "2"})
    with ApiServer(kind, [lose, away, FRIENDLY]) as server:
        run = sending(
            database,
            edition_id,
            server.mailer(connections=1),
            retry=Retry(resend_unknown=False),
            write=mails.letters("gazette", "full_day").write,
        )
        with capture_logs() as lines:
            assert run.run() is Ended.PAUSED
    assert len(server.accepted) == 1
    assert (sums(database, edition_id).unknown, sums(database, edition_id).waiting) == (1, 34)
    assert lines == []


def test_who_paused_first_has_given_the_reason(database: Database, edition_id: int) -> None:
    def answer(message: Message) -> Outcome:
        with database.write() as connection:
            ledger.pause(connection, edition_id, "by ana")
        return Outcome(message.recipient_id, OutcomeKind.FAULT, 550, "5.7.26", "unauthenticated")

    with capture_logs() as lines, pytest.raises(MailerFault, match="unauthenticated"):
        sending(database, edition_id, ScriptedMailer(answer, connections=1)).run()

    with database.read() as connection:
        edition = editions.get(connection, edition_id)
        entries = edits.history(connection, edition_id)
    assert edition is not None
    assert (edition.paused, edition.pause_reason) == (True, "by ana")
    assert entries == []
    assert lines == []


def test_a_line_that_was_not_waited_for_is_no_failure_of_the_delivery(
    database: Database, edition_id: int
) -> None:
    opening = threading.Event()

    class Resting(ScriptedMailer):
        """Its second line is to be waited for, and an editor pauses meanwhile."""

        def open(self, wait: Wait = sit_out) -> ScriptedLine:
            if self.opened:
                with database.write() as connection:
                    ledger.pause(connection, edition_id, "by ana")
                opening.set()
                assert wait(20)
                raise WaitEnded("not waited for")
            return super().open(wait)

    def answer(_: Message) -> None:
        opening.wait(20)

    with capture_logs() as lines:
        assert sending(database, edition_id, Resting(answer)).run() is Ended.PAUSED
    assert opening.is_set()
    assert lines == []


def test_stopping_leaves_the_rest_for_the_next_run(database: Database, edition_id: int) -> None:
    stop = threading.Event()

    def answer(message: Message) -> None:
        if message.recipient.startswith("reader5@"):
            stop.set()

    first = ScriptedMailer(answer, connections=1)
    assert sending(database, edition_id, first, stop=stop).run() is Ended.STOPPED

    second = ScriptedMailer()
    sending(database, edition_id, second).run()
    ids = [message.recipient_id for message in [*first.seen, *second.seen]]
    assert len(first.seen) == 5
    assert len(ids) == len(set(ids)) == 35


def test_a_reader_without_a_story_is_skipped_with_the_reason(
    database: Database, edition_id: int
) -> None:
    def write(recipient: Recipient) -> Message | NoMessage:
        if recipient.address.startswith("reader7@"):
            return NoMessage(DeliveryReason.NO_STORY)
        return write_message(recipient)

    sending(database, edition_id, ScriptedMailer(), write=write).run()

    assert sums(database, edition_id).reasons == (
        ("skipped", DeliveryReason.NO_STORY, "", False, 1),
    )


def test_an_unreachable_server_changes_nothing(database: Database, edition_id: int) -> None:
    class Away(ScriptedMailer):
        def open(self, wait: Wait = sit_out) -> None:  # type: ignore[override]
            raise MailerBusy("mail.example:25: connection refused")

    with pytest.raises(MailerBusy):
        sending(database, edition_id, Away()).run()  # type: ignore[arg-type]

    assert sums(database, edition_id).waiting == 35


def test_an_error_in_a_line_reaches_the_caller_and_loses_nobody(
    database: Database, edition_id: int
) -> None:
    def write(recipient: Recipient) -> Message | NoMessage:
        if recipient.address.startswith("reader7@"):
            raise ZeroDivisionError
        return write_message(recipient)

    with pytest.raises(ZeroDivisionError):
        sending(database, edition_id, ScriptedMailer(), write=write).run()

    mailer = ScriptedMailer()
    before = sums(database, edition_id)
    sending(database, edition_id, mailer).run()
    assert before.sent + len(mailer.seen) == sums(database, edition_id).sent == 35


def test_outside_the_window_nothing_leaves_and_the_run_says_when(
    database: Database, edition_id: int
) -> None:
    mailer = ScriptedMailer()
    run = sending(database, edition_id, mailer, throttle=Throttle(window=(time(8), time(9))))

    assert run.run() is Ended.WAITING
    assert run.next_at == NOW.replace(hour=8)
    assert mailer.opened == 0


def test_a_window_that_closes_stops_the_rest(database: Database, edition_id: int) -> None:
    clock = Clock()

    def answer(message: Message) -> None:
        if message.recipient.startswith("reader5@"):
            clock.at = NOW.replace(hour=9)

    throttle = Throttle(window=(time(6), time(9)), chunk_size=10)
    mailer = ScriptedMailer(answer, connections=1)

    ended = sending(database, edition_id, mailer, clock=clock, throttle=throttle).run()

    assert (ended, len(mailer.seen)) == (Ended.WAITING, 5)
    assert sums(database, edition_id).waiting == 30


def test_a_warm_up_sends_the_days_share_and_goes_on_the_next_day(
    database: Database, edition_id: int
) -> None:
    clock = Clock()
    throttle = Throttle(warm_up=WarmUp(12, 2), chunk_size=10)
    mailer = ScriptedMailer(connections=1)

    first = sending(database, edition_id, mailer, clock=clock, throttle=throttle)
    assert first.run() is Ended.WAITING
    assert len(mailer.seen) == 12
    assert first.next_at == datetime(2026, 3, 11, tzinfo=UTC)

    clock.forward(days=1)
    assert sending(database, edition_id, mailer, clock=clock, throttle=throttle).run() is Ended.DONE
    assert len(mailer.seen) == 35 == sums(database, edition_id).sent


def test_a_broken_line_costs_no_reader_an_attempt(database: Database, edition_id: int) -> None:
    breaks = iter([True, True])

    def answer(message: Message) -> Outcome | None:
        if next(breaks, False):
            return Outcome(message.recipient_id, OutcomeKind.SOFT, 421, "4.3.2", "shutting down")
        return None

    mailer = ScriptedMailer(answer, connections=1)

    assert sending(database, edition_id, mailer).run() is Ended.DONE
    assert sums(database, edition_id).sent == 35


@pytest.mark.parametrize(
    ("again", "event"),
    [(True, "messages in doubt are sent again"), (False, "messages in doubt are held as unknown")],
)
def test_what_a_dead_sender_left_in_doubt_is_counted_once(
    database: Database, edition_id: int, again: bool, event: str
) -> None:
    clock, ms = Clock(), ledger.to_ms(NOW)
    with database.write() as connection:
        for _ in range(2):
            assert leases.take_chunk(connection, edition_id, "dead", ms, resend_unknown=True)
        connection.execute(
            update(deliveries)
            .where(deliveries.c.recipient_id.in_([1, 2, 11]))
            .values(state="sending")
        )
    clock.forward(milliseconds=leases.LEASE_MS + 1)

    with capture_logs() as lines:
        retry = Retry(resend_unknown=again)
        sending(database, edition_id, ScriptedMailer(), clock=clock, retry=retry).run()

    told = [line for line in lines if "in doubt" in line["event"]]
    assert [(line["event"], line["messages"]) for line in told] == [(event, 3)]
    assert sums(database, edition_id).unknown == (0 if again else 3)
