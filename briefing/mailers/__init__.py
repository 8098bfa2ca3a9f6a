"""Ways out: every mailer takes `Message`s and answers each with an `Outcome`.

A mailer opens connections; each is used by one thread and sends one message after the other. At
most one message per connection is in doubt at any moment (promise 3), which is why a connection
asks its `gate` before the byte that makes the server responsible for a message. Where an operator
lets an API send in batches, it is one request per connection.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from briefing.errors import MailerFault
from briefing.model import Message, Outcome

__all__ = ["Mailer", "MailerBusy", "MailerConnection", "SendGate", "Wait", "WaitEnded", "sit_out"]


class MailerBusy(MailerFault):
    """The mailer cannot send now, but may soon: refused connection, silence, a 4xx welcome."""


class WaitEnded(MailerBusy):
    """Whoever wanted a connection ended the wait for it (`Wait`). It says nothing of the mailer,
    which may be open to others."""


class SendGate(Protocol):
    """Asked before a message becomes the server's: records, durably, that it is about to."""

    def __call__(self, message: Message) -> bool:
        """True to go on; False when the message may not be sent any more (paused, fenced)."""


class Wait(Protocol):
    """How a connection waits where a provider asks it to."""

    def __call__(self, seconds: float, /) -> bool:
        """Wait so long; True as soon as whoever opened the connection wants it to end."""


def sit_out(seconds: float, /) -> bool:
    """The `Wait` of whoever has a few messages only, and nothing to end them for."""
    time.sleep(seconds)  # the provider named the span, and nobody is there to cut it short
    return False


class MailerConnection(Protocol):
    """One open connection of a mailer, owned by one thread."""

    @property
    def alive(self) -> bool:
        """Whether `send` may be called again; False after a drop or the last message it allows."""

    @property
    def patience(self) -> float:
        """How many seconds `messages` should wait for a further message before it ends: 0 for a
        connection that sends one by one, a little for one that gathers batches."""

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        """Send in order and yield one outcome per message, in the same order, faults last.

        A connection may take the next message from `messages` before it yields the previous outcome
        (SMTP pipelining), never more than one ahead, or as many as go in one request (an API's
        batch); so `messages` ends rather than wait long, and the caller sends again later. A
        message the gate refused yields nothing, and neither do those after it: the iterator ends
        there. When the connection drops, the message in doubt is `unknown`, one not yet handed over
        is `soft`, and the iterator ends; the caller opens another connection for the rest. A
        connection that has ended takes nothing from `messages`.

        An answer that would hit every message (login lost, sender blocked) is a `fault`, after
        which the iterator ends. Raises `MailerFault` where no message can be named for it.
        """

    def close(self) -> None:
        """Say goodbye if the connection still stands; never raises."""


class Mailer(Protocol):
    """A configured way out."""

    kind: str
    connections: int

    def open(self, wait: Wait = sit_out) -> MailerConnection:
        """Connect, negotiate TLS, log in.

        `wait` is how the connection waits where a provider wants to be left alone with a message in
        hand: whoever may be paused gives one that ends at once then. Raises `MailerFault` naming
        host, cause and mend, `MailerBusy` (one of them) for what may pass by itself, and
        `WaitEnded` (one of those) where `wait` said so.
        """
