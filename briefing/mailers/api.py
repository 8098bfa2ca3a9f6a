"""Mail by a provider's API: the mailer and connection that all providers share; each fills the
blanks of `briefing.mailers.provider`.

::

    connection                                            provider
      │ take up to `batch` messages, gate each ───▶ │   (the ledger: about to be sent)
      │ POST, one request ────────────────────────▶ │   now they may be the provider's
      │ ◀────────────────────────── one answer      │
      │ yield an outcome for each                   │

One request a connection is in doubt at a time. How many messages that is says `batch`, which is 1
unless the operator wants it otherwise: see `docs/decisions/0007-batches.md`.

What an answer means, by whom it blames:

* not taken, come back later (429, 503 with `Retry-After`): a short wait, then the same request; a
  long one, or a pause meanwhile, ends the connection, the messages are untried, and `Api.open` says
  `MailerBusy` until then;
* no answer, half of one, or 5xx: the provider may have the messages. With a provider that knows a
  repeated request for one the connection repeats it; else they are `unknown`. So they are where the
  repeat is refused, turned away or not made: that says nothing of the first, and in another batch
  the provider would not know them again;
* a refusal of the whole request is of none of its messages: it is cut in two until the culprit
  stands alone;
* key, account, sender or quota: a fault. The edition pauses or another mailer takes over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from briefing.errors import MailerFault
from briefing.mailers import MailerBusy, SendGate, Wait, WaitEnded, sit_out
from briefing.mailers.answers import Stage
from briefing.mailers.envelope import wire_address
from briefing.mailers.http import Connection, HttpResponse, Lost
from briefing.mailers.letter import Letter
from briefing.mailers.provider import Provider
from briefing.model import Message, Outcome, OutcomeKind

__all__ = ["Api", "ApiConnection"]

# A wait up to so many seconds is sat out with the request in hand.
_SHORT = 2.0
# Between requests that are repeated.
_PAUSES = (0.5, 1.0, 1.5)
_LONGEST_REST = 60.0
# A connection that sends in batches waits so many seconds for each further message.
_GATHERING = 0.2


class Api:
    """A provider as a mailer. `connections` requests go at once, each with up to `batch`
    messages."""

    def __init__(
        self,
        provider: Provider,
        *,
        connections: int = 4,
        batch: int = 1,
        timeout: float = 30.0,
        ca_file: Path | None = None,
    ) -> None:
        self.kind = provider.kind
        self.connections = connections
        self.provider = provider
        self.batch = min(batch, provider.cap)
        self._timeout = timeout
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._losses = 0
        self._known = False

    def __repr__(self) -> str:
        return f"Api({self.kind!r}, {self.provider.url!r})"

    def open(self, wait: Wait = sit_out) -> ApiConnection:
        """A connection; the first one, and each after trouble, asks whether the key is right.

        Raises `MailerFault` where it is not, `MailerBusy` while the provider wants to be left alone
        or cannot be reached, `WaitEnded` where `wait` said so.
        """
        rest = self.wait
        if rest <= _SHORT and wait(rest):
            raise WaitEnded(f"{self.provider.title} was not waited for", hint="nothing")
        if rest > _SHORT:
            raise MailerBusy(
                f"{self.provider.title} takes no more for {rest:.0f} seconds",
                hint="`briefing deliver` goes on by itself; a higher plan, fewer connections or "
                "`rate` in [delivery] keep it from happening",
            )
        connection = Connection(self.provider.url, self._timeout, self._ca_file)
        try:
            if not self._known:
                self._look(connection)
                self._known = True
        except BaseException:
            connection.close()
            raise
        return ApiConnection(self, connection, wait)

    def check(self) -> str:
        """Ask whether the key is right; what the provider says of it, for people. Raises as `open`
        does."""
        connection = Connection(self.provider.url, self._timeout, self._ca_file)
        try:
            return self._look(connection)
        finally:
            connection.close()

    def _look(self, connection: Connection) -> str:
        try:
            answer = connection.call(self.provider.ping())
        except Lost as lost:
            if lost.fault is not None:
                raise lost.fault from lost
            raise MailerBusy(
                lost.reason, hint="check api_url in [mailer], and that this machine's network works"
            ) from lost
        if self.provider.is_busy(answer) or answer.status >= 500:
            self.rest(answer.wait or 1.0)
            raise MailerBusy(f"{self.provider.title}: {answer.words}", hint="try again later")
        if answer.status in range(300, 400):
            raise MailerFault(
                f"{self.provider.url}: it answers with a redirect", hint="correct api_url"
            )
        return self.provider.check_ping(answer)

    @property
    def wait(self) -> float:
        """How many seconds no request should be made."""
        return max(0.0, self._rests_until - time.monotonic())

    def rest(self, seconds: float) -> None:
        """No connection asks again for so long."""
        with self._lock:
            self._rests_until = max(self._rests_until, time.monotonic() + seconds)

    def lose(self) -> None:
        """A request was lost: wait longer after each, and look at the key before going on."""
        with self._lock:
            self._known = False
            self._losses += 1
            rest = min(2.0 ** (self._losses - 2), _LONGEST_REST)
        if self._losses > 1:
            self.rest(rest)

    def win(self) -> None:
        """A request was answered."""
        if self._losses:
            with self._lock:
                self._losses = 0


class ApiConnection:
    """One connection; see the drawing above."""

    def __init__(self, mailer: Api, connection: Connection, wait: Wait) -> None:
        self._mailer = mailer
        self._wait = wait
        self._provider = mailer.provider
        self._connection = connection
        self.patience = _GATHERING if mailer.batch > 1 else 0.0
        self.alive = True

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        """See `briefing.mailers.MailerConnection.send`; up to `batch` messages are taken before the
        first outcome, and each is gated."""
        feed = iter(messages)
        while self._ready():
            taken = list(islice(feed, self._mailer.batch))
            if not taken:
                return
            letters, goes_on = [], True
            for message in taken:
                letter = Letter(message)
                refusal = _refuse(self._provider, letter)
                if refusal is not None:
                    yield refusal
                elif gate(message):
                    letters.append(letter)
                else:
                    goes_on = False
                    break
            if letters:
                yield from _faults_last(self._deliver(letters), self)
            if not goes_on:
                return

    def close(self) -> None:
        """See `briefing.mailers.MailerConnection.close`."""
        self.alive = False
        self._connection.close()

    def _ready(self) -> bool:
        """Sit out a short wait of the provider's; a long one ends the connection."""
        if self.alive:
            rest = self._mailer.wait
            if rest > _SHORT or self._wait(rest):
                self.close()
        return self.alive

    def _deliver(self, letters: list[Letter]) -> Iterator[Outcome]:
        pending = [
            portion
            for group in self._provider.group(letters)
            for portion in _portions(group, self._provider.full)
        ]
        while pending:
            group = pending.pop(0)
            if not self.alive:
                yield from self._end(group, OutcomeKind.SOFT, "not sent: the connection ended")
                continue
            answer = self._exchange(group)
            if isinstance(answer, list):
                yield from answer
                continue
            blame = self._provider.classify_error(answer)
            if len(group) > 1 and _blames_one(blame):
                half = len(group) // 2
                pending[:0] = [group[:half], group[half:]]
                continue
            for letter in group:
                yield replace(blame, recipient_id=_id(letter))

    def _exchange(self, letters: list[Letter]) -> list[Outcome] | HttpResponse:
        """One request and what it led to, after repeats where they do no harm: outcomes, or the
        answer that refused the whole, where there is no doubt that it was not taken."""
        try:
            call = self._provider.build_request(letters)
        except ValueError as error:
            return [replace(_CANNOT, recipient_id=_id(it), text=str(error)) for it in letters]
        # Why the provider may have the messages; once there is a doubt it stays.
        doubt, hurried = "", False
        for pause in (*_PAUSES, None):
            try:
                answer = self._connection.call(call)
            except Lost as lost:
                if not lost.sent:
                    self._mailer.lose()
                    return self._leave(letters, doubt, lost.reason)
                doubt = lost.reason
            else:
                if self._provider.is_busy(answer):
                    rest = 1.0 if answer.wait is None else answer.wait
                    self._mailer.rest(rest)
                    if pause is None or rest > _SHORT or self._wait(rest):
                        return self._leave(letters, doubt, answer.words)
                    continue
                if not self._provider.is_unclear(answer):
                    return self._settle(letters, answer, doubt)
                doubt = answer.words
            if pause is None or hurried or not self._provider.repeatable:
                break
            # Whoever wants the connection to end is better served by an answer than by a doubt: it
            # is asked for once more, at once.
            hurried = self._wait(pause)
        self._mailer.lose()
        return self._end(letters, OutcomeKind.UNKNOWN, doubt)

    def _leave(self, letters: list[Letter], doubt: str, reason: str) -> list[Outcome]:
        """The last request did not reach the provider, or was turned away: nothing was sent, unless
        an earlier one left a doubt."""
        if doubt:
            return self._end(letters, OutcomeKind.UNKNOWN, f"{doubt}; then {reason}")
        return self._end(letters, OutcomeKind.SOFT, reason)

    def _settle(
        self, letters: list[Letter], answer: HttpResponse, doubt: str
    ) -> list[Outcome] | HttpResponse:
        self._mailer.win()
        if answer.used_up and answer.wait is not None and answer.wait <= _LONGEST_REST:
            self._mailer.rest(answer.wait)
        if not answer.accepted:
            if doubt and self._provider.classify_error(answer).kind is not OutcomeKind.SENT:
                return self._leave(letters, doubt, answer.words)
            return answer
        outcomes = self._provider.parse_response(answer, letters)
        if len(outcomes) == len(letters):
            return outcomes
        return self._end(letters, OutcomeKind.UNKNOWN, f"half an answer: {answer.words}")

    def _end(self, letters: Sequence[Letter], kind: OutcomeKind, reason: str) -> list[Outcome]:
        """All the same, and no further request on this connection."""
        self.close()
        return [Outcome(_id(letter), kind, text=reason) for letter in letters]


