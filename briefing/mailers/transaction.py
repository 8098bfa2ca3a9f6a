"""The mail transaction, pipelined with overlap: one round trip a message, one message in doubt.

Where the server offers PIPELINING (RFC 2920), the envelope of the next message rides with the
dot that ends the previous one (its section 3.1 allows MAIL and RCPT after the end of data, DATA
last)::

    line                                                   server
      │ MAIL FROM 1, RCPT TO 1, DATA ────────────────────▶ │
      │ ◀──────────────────────────────── 250, 250, 354    │
      │ body 1, all but the dot ─────────────────────────▶ │
      │ take message 2                                     │
      │ gate(1): "it is about to be sent", durably         │
      │ dot 1, MAIL FROM 2, RCPT TO 2, DATA ─────────────▶ │  now 1 may be the server's
      │ ◀──────────────────────── 250 (1), 250, 250, 354   │
      │ yield outcome 1: the caller records it             │  now 1 is settled
      │ body 2, all but the dot ─────────────────────────▶ │
      │ take message 3, gate(2), dot 2, …                  │

A server answers for a message only once it has seen the dot, and discards what it has when the
connection closes before (RFC 5321 4.1.1.4). Between the dot and its answer one message is in doubt;
`gate(2)` is called after outcome 1 was yielded, so never two. The body goes before the gate, so
that its transfer and the gate's wait for the disk overlap.

Without PIPELINING each command waits for its answer, and the next message is taken only after the
outcome of the previous one.

What happens when something goes wrong, by the moment:

* before the dot: an answer is sorted; a lost connection or a reply that is none is `soft`;
* after the dot, without an answer: `unknown`;
* the next message, taken and perhaps announced but not sent: `soft`, and the iterator ends;
* 421, a fault, or a gate that says no: the connection is closed without another dot.

`Message.data` goes out as it is: it has CRLF line ends, no line that starts with a dot and a final
CRLF (see `briefing.model.Message`), so there is nothing to stuff.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from briefing.mailers import SendGate
from briefing.mailers.answers import Stage, sort_answer
from briefing.mailers.envelope import wire_address
from briefing.mailers.wire import Reply, Wire, WireLost
from briefing.model import Message, Outcome, OutcomeKind

__all__ = ["Features", "SmtpConnection"]

_DOT = b".\r\n"
_DATA = b"DATA\r\n"
_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)
# RFC 5321 4.5.3.2 gives a server twice as long for the dot (10 minutes) as for a command (5).
_DOT_PATIENCE = 2


@dataclass(frozen=True, slots=True)
class Features:
    """What the server offered in answer to EHLO; `size_limit` in octets, 0 for none stated."""

    pipelining: bool = False
    size: bool = False
    size_limit: int = 0
    utf8: bool = False


class _Parcel(NamedTuple):
    """A message with its commands, or the outcome that it cannot be sent through this server."""

    message: Message
    mail: bytes
    rcpt: bytes
    refusal: Outcome | None


class _Refused(NamedTuple):
    """The first step of the envelope that was refused, and whether DATA waits for a body."""

    stage: Stage
    reply: Reply
    body_wanted: bool


class SmtpConnection:
    """A logged-in connection; `limit` is how many messages it may carry, 0 for any number.

    A line that has ended (by its limit, a fault, a drop) takes nothing more from `messages`:
    `send` returns at once, and the caller opens another line.
    """

    patience = 0.0

    def __init__(self, wire: Wire, features: Features, limit: int = 0) -> None:
        self._wire = wire
        self._features = features
        self._limit = limit
        self._carried = 0
        # True while the server waits for nothing from us: QUIT is welcome.
        self._idle = True

    @property
    def alive(self) -> bool:
        """False after a drop, a fault said by the server, `close`, or the last message allowed."""
        return self._wire.stands

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        """See `briefing.mailers.Line.send`; the order of events is drawn above.

        Whatever `messages` or `gate` raises comes through, and closes the connection without a dot.
        """
        if not self._ready():
            return
        feed = iter(messages)
        announced = False
        parcel = self._take(feed)
        try:
            while parcel is not None:
                if parcel.refusal is not None:
                    yield parcel.refusal
                    if parcel.refusal.kind is OutcomeKind.FAULT:
                        return
                    parcel = self._take(feed)
                    continue
                outcome, following = self._deliver(parcel, feed, gate, announced=announced)
                if outcome is not None:
                    yield outcome
                if not self._wire.stands:
                    if following is not None:
                        yield following.refusal or _soft(following, "not sent: the line ended")
                    return
                announced = following is not None and following.refusal is None
                parcel = following or self._take(feed)
        finally:
            if not self._idle:
                self._wire.shut()
        if self._limit and self._carried >= self._limit:
            self.close()

    def close(self) -> None:
        """QUIT between messages, else hang up; may be called from another thread. Never raises."""
        if self._idle and self._wire.stands:
            self._wire.farewell()
        self._wire.shut()

    def _ready(self) -> bool:
        """False for a line that ended, or that the server closed while nothing was asked of it."""
        if self._wire.stands and not self._wire.quiet():
            self._wire.shut()
        return self._wire.stands

    def _take(self, feed: Iterator[Message]) -> _Parcel | None:
        if self._limit and self._carried >= self._limit:
            return None
        message = next(feed, None)
        return None if message is None else self._pack(message)

    def _pack(self, message: Message) -> _Parcel:
        """Check and spell the envelope, before anything of the message is written."""
        size = len(message.data)
        try:
            sender, sender_utf8 = wire_address(message.sender)
        except ValueError as error:
            return _refusal(message, OutcomeKind.FAULT, "5.1.7", f"envelope sender: {error}")
        try:
            recipient, recipient_utf8 = wire_address(message.recipient)
        except ValueError as error:
            return _refusal(message, OutcomeKind.HARD, "5.1.3", str(error))
        utf8 = b""
        if sender_utf8 or recipient_utf8:
            if not self._features.utf8:
                text = "the server takes no address with a non-ASCII name (no SMTPUTF8)"
                return _refusal(message, OutcomeKind.CONTENT, "5.6.7", text)
            utf8 = b" SMTPUTF8"
        if 0 < self._features.size_limit < size:
            text = f"{size} octets are more than the server's limit of {self._features.size_limit}"
            return _refusal(message, OutcomeKind.CONTENT, "5.3.4", text)
        # Without the final CRLF the dot would not end the message, and the line would hang.
        if not message.data.endswith(b"\r\n"):
            return _refusal(message, OutcomeKind.FAULT, "5.6.0", "the message lacks its last CRLF")
        announced = b" SIZE=%d" % size if self._features.size else b""
        mail = b"MAIL FROM:<%b>%b%b\r\n" % (sender, announced, utf8)
        return _Parcel(message, mail, b"RCPT TO:<%b>\r\n" % recipient, None)

    def _deliver(
        self, parcel: _Parcel, feed: Iterator[Message], gate: SendGate, *, announced: bool
    ) -> tuple[Outcome | None, _Parcel | None]:
        """Carry one message: its outcome (None when the gate refused) and the next one, if taken.

        The next one's envelope has been written when this one's dot has; the line no longer stands
        when it must not be used again.
        """
        try:
            refused = self._envelope(parcel, announced=announced)
        except WireLost as lost:
            return self._end(_soft(parcel, lost.reason)), None
        if refused is not None:
            outcome = _judge(parcel, refused.reply, refused.stage)
            if _final(outcome) or not self._tidy(refused):
                self._end(outcome)
            return outcome, None
        try:
            self._wire.write(parcel.message.data)
        except WireLost as lost:
            return self._end(self._cut_short(parcel, lost)), None
        # Step by step the next message waits for this outcome; see the protocol of `Line`.
        following = self._take(feed) if self._features.pipelining else None
        if not gate(parcel.message):
            self._wire.shut()
            return None, None
        return self._finish(parcel, following), following

    def _envelope(self, parcel: _Parcel, *, announced: bool) -> _Refused | None:
        """MAIL, RCPT and DATA, and the first of them that was refused. Raises `WireLost`."""
        if not announced:
            self._begin()
            if not self._features.pipelining:
                return self._envelope_by_steps(parcel)
            self._wire.write(parcel.mail + parcel.rcpt + _DATA)
        refused: _Refused | None = None
        for stage in _ENVELOPE:
            try:
                reply = self._answer(stage)
            except WireLost:
                if refused is None:
                    raise
                self._wire.shut()
                return refused
            if reply.code >= 400:
                refused = refused or _Refused(stage, reply, body_wanted=False)
            elif refused is not None and stage is Stage.DATA:
                refused = refused._replace(body_wanted=True)
            if reply.code == 421:
                self._wire.shut()
                break
        return refused

    def _envelope_by_steps(self, parcel: _Parcel) -> _Refused | None:
        for stage, command in zip(_ENVELOPE, (parcel.mail, parcel.rcpt, _DATA), strict=True):
            self._wire.write(command)
            reply = self._answer(stage)
            if reply.code >= 400:
                return _Refused(stage, reply, body_wanted=False)
        return None

    def _answer(self, stage: Stage) -> Reply:
        """The reply to a command of the envelope; only DATA is answered with 354, and nothing else
        tells a server that answers out of step from one that accepts. Raises `WireLost`."""
        try:
            reply = self._wire.reply()
        except WireLost as lost:
            raise WireLost(f"{lost.reason} ({stage})") from lost
        accepting = (reply.code == 354) if stage is Stage.DATA else (reply.code < 300)
        if not accepting and reply.code < 400:
            raise WireLost(f"the server answered {stage} with {reply.code}: out of step")
        if reply.code == 354 and self._wire.unread:
            raise WireLost(f"the server went on after its answer to {stage}: out of step")
        return reply

    def _finish(self, parcel: _Parcel, following: _Parcel | None) -> Outcome:
        """The dot, with the next envelope where there is one, and the answer to it."""
        group = _DOT
        if following is not None and following.refusal is None:
            group = b"%b%b%b%b" % (_DOT, following.mail, following.rcpt, _DATA)
            self._begin()
        try:
            self._wire.write(group)
        except WireLost as lost:
            if lost.unsent:
                return self._end(self._cut_short(parcel, lost))
            return self._end(_unknown(parcel, lost.reason))
        try:
            reply = self._wire.reply(_DOT_PATIENCE)
        except WireLost as lost:
            return self._end(_unknown(parcel, f"{lost.reason} ({Stage.END})"))
        if 300 <= reply.code < 400:
            return self._end(_unknown(parcel, f"the server answered the dot with {reply.code}"))
        if group is _DOT:
            self._idle = True
        outcome = _judge(parcel, reply, Stage.END)
        if _final(outcome):
            self._end(outcome)
        return outcome

    def _begin(self) -> None:
        self._carried += 1
        self._idle = False

    def _tidy(self, refused: _Refused) -> bool:
        """Leave the refused transaction; False when the connection was lost over it.

        A server may answer DATA with 354 though it refused the recipient; then a lone dot is due
        (RFC 2920 3.1), an empty message to nobody. RSET forgets a sender that was accepted.
        """
        if not self._wire.stands:
            return False
        try:
            if refused.body_wanted:
                self._wire.write(_DOT)
                self._wire.reply(_DOT_PATIENCE)
            self._wire.write(b"RSET\r\n")
            self._idle = self._wire.reply().code < 300
        except WireLost:
            return False
        return self._idle

    def _cut_short(self, parcel: _Parcel, lost: WireLost) -> Outcome:
        """A server that hangs up during the body has often said why (552, 421)."""
        words = self._wire.last_words()
        if words is None or words.code < 400:
            return _soft(parcel, f"{lost.reason} (message body)")
        return _judge(parcel, words, Stage.END)

    def _end(self, outcome: Outcome) -> Outcome:
        self._wire.shut()
        return outcome


def _judge(parcel: _Parcel, reply: Reply, stage: Stage) -> Outcome:
    text = reply.text
    kind, status = sort_answer(reply.code, text, stage)
    return Outcome(parcel.message.recipient_id, kind, reply.code, status, text, stage=stage.value)


def _final(outcome: Outcome) -> bool:
    """After 421 the server closes; after a fault the next message would only burn the list."""
    return outcome.code == 421 or outcome.kind is OutcomeKind.FAULT


def _soft(parcel: _Parcel, reason: str) -> Outcome:
    return Outcome(parcel.message.recipient_id, OutcomeKind.SOFT, text=reason)


def _unknown(parcel: _Parcel, reason: str) -> Outcome:
    return Outcome(parcel.message.recipient_id, OutcomeKind.UNKNOWN, text=reason)


def _refusal(message: Message, kind: OutcomeKind, status: str, text: str) -> _Parcel:
    outcome = Outcome(message.recipient_id, kind, status=status, text=text)
    return _Parcel(message, b"", b"", outcome)
