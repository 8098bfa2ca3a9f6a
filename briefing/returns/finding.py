"""What a returned mail says, as plain values that pass between processes.

Reading needs no key: `ReturnedMail` holds the *candidates* for our signed marks and where they
stood; whoever has the keys tells which are genuine (`briefing.returns.mail.events_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from briefing.mailers.answers import Stage
from briefing.store.returns import EventKind

__all__ = ["MailForm", "ReturnFinding", "ReturnReason", "ReturnedMail"]


class ReturnReason(StrEnum):
    """Why a mail came back. Closed; what fits nothing is `undetermined`.

    Which kind of event each one is stands in `briefing.returns.classify`, with the sources.
    """

    USER_UNKNOWN = "user-unknown"
    HOST_UNKNOWN = "host-unknown"
    MOVED = "moved"
    NO_MAIL_HERE = "no-mail-here"
    CLOSED = "closed"
    DISABLED = "disabled"
    MAILBOX_FULL = "mailbox-full"
    FILTERED = "filtered"
    TOO_OFTEN = "too-often"
    GREYLISTED = "greylisted"
    EXPIRED = "expired"
    NAME_SERVICE = "name-service"
    NETWORK = "network"
    SYSTEM = "system"
    LOOP = "loop"
    AUTHENTICATION = "authentication"
    REPUTATION = "reputation"
    POLICY = "policy"
    RELAYING = "relaying"
    SPAM = "spam"
    VIRUS = "virus"
    TOO_LARGE = "too-large"
    CONTENT = "content"
    SENDER_REFUSED = "sender-refused"
    PROTOCOL = "protocol"
    COMPLAINT = "complaint"
    OPT_OUT = "opt-out"
    UNDETERMINED = "undetermined"


class MailForm(StrEnum):
    """What sort of mail it was that was read."""

    COMPLAINT = "complaint"
    REPORT = "report"
    TEXT = "text"
    RECEIPT = "receipt"
    REPLY = "reply"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReturnFinding:
    """What a mail says about one address ("" where it names nobody).

    `status` is an enhanced status code (RFC 3463) or "", `code` an SMTP reply code or 0, `stage`
    the step of the transaction that was answered, `words` the server's own.
    """

    kind: EventKind
    address: str
    status: str = ""
    words: str = ""
    code: int = 0
    stage: Stage | None = None
    reason: ReturnReason = ReturnReason.UNDETERMINED


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """One mail, read. At least one finding; `unknown` where nothing was understood.

    `tokens` are strings of 40 hexadecimal digits that may be marks of ours, from anywhere in the
    mail; `delivery_tokens` only those of the address it was delivered to and of the subject.
    `null_sender` says that the return path is empty (RFC 5321, 4.5.5), `from_mail_system` that this
    or its sender's name shows a mail system, `automatic` that a program of the reader's answered,
    `reads_as_bounce` that its subject or text begins as bounces do.
    `sent_at` is the date it gives, in UTC, which anybody can write; None where it gives none.
    """

    form: MailForm
    findings: tuple[ReturnFinding, ...]
    tokens: tuple[str, ...] = ()
    delivery_tokens: tuple[str, ...] = ()
    null_sender: bool = False
    from_mail_system: bool = False
    automatic: bool = False
    reads_as_bounce: bool = False
    message_id: str = ""
    date: str = ""
    sent_at: datetime | None = None
