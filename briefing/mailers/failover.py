"""Several mailers as one: by order and weight, and the next takes over when one fails everybody.

Of the mailers with the lowest `order` that work, the one goes next that is furthest behind its
`weight`, counted in messages, in turns of a few. A mailer is put aside for a while when it cannot
be opened, when it answers that it would refuse every message, or when its connections keep
breaking. Nothing is sent twice by that: what it refused was not sent, and goes on as untried; what
was in doubt when its connection broke stays `unknown`, and the ledger decides (`on_unknown`). A
connection that ended because its wait was ended (`Wait`) says nothing of its member, which other
editions share.

A fault that is said of a recipient is heard as `briefing.delivery` hears it: once may be one strict
server, from two domains or three times in a row it is everybody's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import structlog

from briefing.errors import MailerFault
from briefing.mailers import (
    Mailer,
    MailerBusy,
    MailerConnection,
    SendGate,
    Wait,
    WaitEnded,
    sit_out,
)
from briefing.mailers.answers import Stage
from briefing.model import Message, Outcome, OutcomeKind

__all__ = ["Member", "Several"]

log = structlog.get_logger(__name__)

# Seconds that a member is put aside: a fault needs somebody's hand, a busy one may be back soon.
_FAULT_REST, _BUSY_REST = 900.0, 30.0
# Lines of a member that broke one after the other, with nothing accepted in between.
_MOST_BROKEN = 3
_IN_A_ROW = 3
_OF_A_RECIPIENT = (Stage.RCPT, Stage.DATA, Stage.END)
# How long a connection waits for one of a member's connections to come free.
_PATIENCE = 5.0


@dataclass
class Member:
    """One of the mailers. `order` 1 goes first; `weight` is its share among those of its order,
    `turn` how many messages it gets before another one may have its turn."""

    name: str
    mailer: Mailer
    order: int = 1
    weight: float = 1.0
    turn: int = 50
    # What follows is kept by `Several`, under its lock.
    sent: int = 0
    used: int = 0
    broken: int = 0
    in_a_row: int = 0
    faulty: set[str] = field(default_factory=set)
    rests_until: float = 0.0
    fault: MailerFault | None = None


class Several:
    """The mailers of `members`, at least one. `clock` is monotonic seconds."""

    kind = "several"

    def __init__(
        self, members: Sequence[Member], clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not members:
            raise ValueError("several mailers need at least one")
        self.members = list(members)
        self.connections = max(
            sum(member.mailer.connections for member in members if member.order == order)
            for order in {member.order for member in members}
        )
        self._clock = clock
        self._freed = threading.Condition()

    def open(self, wait: Wait = sit_out) -> MailerConnection:
        """A connection through whichever mailer works. Raises `MailerFault` with what each of them
        says where none does, `MailerBusy` where one may soon, `WaitEnded` where `wait` said so."""
        connection = _Turns(self, wait)
        connection.take_turn()
        return connection

    def borrow(self, wait: Wait) -> tuple[Member, MailerConnection]:
        """The member whose turn it is, and an open connection of it. Raises as `open`."""
        while True:
            member = self._choose()
            try:
                return member, member.mailer.open(wait)
            except MailerFault as fault:
                self.give_back(member)
                if isinstance(fault, WaitEnded):
                    raise
                self.put_aside(member, fault)
            except BaseException:
                self.give_back(member)
                raise

    def give_back(self, member: Member) -> None:
        with self._freed:
            member.used -= 1
            self._freed.notify_all()

    def put_aside(self, member: Member, fault: MailerFault) -> None:
        """Leave a member out for a while."""
        rest = _BUSY_REST if isinstance(fault, MailerBusy) else _FAULT_REST
        with self._freed:
            was = member.rests_until > self._clock()
            member.rests_until = self._clock() + rest
            member.fault = fault
            member.broken = member.in_a_row = 0
            member.faulty.clear()
            self._freed.notify_all()
        if not was:
            log.warning("a mailer is put aside", mailer=member.name, error=fault.message)

    def hear(self, member: Member, message: Message, outcome: Outcome) -> bool:
        """Take an answer in; True when it means that this member would refuse every message."""
        if outcome.kind is OutcomeKind.SENT:
            with self._freed:
                member.sent += 1
                member.broken = member.in_a_row = 0
            return False
        if outcome.kind is not OutcomeKind.FAULT:
            return False
        if outcome.stage not in _OF_A_RECIPIENT:
            return True
        with self._freed:
            member.in_a_row += 1
            member.faulty.add(message.recipient.rpartition("@")[2].lower())
            return len(member.faulty) > 1 or member.in_a_row >= _IN_A_ROW

    def see_broken(self, member: Member) -> None:
        """A connection of a member broke; too many of them, and it is put aside."""
        with self._freed:
            member.broken += 1
            many = member.broken >= _MOST_BROKEN
        if many:
            self.put_aside(
                member,
                MailerBusy(
                    f"{member.name}: its connections break before a message is accepted",
                    hint="see its log",
                ),
            )

    def is_last(self, member: Member) -> bool:
        """Whether all other members are aside for a fault: then there is nobody to take over."""
        with self._freed:
            return all(
                other is member or (self._rests(other) and not isinstance(other.fault, MailerBusy))
                for other in self.members
            )

    def has_better(self, member: Member) -> bool:
        """Whether another one should have this connection's next turn."""
        with self._freed:
            rivals = [m for m in self._free(besides=member) if m is not member]
            mine = (self._rests(member), member.order, _progress(member, member.used - 1))
            return any((False, m.order, _progress(m, m.used)) < mine for m in rivals)

    def _choose(self) -> Member:
        """The member whose turn it is, one of its connections reserved."""
        until = self._clock() + _PATIENCE
        with self._freed:
            while True:
                if all(self._rests(member) for member in self.members):
                    raise self._nobody()
                if free := self._free():
                    chosen = min(free, key=lambda m: _progress(m, m.used))
                    chosen.used += 1
                    return chosen
                left = until - self._clock()
                if left <= 0 or not self._freed.wait(left):
                    raise MailerBusy(
                        "every connection of the mailers is in use", hint="nothing: it goes on"
                    )

    def _free(self, besides: Member | None = None) -> list[Member]:
        """Of the lowest order that works, those with a connection to spare; `besides` counts as
        working and as having one."""
        working = [m for m in self.members if m is besides or not self._rests(m)]
        first = min(member.order for member in working)
        return [
            m
            for m in working
            if m.order == first and (m is besides or m.used < m.mailer.connections)
        ]

    def _rests(self, member: Member) -> bool:
        return member.rests_until > self._clock()

    def _nobody(self) -> MailerFault:
        faults = [(member.name, member.fault) for member in self.members if member.fault]
        words = "; ".join(f"{name}: {fault.message}" for name, fault in faults)
        mends = "; ".join(f"{name}: {fault.hint}" for name, fault in faults)
        soon = any(isinstance(fault, MailerBusy) for _, fault in faults)
        kind = MailerBusy if soon else MailerFault
        return kind(f"no mailer can send ({words})", hint=mends)


