"""Writes answers and intents durably, many connections' in one transaction.

Promise 3 allows one message per connection to be in doubt after a kill. So before a connection
sends the byte that makes the server responsible for a message, the answer to the connection's last
message and the intent to send this one must be in the database. One transaction per message would
cost more than the message; the connections share: whoever comes first writes for all who are
waiting by then.

Whoever comes first also waits a little for the others (`GATHER`), when there are others. It sleeps
meanwhile, which leaves the interpreter to connections that still have a body to send: with 8
connections and SQLite the groups grow from 3 to 5 messages, and a message costs 190 µs of CPU in
place of 215 (`tests/bench/bench_delivery.py`); much longer costs speed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

GATHER = 0.0002
"""Seconds."""

Intent = TypeVar("Intent")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Ticket(Generic[Intent]):
    intent: Intent
    written: bool = False
    granted: bool = False


class GroupCommit(Generic[Answer, Intent]):
    """`write(answers, intents)` runs one transaction and answers, per intent, whether it stands.

    It is never run by two threads at once. When it raises, every connection in the batch is refused
    and the error reaches the thread that ran it; the answers are kept for the next write.
    `connections` is how many share it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Answer], Sequence[Intent]], Sequence[bool]],
        *,
        connections: int = 1,
    ) -> None:
        self._write = write
        self._connections = connections
        self._queue = threading.Lock()
        self._turn = threading.Lock()
        self._answers: list[Answer] = []
        self._tickets: list[_Ticket[Intent]] = []

    def answer(self, answer: Answer) -> None:
        """Keep an answer for the next write; returns at once."""
        with self._queue:
            self._answers.append(answer)

    def intend(self, intent: Intent) -> bool:
        """Write everything known and this intent; True when it may be acted on."""
        ticket = _Ticket(intent)
        with self._queue:
            self._tickets.append(ticket)
        with self._turn:
            if not ticket.written:
                # There are others who may come: a write for more of them is worth the wait. A
                # sleep, no condition: it leaves the interpreter to who has a body to send.
                if len(self._tickets) < self._connections:
                    time.sleep(GATHER)
                self._flush()
        return ticket.granted

    def flush(self) -> None:
        """Write the answers that wait for a next intent."""
        with self._turn:
            self._flush()

    @property
    def waiting(self) -> int:
        """How many connections wait for the next write."""
        return len(self._tickets)

    def _flush(self) -> None:
        with self._queue:
            answers, self._answers = self._answers, []
            tickets, self._tickets = self._tickets, []
        if not (answers or tickets):
            return
        for ticket in tickets:
            ticket.written = True
        try:
            verdicts = self._write(answers, [ticket.intent for ticket in tickets])
        except BaseException:
            with self._queue:
                self._answers = answers + self._answers
            raise
        for ticket, granted in zip(tickets, verdicts, strict=True):
            ticket.granted = granted
