"""The mail transaction against a server that does what it is told, good and bad."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from time import perf_counter

import pytest

from briefing.mailers import SendGate
from briefing.mailers.transaction import SmtpConnection
from briefing.model import Message, Outcome, OutcomeKind
from tests.kit.smtp_script import DROP, SILENCE, Act, Answer, ScriptedServer

from .conftest import MakeMailer, MakeMessages

SENT, SOFT, UNKNOWN = OutcomeKind.SENT, OutcomeKind.SOFT, OutcomeKind.UNKNOWN
STEPS = ("SIZE 10000000",)
OFFERS = pytest.mark.parametrize(
    "offers", [("PIPELINING", *STEPS), STEPS], ids=["pipelined", "step by step"]
)
LONG = 5_000_000


def yes(message: Message) -> bool:
    return True


def deliver(
    line: SmtpConnection, messages: Iterable[Message], gate: SendGate = yes
) -> list[Outcome]:
    with closing(line):
        return list(line.send(messages, gate))


def kinds(outcomes: list[Outcome]) -> list[OutcomeKind]:
    return [outcome.kind for outcome in outcomes]


class Watched:
    """An iterator that knows how many messages were taken from it."""

    def __init__(self, messages: list[Message]) -> None:
        self.taken = 0
        self._messages = iter(messages)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        message = next(self._messages)
        self.taken += 1
        return message


# When all goes well


@OFFERS
def test_messages_arrive_as_they_are(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    messages = make_messages(4)
    with ScriptedServer(offers=offers) as server:
        outcomes = deliver(make_mailer(server.port).open(), messages)
        assert server.bodies == [message.data for message in messages]
    assert kinds(outcomes) == [SENT] * 4
    assert [outcome.recipient_id for outcome in outcomes] == [1, 2, 3, 4]
    assert replace(outcomes[0], stage="") == Outcome(
        1, SENT, 250, "2.0.0", "2.0.0 Ok: queued as S1"
    )


def test_the_next_envelope_rides_with_the_dot(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    # The server answers a dot only once the next DATA is there: without overlap it never is.
    waiting = Act(b"250 2.0.0 Ok\r\n", until=b"DATA\r\n")
    with ScriptedServer({"dot": [waiting, waiting, "250 2.0.0 Ok"]}) as server:
        outcomes = deliver(make_mailer(server.port, timeout=2).open(), make_messages(3))
    assert kinds(outcomes) == [SENT] * 3


def test_without_pipelining_each_command_waits_for_its_answer(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer(offers=STEPS) as server:
        deliver(make_mailer(server.port).open(), make_messages(10))
        assert server.early == []


def test_a_line_serves_one_batch_after_another(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer() as server:
        line = make_mailer(server.port).open()
        assert kinds(list(line.send(make_messages(2), yes))) == [SENT, SENT]
        assert kinds(list(line.send(make_messages(2), yes))) == [SENT, SENT]
        before = line.alive
        line.close()
        assert (before, line.alive) == (True, False)
        assert server.connections == 1


def test_replies_in_pieces_and_of_several_lines_are_put_together(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    reply = b"250-2.0.0 Ok,\r\n250-2.0.0 thanks\r\n250 2.0.0 queued as Q7\r\n"
    with ScriptedServer({"dot": Act(reply, pieces=3)}) as server:
        (outcome,) = deliver(make_mailer(server.port).open(), make_messages())
    assert outcome.text == "2.0.0 Ok, thanks queued as Q7"


def test_a_server_with_nagles_algorithm_does_not_slow_a_group_down(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    def measure(server: ScriptedServer) -> float:
        line = make_mailer(server.port).open()
        began = perf_counter()
        deliver(line, make_messages(20))
        return perf_counter() - began

    # Delayed acknowledgements cost 40 ms a message, some fifty times an unhindered one.
    with ScriptedServer() as grouped, ScriptedServer(offers=STEPS) as stepped:
        assert measure(grouped) < 10 * measure(stepped)


# The gate


@OFFERS
def test_the_gate_is_asked_before_each_dot(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer(offers=offers) as server:

        def gate(message: Message) -> bool:
            assert len(server.bodies) == message.recipient_id - 1
            return True

        assert kinds(deliver(make_mailer(server.port).open(), make_messages(3), gate)) == [SENT] * 3


@OFFERS
def test_at_the_gate_every_earlier_outcome_has_been_handed_out(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    settled: list[int] = []

    def gate(message: Message) -> bool:
        assert settled == list(range(1, message.recipient_id))
        return True

    with ScriptedServer(offers=offers) as server:
        line = make_mailer(server.port).open()
        for outcome in line.send(make_messages(4), gate):
            settled.append(outcome.recipient_id)  # noqa: PERF401  # the gate reads it meanwhile
        line.close()
    assert settled == [1, 2, 3, 4]


@OFFERS
def test_a_message_the_gate_refuses_is_discarded_by_the_server(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    messages = make_messages(4)
    with ScriptedServer(offers=offers) as server:
        line = make_mailer(server.port).open()
        outcomes = deliver(line, messages, lambda message: message.recipient_id < 2)
        server.wait_for(lambda: len(server.cut) == 1)
        assert server.bodies == [messages[0].data]
        assert server.cut == [messages[1].data]
    assert kinds(outcomes) == [SENT]


@OFFERS
def test_what_the_gate_raises_comes_through_and_nothing_is_sent(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    def gate(message: Message) -> bool:
        raise RuntimeError("disk full")

    with ScriptedServer(offers=offers) as server:
        with pytest.raises(RuntimeError, match="disk full"):
            deliver(make_mailer(server.port).open(), make_messages(), gate)
        server.wait_for(lambda: len(server.cut) == 1)
        assert server.bodies == []


def test_a_caller_that_stops_listening_sends_no_further_message(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer() as server:
        outcomes = make_mailer(server.port).open().send(make_messages(3), yes)
        assert next(outcomes).kind is SENT
        outcomes.close()  # type: ignore[attr-defined]
        server.wait_for(lambda: server.over == 1)
        assert len(server.bodies) == 1


def test_never_more_than_one_message_is_taken_ahead(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    feed = Watched(make_messages(5))
    with ScriptedServer() as server:
        line = make_mailer(server.port).open()
        for settled, _ in enumerate(line.send(feed, yes)):
            assert feed.taken <= settled + 2
        line.close()


# Refusals of one message


@OFFERS
@pytest.mark.parametrize("data", ["354 Go on", "554 5.5.1 No valid recipients"])
def test_a_refused_recipient_costs_the_others_nothing(
    offers: tuple[str, ...], data: str, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    ok = "250 2.1.5 Ok"
    answers: dict[str, list[Answer]] = {
        "rcpt": [ok, "550 5.1.1 No such user", ok],
        "data": ["354 Go on", data if offers != STEPS else "354 Go on", "354 Go on"],
    }
    messages = make_messages(4)
    with ScriptedServer(answers, offers=offers) as server:
        outcomes = deliver(make_mailer(server.port).open(), messages)
        bodies = [body for body in server.bodies if body]
        assert bodies == [messages[n].data for n in (0, 2, 3)]
        assert server.connections == 1
    assert kinds(outcomes) == [SENT, OutcomeKind.HARD, SENT, SENT]
    assert replace(outcomes[1], stage="") == Outcome(
        2, OutcomeKind.HARD, 550, "5.1.1", "5.1.1 No such user"
    )


def test_a_refused_recipient_stays_refused_though_the_server_takes_the_empty_message(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    answers = {"rcpt": "550 5.1.1 No such user", "data": "354 Go on", "dot": "250 2.0.0 Ok"}
    with ScriptedServer(answers) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(2))
        assert server.bodies == [b"", b""]
    assert kinds(outcomes) == [OutcomeKind.HARD] * 2


@OFFERS
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_a_soft_refusal_at_any_step_is_soft_and_the_line_goes_on(
    offers: tuple[str, ...], step: str, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    friendly = {"data": "354 Go on"}.get(step, "250 Ok")
    answers: dict[str, list[Answer]] = {step: [friendly, "451 4.3.0 Not now", friendly]}
    with ScriptedServer(answers, offers=offers) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(3))
    assert kinds(outcomes) == [SENT, SOFT, SENT]
    assert outcomes[1].code == 451


def test_a_refused_sender_is_a_fault_and_ends_it(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    feed = Watched(make_messages(5))
    with ScriptedServer({"mail": "550 5.7.1 Not from you"}) as server:
        (outcome,) = deliver(make_mailer(server.port).open(), feed)
    assert outcome.kind is OutcomeKind.FAULT
    assert feed.taken == 1


def test_a_fault_at_the_dot_ends_it_before_the_next_message(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    answer = "550 5.7.26 This email has been blocked because the sender is unauthenticated"
    with ScriptedServer({"dot": answer}) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(5), yes)
        assert len(server.bodies) == 1
    assert kinds(outcomes) == [OutcomeKind.FAULT, SOFT]


# What is refused before anything is written


@pytest.mark.parametrize(
    ("fields", "kind", "status"),
    [
        ({"recipient": "a@example.org\r\nRCPT TO:<b@example.org>"}, OutcomeKind.HARD, "5.1.3"),
        ({"recipient": "josé@example.org"}, OutcomeKind.CONTENT, "5.6.7"),
        ({"data": b"x" * 20_000_000 + b"\r\n"}, OutcomeKind.CONTENT, "5.3.4"),
    ],
    ids=["address", "SMTPUTF8", "size"],
)
def test_a_message_that_cannot_be_sent_is_an_outcome_in_its_turn(
    fields: dict[str, object],
    kind: OutcomeKind,
    status: str,
    make_mailer: MakeMailer,
    make_messages: MakeMessages,
) -> None:
    messages = make_messages(3)
    messages[1] = replace(messages[1], **fields)  # type: ignore[arg-type]
    with ScriptedServer() as server:
        outcomes = deliver(make_mailer(server.port).open(), messages)
        assert server.bodies == [messages[0].data, messages[2].data]
        assert len([line for line in server.commands if line.startswith("RCPT")]) == 2
    assert kinds(outcomes) == [SENT, kind, SENT]
    assert outcomes[1].status == status


def test_a_sender_that_cannot_be_written_is_a_fault(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer() as server:
        outcomes = deliver(
            make_mailer(server.port).open(), make_messages(3, sender="a b@news.example")
        )
        assert [line for line in server.commands if line.startswith("MAIL")] == []
    assert kinds(outcomes) == [OutcomeKind.FAULT]


def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer(offers=("PIPELINING", "SMTPUTF8")) as server:
        outcomes = deliver(
            make_mailer(server.port).open(), make_messages(recipient="josé@münchen.example")
        )
        assert "MAIL FROM:<bounce+1@news.example> SMTPUTF8" in server.commands
        assert "RCPT TO:<josé@xn--mnchen-3ya.example>" in server.commands
    assert kinds(outcomes) == [SENT]


# Lost connections


@OFFERS
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    "end",
    [DROP, Act(reset=True), Act(b"421 4.3.2 Going down\r\n", drop=True)],
    ids=["drop", "reset", "421"],
)
def test_a_line_lost_before_the_dot_makes_the_message_soft(
    offers: tuple[str, ...],
    step: str,
    end: Act,
    make_mailer: MakeMailer,
    make_messages: MakeMessages,
) -> None:
    friendly = {"data": "354 Go on"}.get(step, "250 Ok")
    feed = Watched(make_messages(4))
    with ScriptedServer({step: [friendly, end]}, offers=offers) as server:
        line = make_mailer(server.port).open()
        outcomes = list(line.send(feed, yes))
        assert kinds(outcomes) == [SENT, SOFT]
        assert outcomes[1].text
        assert feed.taken == 2
        # A line that has ended takes nothing more.
        assert not line.alive
        assert list(line.send(feed, yes)) == []
        assert feed.taken == 2


@pytest.mark.parametrize("end", [DROP, Act(reset=True), SILENCE], ids=["drop", "reset", "silence"])
@OFFERS
def test_a_line_lost_after_the_dot_leaves_one_message_unknown(
    offers: tuple[str, ...], end: Act, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer({"dot": ["250 2.0.0 Ok", end]}, offers=offers) as server:
        outcomes = deliver(make_mailer(server.port, timeout=0.3).open(), make_messages(5))
    taken_ahead = [SOFT] if offers != STEPS else []
    assert kinds(outcomes) == [SENT, UNKNOWN, *taken_ahead]


@OFFERS
def test_a_421_to_the_dot_is_an_answer_and_ends_the_line(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer(
        {"dot": Act(b"421 4.3.2 Going down\r\n", drop=True)}, offers=offers
    ) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(5))
    assert replace(outcomes[0], stage="") == Outcome(1, SOFT, 421, "4.3.2", "4.3.2 Going down")
    assert kinds(outcomes[1:]) == ([SOFT] if offers != STEPS else [])


@OFFERS
def test_a_server_that_hangs_up_between_messages_loses_none(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    messages = make_messages(4)
    feed = Watched(messages)
    with ScriptedServer({"dot": Act(b"250 2.0.0 Ok\r\n", drop=True)}, offers=offers) as server:
        outcomes: list[Outcome] = []
        while feed.taken < len(messages):
            outcomes += deliver(make_mailer(server.port).open(), feed)
    assert [outcome.recipient_id for outcome in outcomes] == [1, 2, 3, 4]
    assert set(kinds(outcomes)) == {SENT, SOFT}


def test_a_line_the_server_closed_while_idle_takes_no_message(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    feed = Watched(make_messages(2))
    closing = Act(b"250 2.0.0 Ok\r\n421 4.4.2 Idle too long\r\n", drop=True)
    with ScriptedServer({"dot": closing}) as server:
        line = make_mailer(server.port).open()
        assert kinds(list(line.send(make_messages(), yes))) == [SENT]
        assert list(line.send(feed, yes)) == []
        assert feed.taken == 0


@pytest.mark.parametrize("reset", [False, True], ids=["drop", "reset"])
def test_the_reason_for_hanging_up_amid_the_body_is_not_lost(
    reset: bool, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    answers = {"body": Act(b"552 5.3.4 Message too big for us\r\n", drop=True, reset=reset)}
    with ScriptedServer(answers, offers=("PIPELINING",)) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(2, size=LONG))
    assert outcomes[0].kind is OutcomeKind.CONTENT
    assert outcomes[0].text == "5.3.4 Message too big for us"


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@OFFERS
def test_a_silent_server_is_given_up(
    offers: tuple[str, ...], step: str, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer({step: SILENCE}, offers=offers) as server:
        (outcome,) = deliver(make_mailer(server.port, timeout=0.2).open(), make_messages(3))
    assert outcome.kind is SOFT
    assert "no answer within 0.2 s" in outcome.text


def test_a_server_that_stops_reading_is_given_up(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    never = threading.Event()
    with ScriptedServer({"body": Act(hold=never)}, offers=("PIPELINING",)) as server:
        (outcome,) = deliver(
            make_mailer(server.port, timeout=0.2).open(), make_messages(size=4 * LONG)
        )
        never.set()
    assert outcome.kind is SOFT


def test_a_reply_that_never_finishes_is_given_up(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer({"mail": Act(b"250 O")}, offers=STEPS) as server:
        (outcome,) = deliver(make_mailer(server.port, timeout=0.2).open(), make_messages())
    assert outcome.kind is SOFT


def test_a_reply_without_end_is_given_up(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer({"mail": Act(b"250-more\r\n" * 40_000)}) as server:
        (outcome,) = deliver(make_mailer(server.port).open(), make_messages())
    assert outcome.kind is SOFT
    assert "more than" in outcome.text


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x03\x01\x02\x00\r\n",
        b"2\r\n",
        b"999 what\r\n",
        b"250" + b"x" * 5000,
        b"\r\n",
        b"250_Ok\r\n",
    ],
)
@pytest.mark.parametrize(("step", "kind"), [("rcpt", SOFT), ("dot", UNKNOWN)])
def test_nonsense_for_an_answer_ends_the_line(
    nonsense: bytes,
    step: str,
    kind: OutcomeKind,
    make_mailer: MakeMailer,
    make_messages: MakeMessages,
) -> None:
    with ScriptedServer({step: Act(nonsense)}) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(3))
    assert outcomes[0].kind is kind
    assert outcomes[0].text.isprintable()


@pytest.mark.parametrize(
    ("step", "reply", "kind"),
    [
        ("mail", b"250 Ok\r\n250 Ok\r\n", SOFT),
        ("rcpt", b"354 Go on\r\n", SOFT),
        ("data", b"250 Ok\r\n", SOFT),
        ("data", b"354 Go on\r\n250 Ok\r\n", SOFT),
        ("dot", b"354 Go on\r\n", UNKNOWN),
    ],
)
def test_a_server_that_answers_out_of_step_is_not_believed(
    step: str,
    reply: bytes,
    kind: OutcomeKind,
    make_mailer: MakeMailer,
    make_messages: MakeMessages,
) -> None:
    with ScriptedServer({step: Act(reply)}) as server:
        outcomes = deliver(make_mailer(server.port).open(), make_messages(3))
    assert outcomes[0].kind is kind
    assert SENT not in kinds(outcomes)


def test_the_servers_words_are_kept_printable_and_short(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    reply = b"451 4.3.0 \x1b[31mred\x00 \xff\xfe " + b"long " * 500 + b"\r\n"
    with ScriptedServer({"rcpt": Act(reply)}) as server:
        (outcome,) = deliver(make_mailer(server.port).open(), make_messages())
    assert outcome.text.isprintable()
    assert len(outcome.text) <= 500


# The line's lifetime


@OFFERS
def test_a_line_changes_after_so_many_messages(
    offers: tuple[str, ...], make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    feed = Watched(make_messages(5))
    with ScriptedServer(offers=offers) as server:
        mailer = make_mailer(server.port, messages_per_connection=2)
        counts = []
        while feed.taken < 5:
            counts.append(kinds(deliver(mailer.open(), feed)))
        assert counts == [[SENT, SENT], [SENT, SENT], [SENT]]
        assert server.connections == 3
        server.wait_for(lambda: server.commands.count("QUIT") == 3)


def test_closing_says_goodbye_and_closing_again_does_nothing(make_mailer: MakeMailer) -> None:
    with ScriptedServer() as server:
        line = make_mailer(server.port).open()
        line.close()
        line.close()
        assert server.commands[-1] == "QUIT"


def test_closing_never_raises_when_the_server_is_gone(make_mailer: MakeMailer) -> None:
    with ScriptedServer() as server:
        line = make_mailer(server.port).open()
    line.close()


def test_a_line_closed_by_another_thread_wakes_up(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    outcomes: list[Outcome] = []
    with ScriptedServer({"rcpt": SILENCE}) as server:
        line = make_mailer(server.port, timeout=60).open()
        thread = threading.Thread(target=lambda: outcomes.extend(line.send(make_messages(), yes)))
        thread.start()
        server.wait_for(lambda: server.commands[-1:] == ["RCPT TO:<reader1@example.org>"])
        line.close()
        thread.join(10)
    assert kinds(outcomes) == [SOFT]