class _Turns:
    """A connection that goes through one member's connection after another, a turn each."""

    def __init__(self, several: Several, wait: Wait) -> None:
        self._several = several
        self._wait = _Wait(wait)
        self._member: Member | None = None
        self._inner: MailerConnection | None = None
        self.alive = True

    @property
    def patience(self) -> float:
        return self._inner.patience if self._inner else 0.0

    def take_turn(self) -> None:
        """Be at the connection of the member whose turn it is. Raises as `Several.open`."""
        if self._inner is not None and self._member is not None:
            if self._inner.alive and not self._several.has_better(self._member):
                return
            self._leave()
        self._member, self._inner = self._several.borrow(self._wait)

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        """See `briefing.mailers.MailerConnection.send`."""
        feed = iter(messages)
        going = _Gate(gate)
        while self.alive:
            try:
                self.take_turn()
            except MailerFault:
                # Told again by `Several.open`, where the caller knows how to wait.
                self.close()
                return
            turn = self._member.turn if self._member else 0
            taken: dict[int, Message] = {}
            yield from self._turn(_note(islice(feed, turn), taken), taken, going)
            if len(taken) < turn or not going.on:
                return

    def close(self) -> None:
        """See `briefing.mailers.MailerConnection.close`."""
        self.alive = False
        self._leave()

    def _turn(
        self, messages: Iterator[Message], taken: dict[int, Message], gate: SendGate
    ) -> Iterator[Outcome]:
        member, inner = self._member, self._inner
        assert member is not None  # noqa: S101 - `take_turn` has come back
        assert inner is not None  # noqa: S101
        broke = False
        for outcome in inner.send(messages, gate):
            message = taken[outcome.recipient_id]
            self.alive = self.alive and inner.alive
            broke = broke or _is_broken(outcome)
            if self._several.hear(member, message, outcome) and not self._several.is_last(member):
                self._several.put_aside(member, _as_fault(member, outcome))
                self.alive = False
                # It was refused, so it was not sent: another member may take it.
                yield Outcome(outcome.recipient_id, OutcomeKind.SOFT, text=outcome.text)
            else:
                yield outcome
        if broke and not inner.alive and not self._wait.ended:
            self._several.see_broken(member)
        if not (self.alive and inner.alive):
            self._leave()

    def _leave(self) -> None:
        inner, member = self._inner, self._member
        self._inner = self._member = None
        if inner is not None and member is not None:
            inner.close()
            self._several.give_back(member)


class _Wait:
    """Waits as the caller does, and remembers that it was ended."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait
        self.ended = False

    def __call__(self, seconds: float, /) -> bool:
        self.ended = self._wait(seconds) or self.ended
        return self.ended


class _Gate:
    """Asks the caller's, and remembers a no."""

    def __init__(self, gate: SendGate) -> None:
        self._gate = gate
        self.on = True

    def __call__(self, message: Message) -> bool:
        self.on = self._gate(message)
        return self.on


def _note(messages: Iterable[Message], taken: dict[int, Message]) -> Iterator[Message]:
    for message in messages:
        taken[message.recipient_id] = message
        yield message


def _progress(member: Member, connections: int) -> float:
    """How far a member is, in messages by weight, with what its connections are about to send."""
    return (member.sent + member.turn * connections) / member.weight


def _is_broken(outcome: Outcome) -> bool:
    if outcome.kind is OutcomeKind.SOFT:
        return outcome.code in (0, 421)
    return outcome.kind is OutcomeKind.UNKNOWN


def _as_fault(member: Member, outcome: Outcome) -> MailerFault:
    return MailerFault(
        f"it would refuse every message: {outcome.text}",
        hint=f"mend the mailer “{member.name}”",
    )