def _faults_last(outcomes: Iterator[Outcome], connection: ApiConnection) -> Iterator[Outcome]:
    """A fault stops whoever hears it, so all other outcomes come before; and one is enough: what
    else it would hit is untried."""
    faults = []
    for outcome in outcomes:
        if outcome.kind is OutcomeKind.FAULT:
            faults.append(outcome)
            # For everybody: no further request of this batch.
            if not outcome.stage:
                connection.close()
        else:
            yield outcome
    if faults:
        connection.close()
        for outcome in faults[:-1]:
            yield Outcome(
                outcome.recipient_id, OutcomeKind.SOFT, text="not sent: the connection ended"
            )
        yield faults[-1]


def _refuse(provider: Provider, letter: Letter) -> Outcome | None:
    """Why a message cannot go through this provider, told before anything is sent."""
    message = letter.message
    try:
        _, utf8 = wire_address(message.recipient)
    except ValueError as error:
        return Outcome(message.recipient_id, OutcomeKind.HARD, status="5.1.3", text=str(error))
    if utf8 and not provider.utf8:
        text = f"{provider.title} takes no address with a non-ASCII name"
        return Outcome(message.recipient_id, OutcomeKind.CONTENT, status="5.6.7", text=text)
    if len(message.data) > provider.room:
        text = f"{len(message.data)} octets are more than {provider.title}'s limit"
        return Outcome(message.recipient_id, OutcomeKind.CONTENT, status="5.3.4", text=text)
    return None


def _portions(letters: list[Letter], full: int) -> Iterator[list[Letter]]:
    """Letters in groups that together stay below so many bytes."""
    portion: list[Letter] = []
    size = 0
    for letter in letters:
        size += len(letter.message.data)
        if portion and size > full:
            yield portion
            portion, size = [], len(letter.message.data)
        portion.append(letter)
    if portion:
        yield portion


def _blames_one(outcome: Outcome) -> bool:
    """Whether a refusal may be about one message only."""
    if outcome.kind is OutcomeKind.FAULT:
        return bool(outcome.stage)
    return outcome.kind is not OutcomeKind.SENT


def _id(letter: Letter) -> int:
    return letter.message.recipient_id


_CANNOT = Outcome(0, OutcomeKind.FAULT, status="5.6.0", stage=Stage.END)
