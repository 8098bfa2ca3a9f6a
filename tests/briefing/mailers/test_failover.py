"""Several mailers as one: order, weight, and who takes over when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from briefing.errors import MailerFault
from briefing.mailers import MailerBusy, SendGate, Wait, WaitEnded, sit_out
from briefing.mailers.failover import Member, Several
from briefing.mailers.smtp import Smtp
from briefing.model import Message, Outcome, OutcomeKind
from tests.kit.newsroom import Clock
from tests.kit.providers import ApiServer, Ledger, Reply
from tests.kit.smtp import RecordingServer
from tests.kit.smtp_script import ScriptedServer

MakeMessages = Callable[..., list[Message]]
MakeMails = Callable[..., list[Message]]
Judge = Callable[[Message], Outcome | None]


@dataclass
class Plain:
    """A mailer in memory; `judge` decides, and None sends. `fault` keeps it from opening."""

    judge: Judge | None = None
    connections: int = 4
    fault: MailerFault | None = None
    kind: str = "plain"
    opened: int = 0
    seen: list[int] = field(default_factory=list)

    def open(self, wait: Wait = sit_out) -> PlainLine:
        if self.fault is not None:
            raise self.fault
        self.opened += 1
        return PlainLine(self)


class PlainLine:
    patience = 0.0

    def __init__(self, mailer: Plain) -> None:
        self._mailer = mailer
        self.alive = True

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        for message in messages:
            if not gate(message):
                return
            outcome = self._mailer.judge(message) if self._mailer.judge else None
            if outcome is None:
                self._mailer.seen.append(message.recipient_id)
                outcome = Outcome(message.recipient_id, OutcomeKind.SENT, 250)
            elif outcome.kind in (OutcomeKind.FAULT, OutcomeKind.UNKNOWN):
                self.alive = False
            yield outcome
            if not self.alive:
                return

    def close(self) -> None:
        self.alive = False


def refusing(stage: str = "", kind: OutcomeKind = OutcomeKind.FAULT) -> Judge:
    return lambda message: Outcome(message.recipient_id, kind, 535, text="no", stage=stage)


def send_all(several: Several, messages: list[Message], limit: int = 50) -> list[Outcome]:
    """As delivery does: what was not handed over goes to another line."""
    waiting, final = list(messages), []
    for _ in range(limit):
        if not waiting:
            break
        line = several.open()
        by_id = {message.recipient_id: message for message in waiting}
        for outcome in line.send(iter(waiting), Ledger()):
            if outcome.kind is OutcomeKind.SOFT and outcome.code == 0:
                continue
            del by_id[outcome.recipient_id]
            final.append(outcome)
        waiting = list(by_id.values())
        line.close()
    return final


def kinds(outcomes: list[Outcome]) -> set[str]:
    return {outcome.kind.value for outcome in outcomes}


def test_the_lowest_order_sends_alone(make_messages: MakeMessages) -> None:
    first, second = Plain(), Plain()
    several = Several([Member("b", second, order=2), Member("a", first, order=1)])
    assert kinds(send_all(several, make_messages(200))) == {"sent"}
    assert len(first.seen) == 200
    assert second.opened == 0


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 1.0), (9.0, 1.0)])
def test_those_of_one_order_share_by_weight(
    weights: tuple[float, float], make_messages: MakeMessages
) -> None:
    one, other = Plain(), Plain()
    several = Several(
        [Member("a", one, 1, weights[0], turn=10), Member("b", other, 1, weights[1], turn=10)]
    )
    send_all(several, make_messages(1000))
    share = weights[0] / sum(weights) * 1000
    assert len(one.seen) + len(other.seen) == 1000
    assert abs(len(one.seen) - share) <= 20


def test_several_lines_share_by_weight_as_well(make_messages: MakeMessages) -> None:
    one, other = Plain(connections=8), Plain(connections=8)
    several = Several([Member("a", one, 1, 3.0, 10), Member("b", other, 1, 1.0, 10)])
    lines = [several.open() for _ in range(8)]
    messages = make_messages(1600)
    for number in range(160):
        batch = messages[number * 10 : number * 10 + 10]
        list(lines[number % 8].send(iter(batch), Ledger()))
    assert abs(len(one.seen) - 1200) <= 80


@pytest.mark.parametrize("fault", [MailerFault("login refused", hint="x"), MailerBusy("no answer")])
def test_the_next_takes_over_where_one_cannot_be_opened(
    fault: MailerFault, make_messages: MakeMessages
) -> None:
    broken, good = Plain(fault=fault), Plain()
    several = Several([Member("a", broken, 1), Member("b", good, 2)])
    assert kinds(send_all(several, make_messages(20))) == {"sent"}
    assert good.seen == list(range(1, 21))


def test_the_next_takes_over_where_one_would_refuse_every_message(
    make_messages: MakeMessages,
) -> None:
    broken, good = Plain(refusing()), Plain()
    several = Several([Member("a", broken, 1), Member("b", good, 2)])
    outcomes = send_all(several, make_messages(20))
    assert kinds(outcomes) == {"sent"}
    assert sorted(good.seen) == list(range(1, 21))


def test_the_last_one_s_fault_is_told(make_messages: MakeMessages) -> None:
    several = Several([Member("a", Plain(refusing()), 1), Member("b", Plain(refusing()), 2)])
    outcomes = send_all(several, make_messages(3), limit=2)
    assert kinds(outcomes) == {"fault"}


def test_a_strict_server_is_no_reason_to_change(make_messages: MakeMessages) -> None:
    """A fault that was said of one recipient goes to delivery, which knows what to do."""

    def judge(message: Message) -> Outcome | None:
        return refusing("RCPT TO")(message) if message.recipient_id == 3 else None

    first, second = Plain(judge), Plain()
    several = Several([Member("a", first, 1), Member("b", second, 2)])
    outcomes = send_all(several, make_messages(9))
    assert [o.recipient_id for o in outcomes if o.kind is OutcomeKind.FAULT] == [3]
    assert second.seen == []


def test_the_same_fault_said_of_two_domains_is_everybodys(make_messages: MakeMessages) -> None:
    first, second = Plain(refusing("RCPT TO")), Plain()
    several = Several([Member("a", first, 1), Member("b", second, 2)])
    messages = make_messages(2, recipient="x@one.example")
    messages += make_messages(9, recipient="x@two.example")[2:]
    outcomes = send_all(several, messages)
    assert [o.kind.value for o in outcomes].count("fault") <= 2
    assert set(second.seen) >= set(range(4, 10))


def test_what_was_in_doubt_is_given_to_nobody_else(make_messages: MakeMessages) -> None:
    first = Plain(refusing(kind=OutcomeKind.UNKNOWN))
    second = Plain()
    several = Several([Member("a", first, 1), Member("b", second, 2)])
    outcomes = send_all(several, make_messages(10))
    unknown = {o.recipient_id for o in outcomes if o.kind is OutcomeKind.UNKNOWN}
    assert len(unknown) == 3, "after three broken lines it is put aside"
    assert unknown.isdisjoint(second.seen)
    assert unknown | set(second.seen) == set(range(1, 11))


def test_one_that_was_put_aside_comes_back(make_messages: MakeMessages) -> None:
    clock = Clock()
    first, second = Plain(fault=MailerBusy("not now")), Plain()
    several = Several([Member("a", first, 1), Member("b", second, 2)], lambda: clock().timestamp())
    line = several.open()
    list(line.send(iter(make_messages(5)), Ledger()))
    first.fault = None
    clock.forward(seconds=31)
    list(line.send(iter(make_messages(5)), Ledger()))
    assert len(second.seen) == 5
    assert len(first.seen) == 5


def test_a_mailer_that_was_not_waited_for_is_not_put_aside() -> None:
    """An edition that is paused meanwhile takes no mailer from the others."""
    second = Plain()
    with ApiServer("resend") as server:
        first = server.mailer()
        several = Several([Member("a", first, 1), Member("b", second, 2)])
        first.rest(0.3)
        with pytest.raises(WaitEnded):
            several.open(lambda _: True)
        assert several.members[0].used == 0
        several.open().close()
    assert second.opened == 0


def test_lines_whose_wait_was_ended_do_not_count_as_broken(make_mails: MakeMails) -> None:
    over = threading.Event()

    def busy(*_: object) -> Reply:
        over.set()
        return Reply(429, headers={"Retry-After": "0.1"})

    second = Plain()
    with ApiServer("resend", [busy]) as server:
        several = Several([Member("a", server.mailer(), 1), Member("b", second, 2)])
        for _ in range(3):
            line = several.open(over.wait)
            outcomes = list(line.send(iter(make_mails(1)), Ledger()))
            assert [(o.kind, o.code) for o in outcomes] == [(OutcomeKind.SOFT, 0)]
            line.close()
            over.clear()
        several.open().close()
    assert second.opened == 0


def test_where_none_works_each_ones_words_are_told() -> None:
    several = Several(
        [
            Member("relay", Plain(fault=MailerFault("login refused", hint="check it")), 1),
            Member("api", Plain(fault=MailerFault("key refused", hint="renew it")), 2),
        ]
    )
    with pytest.raises(MailerFault, match=r"relay: login refused; api: key refused") as caught:
        several.open()
    assert not isinstance(caught.value, MailerBusy)
    assert "relay: check it; api: renew it" in caught.value.hint


def test_where_one_may_come_back_it_is_only_busy() -> None:
    several = Several(
        [
            Member("relay", Plain(fault=MailerFault("login refused")), 1),
            Member("api", Plain(fault=MailerBusy("not now")), 2),
        ]
    )
    with pytest.raises(MailerBusy):
        several.open()


def test_no_more_lines_than_a_mailer_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("briefing.mailers.failover._PATIENCE", 0.05)
    several = Several([Member("a", Plain(connections=2), 1)])
    assert several.connections == 2
    lines = [several.open(), several.open()]
    with pytest.raises(MailerBusy, match="in use"):
        several.open()
    lines[0].close()
    several.open()


def test_a_gate_that_says_no_ends_it(make_messages: MakeMessages) -> None:
    mailer = Plain()
    line = Several([Member("a", mailer, 1, turn=3)]).open()
    outcomes = list(line.send(iter(make_messages(9)), Ledger(after=4)))
    assert len(outcomes) == 4
    assert mailer.seen == [1, 2, 3, 4]


def test_a_real_server_that_refuses_the_login_is_followed_by_a_provider(
    make_mails: MakeMails,
) -> None:
    with (
        ScriptedServer({"mail": "530 5.7.0 Authentication required"}) as smtp,
        ApiServer("postmark") as api,
    ):
        relay = Smtp("127.0.0.1", smtp.port, security="none", timeout=5, helo="tests.example")
        several = Several(
            [Member("relay", relay, 1), Member("api", api.mailer(batch=10), 2, turn=50)]
        )
        outcomes = send_all(several, make_mails(12))
    assert kinds(outcomes) == {"sent"}
    assert len(api.accepted) == 12


def test_a_provider_without_quota_is_followed_by_a_real_server(make_mails: MakeMails) -> None:
    spent = Reply(429, {"name": "daily_quota_exceeded", "message": "no more today"})
    with RecordingServer() as smtp, ApiServer("resend", [spent]) as api:
        relay = Smtp("127.0.0.1", smtp.port, security="none", timeout=5, helo="tests.example")
        several = Several([Member("api", api.mailer(batch=5), 1), Member("relay", relay, 2)])
        outcomes = send_all(several, make_mails(12))
        assert len({message.recipient for message in smtp.accepted}) == 12
        assert len(smtp.accepted) == 12
    assert kinds(outcomes) == {"sent"}
    assert api.accepted == []
