"""What mail servers do to a delivery: each against a real one that is told how to misbehave."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from briefing.delivery import Ended, Retry, Throttle, connections
from briefing.errors import MailerFault
from briefing.mailers import MailerBusy, api
from briefing.model import DeliveryReason, Message, Recipient
from briefing.store import Database, editions, edits, ledger
from subscribers.tables import subscribers
from tests.kit.deliveries import row, sending, sums, to
from tests.kit.newsroom import NOW, Clock
from tests.kit.providers import ApiServer, Asked, Reply
from tests.kit.smtp import RecordingServer
from tests.kit.smtp_script import DROP, SILENCE, Act, Answer, ScriptedServer

GOING_DOWN = "421 4.3.2 going down"
NEXT_MINUTE = Retry(waits=[timedelta(minutes=1), timedelta(minutes=3)])


@pytest.fixture
def database(sqlite: Database) -> Database:
    """What a server does is the same for both kinds; what is written, test_sending.py tries on
    both."""
    return sqlite


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


@pytest.mark.parametrize(
    "answers",
    [
        {"mail": [GOING_DOWN, "250 Ok"]},
        {"rcpt": ["250 Ok", "250 Ok", GOING_DOWN, "250 Ok"]},
        {"data": ["354 Go on", GOING_DOWN, "354 Go on"]},
        {"dot": ["250 Ok", GOING_DOWN, "250 Ok"]},
        {"mail": [DROP, "250 Ok"]},
        {"data": [DROP, "354 Go on"]},
        {"greeting": ["220 hi", GOING_DOWN, "220 hi"], "mail": ["250 Ok", DROP, "250 Ok"]},
        {"ehlo": ["250 script.example", DROP, "250 script.example"], "rcpt": [DROP, "250 Ok"]},
    ],
)
@pytest.mark.parametrize("hold", [False, True])
def test_a_server_that_breaks_off_costs_nobody_a_message(
    database: Database, edition_id: int, answers: dict[str, list[Answer]], hold: bool
) -> None:
    with ScriptedServer(answers) as server:
        retry = Retry(resend_unknown=not hold)
        run = sending(database, edition_id, to(server.port), retry=retry)
        assert run.run() is Ended.DONE

    tally = sums(database, edition_id)
    assert (tally.sent, tally.unknown) == (35, 0)
    assert {row(database, n)[1] for n in range(1, 36)} == {1}


def test_a_line_that_was_closed_while_it_had_nothing_to_do_loses_no_reader(
    database: Database, edition_id: int
) -> None:
    with ScriptedServer({"dot": [Act(b"250 Ok\r\n", drop=True), "250 Ok"]}) as server:
        run = sending(
            database, edition_id, to(server.port), throttle=Throttle(rate=40, chunk_size=10)
        )
        assert run.run() is Ended.DONE

    assert sums(database, edition_id).sent == 35


def test_a_drop_after_the_final_dot_leaves_the_message_in_doubt(
    database: Database, edition_id: int
) -> None:
    clock = Clock()
    with ScriptedServer({"dot": ["250 Ok", DROP, "250 Ok"]}) as server:
        first = sending(database, edition_id, to(server.port), clock=clock, retry=NEXT_MINUTE)
        assert first.run() is Ended.WAITING
        assert sums(database, edition_id).sent == 34
        assert row(database, 2) == ("waiting", 1, 60_000)

        clock.forward(minutes=1)
        again = sending(database, edition_id, to(server.port), clock=clock, retry=NEXT_MINUTE)
        assert again.run() is Ended.DONE
    assert row(database, 2)[:2] == ("sent", 2)
    recipients = [command for command in server.commands if command.startswith("RCPT")]
    assert Counter(recipients)["RCPT TO:<reader2@readers.example>"] == 2


def test_where_unknown_is_held_a_drop_after_the_final_dot_ends_it(
    database: Database, edition_id: int
) -> None:
    with ScriptedServer({"dot": ["250 Ok", DROP, "250 Ok"]}) as server:
        retry = Retry(resend_unknown=False)
        assert sending(database, edition_id, to(server.port), retry=retry).run() is Ended.DONE

    assert sums(database, edition_id).unknown == 1
    assert row(database, 2)[:2] == ("unknown", 1)


def test_a_message_whose_answer_is_lost_each_time_is_not_sent_without_end(
    database: Database, edition_id: int
) -> None:
    clock = Clock()
    sent: Counter[str] = Counter()

    with ScriptedServer({"dot": [DROP]}) as server:
        while (
            sending(database, edition_id, to(server.port), clock=clock, retry=NEXT_MINUTE).run()
            is Ended.WAITING
        ):
            clock.forward(minutes=10)
        sent = Counter(c for c in server.commands if c.startswith("RCPT"))

    assert sums(database, edition_id).unknown == 35
    assert max(sent.values()) <= 5 + 3  # some were announced once more, and not sent


def test_some_readers_refused_leaves_the_others_theirs(database: Database, edition_id: int) -> None:
    refusals = {
        "reader3@readers.example": "550 5.1.1 no such user",
        "reader4@readers.example": "452 4.2.2 mailbox full",
        "reader5@readers.example": "550 5.7.1 not wanted here",
    }
    with RecordingServer(refuse=lambda address: refusals.get(address, "")) as server:
        assert sending(database, edition_id, to(server.port, 4)).run() is Ended.WAITING

    tally = sums(database, edition_id)
    assert (tally.sent, tally.refused, tally.waiting) == (32, 2, 1)
    assert tally.reasons == (
        ("refused", DeliveryReason.NO_MAILBOX, "5.1.1", False, 1),
        ("refused", DeliveryReason.POLICY, "5.7.1", False, 1),
        ("waiting", DeliveryReason.TRY_AGAIN, "4.2.2", False, 1),
    )


def test_a_message_above_the_servers_limit_is_refused_for_its_content(
    database: Database, edition_id: int
) -> None:
    def write(recipient: Recipient) -> Message:
        size = 500 if recipient.id == 5 else 10
        body = b"x" * size + b"\r\n"
        return Message(recipient.id, "a@x.example", recipient.address, f"<{recipient.id}>", body)

    with ScriptedServer(offers=["PIPELINING", "SIZE 100"]) as server:
        assert sending(database, edition_id, to(server.port), write=write).run() is Ended.DONE

    assert sums(database, edition_id).reasons == (
        ("refused", DeliveryReason.CONTENT, "5.3.4", False, 1),
    )


def test_waits_between_tries_grow_though_the_refusal_comes_before_hand_over(
    database: Database, edition_id: int
) -> None:
    clock = Clock()
    due = []
    refuse = {"reader7@readers.example": "451 4.7.1 greylisted, try again"}
    with RecordingServer(refuse=lambda address: refuse.get(address, "")) as server:
        for _ in range(3):
            run = sending(database, edition_id, to(server.port), clock=clock, retry=NEXT_MINUTE)
            assert run.run() is Ended.WAITING
            assert run.next_at is not None
            due.append(run.next_at - clock())
            clock.at = run.next_at

    assert due == [timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=3)]
    assert row(database, 7)[1] == 3


@pytest.mark.parametrize("silent", ["mail", "data", "dot"])
def test_a_silent_server_is_given_up_line_by_line(
    database: Database, edition_id: int, silent: str
) -> None:
    friendly = {"mail": "250 Ok", "data": "354 Go on", "dot": "250 Ok"}
    with ScriptedServer({silent: [SILENCE, friendly[silent]]}) as server:
        run = sending(database, edition_id, to(server.port, timeout=0.2), retry=NEXT_MINUTE)
        ended = run.run()

    # After the dot it may have arrived: that one waits for its time.
    assert ended is (Ended.WAITING if silent == "dot" else Ended.DONE)
    assert sums(database, edition_id).sent == (34 if silent == "dot" else 35)


def test_a_server_that_hangs_up_on_every_message_costs_no_reader(
    database: Database, edition_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_UNREACHABLE_AFTER", 0.4)
    monkeypatch.setattr(connections, "_REOPEN_FIRST", 0.05)
    monkeypatch.setattr(connections, "_REOPEN_LAST", 0.1)
    with (
        ScriptedServer({"mail": DROP}) as server,
        pytest.raises(MailerBusy, match="hangs up on every connection"),
    ):
        sending(database, edition_id, to(server.port, 2)).run()

    tally = sums(database, edition_id)
    assert tally.waiting == 35
    assert sum(row(database, n)[1] for n in range(1, 36)) < 5


# A domain that wants less.


def test_a_domain_that_says_too_many_rests_as_a_whole(database: Database, edition_id: int) -> None:
    clock = Clock()
    asked: Counter[str] = Counter()
    full = True

    def refuse(address: str) -> str:
        asked[domain_of(address)] += 1
        if full and domain_of(address) == "big.example":
            return "450 4.7.28 unusual rate of mail from your network"
        return ""

    _spread(database, "big.example", "small.example")
    with RecordingServer(refuse=refuse) as server:
        first = sending(database, edition_id, to(server.port), clock=clock)
        assert first.run() is Ended.WAITING
        assert first.next_at == NOW + timedelta(minutes=5)
        assert asked == {"big.example": 1, "small.example": 18}
        tally = sums(database, edition_id)
        assert (tally.sent, tally.waiting) == (18, 17)
        assert ("waiting", DeliveryReason.DOMAIN_RESTS, "", False, 16) in tally.reasons

        full = False
        clock.forward(minutes=5)
        again = sending(database, edition_id, to(server.port), clock=clock)
        assert again.run() is Ended.DONE
    assert sums(database, edition_id).sent == 35
    assert sum(row(database, n)[1] for n in range(1, 36)) == 36


def test_our_own_server_being_busy_is_no_domains_doing(database: Database, edition_id: int) -> None:
    with ScriptedServer({"mail": ["421 4.7.0 too many connections", "250 Ok"]}) as server:
        assert sending(database, edition_id, to(server.port)).run() is Ended.DONE

    assert sums(database, edition_id).sent == 35


# Faults.


def test_one_strict_domain_does_not_stop_the_edition(database: Database, edition_id: int) -> None:
    _spread(database, "strict.example", *["kind.example"] * 4)

    def refuse(address: str) -> str:
        strict = domain_of(address) == "strict.example"
        return "550 5.7.26 unauthenticated" if strict else ""

    with RecordingServer(refuse=refuse) as server:
        assert sending(database, edition_id, to(server.port)).run() is Ended.WAITING

    tally = sums(database, edition_id)
    assert (tally.sent, tally.waiting, tally.refused) == (28, 7, 0)
    assert all(row(database, n)[1] == 0 for n in range(5, 36, 5))


def test_a_fault_that_two_domains_report_pauses_the_edition(
    database: Database, edition_id: int
) -> None:
    _spread(database, "strict.example", "severe.example", *["kind.example"] * 5)

    def refuse(address: str) -> str:
        kind = domain_of(address) == "kind.example"
        return "" if kind else "550 5.7.26 unauthenticated"

    with (
        RecordingServer(refuse=refuse) as server,
        pytest.raises(MailerFault, match="unauthenticated"),
    ):
        sending(database, edition_id, to(server.port)).run()

    assert _pause_reason(database, edition_id).startswith("the mail server would refuse every")
    assert sums(database, edition_id).refused == 0


def test_a_fault_repeated_while_nothing_gets_through_pauses_the_edition(
    database: Database, edition_id: int
) -> None:
    with (
        RecordingServer(refuse=lambda _: "550 5.7.26 unauthenticated") as server,
        pytest.raises(MailerFault),
    ):
        sending(database, edition_id, to(server.port)).run()

    tally = sums(database, edition_id)
    assert (tally.waiting, tally.refused) == (35, 0)
    assert all(row(database, n)[1] == 0 for n in range(1, 36))


def test_a_sender_refused_before_any_reader_pauses_at_once(
    database: Database, edition_id: int
) -> None:
    with ScriptedServer({"mail": "550 5.1.8 bad sender"}) as server, pytest.raises(MailerFault):
        sending(database, edition_id, to(server.port)).run()

    assert len([c for c in server.commands if c.startswith("MAIL")]) == 1
    assert "`briefing resume`" in _pause_reason(database, edition_id)


def test_a_lost_login_pauses_before_anything_is_tried(database: Database, edition_id: int) -> None:
    with (
        ScriptedServer({"greeting": "554 5.7.1 your address is blocked"}) as server,
        pytest.raises(MailerFault),
    ):
        sending(database, edition_id, to(server.port)).run()

    assert "your address is blocked" in _pause_reason(database, edition_id)
    assert sums(database, edition_id).waiting == 35


def test_after_the_mend_and_a_resume_everybody_gets_theirs(
    database: Database, edition_id: int
) -> None:
    with (
        RecordingServer(refuse=lambda _: "550 5.7.26 unauthenticated") as server,
        pytest.raises(MailerFault),
    ):
        sending(database, edition_id, to(server.port, 4)).run()
    with database.write() as connection:
        ledger.resume(connection, edition_id)

    clock = Clock(NOW + timedelta(minutes=5))
    with RecordingServer() as server:
        assert sending(database, edition_id, to(server.port), clock=clock).run() is Ended.DONE

    assert sums(database, edition_id).sent == 35


def test_a_server_without_pipelining_gets_everybody_too(
    database: Database, edition_id: int
) -> None:
    with RecordingServer(pipelining=False) as server:
        throttle = Throttle(chunk_size=10)
        assert (
            sending(database, edition_id, to(server.port, 4), throttle=throttle).run() is Ended.DONE
        )

    assert len(server.accepted) == 35


def _spread(database: Database, *names: str) -> None:
    """Move the readers to these domains, in turn."""
    with database.write() as connection:
        for number in range(1, 36):
            connection.execute(
                update(subscribers)
                .where(subscribers.c.id == number)
                .values(address=f"reader{number}@{names[number % len(names)]}")
            )


def test_a_pause_is_not_kept_waiting_by_a_provider_that_wants_to_be_left_alone(
    database: Database, edition_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_SHORT", 1000.0)

    def pause(_: Asked) -> Reply:
        with database.write() as connection:
            ledger.pause(connection, edition_id, "by ana")
        return Reply(429, headers={"Retry-After": "900"})

    with ApiServer("mailgun", [pause]) as server:
        assert sending(database, edition_id, server.mailer(connections=1)).run() is Ended.PAUSED

    assert len(server.asked) == 1
    tally = sums(database, edition_id)
    assert (tally.sent, tally.unknown, tally.waiting) == (0, 0, 35)
    assert row(database, 1)[:2] == ("waiting", 0)


def _pause_reason(database: Database, edition_id: int) -> str:
    with database.read() as connection:
        edition = editions.get(connection, edition_id)
        log = edits.history(connection, edition_id)
    assert edition is not None
    assert edition.paused
    assert [(it.who, it.kind, it.note) for it in log][-1] == ("", "pause", edition.pause_reason)
    return edition.pause_reason
