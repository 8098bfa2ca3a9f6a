"""What a bounce says about the reader: gone, failing, or none of their doing.

A bounce that is read wrongly takes the subscription from a good reader, so that `hard` is said only
where the words or a listed status code say that the mailbox or its domain does not exist, and
nothing beside it says otherwise. Everything else is `soft` (the mailbox's own trouble, which may
pass) or `blocked` (about the sender or the message).

A server's answer to mail that is being sent is sorted in `briefing.mailers.answers`, which asks
what is to be done with the message; here the question is what is to become of the reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from briefing.mailers.answers import Stage
from briefing.returns.finding import ReturnReason as R
from briefing.returns.phrases import CERTAIN, EXISTING, GONE
from briefing.store.returns import EventKind

__all__ = ["KIND_OF", "Verdict", "classify", "judge", "plain_words"]

_HARD, _SOFT, _BLOCKED = EventKind.HARD, EventKind.SOFT, EventKind.BLOCKED

KIND_OF: Final[Mapping[R, EventKind]] = {
    R.USER_UNKNOWN: _HARD,  # RFC 3463 X.1.1, X.1.3; RFC 5321 4.2.3 (550, 553)
    R.HOST_UNKNOWN: _HARD,  # RFC 3463 X.1.2
    R.MOVED: _HARD,  # RFC 3463 X.1.6; RFC 5321 3.4 (551)
    R.NO_MAIL_HERE: _HARD,  # RFC 7505, RFC 7504 (556)
    R.CLOSED: _HARD,  # in words only: no status code tells closed from disabled
    R.DISABLED: _SOFT,  # RFC 3463 X.2.1: "the mailbox exists"; Gmail's 5.2.1 may be enabled again
    R.MAILBOX_FULL: _SOFT,  # RFC 3463 X.2.2
    R.FILTERED: _SOFT,  # the mailbox is there and does not want this mail
    R.TOO_OFTEN: _SOFT,  # RFC 3463 X.5.3; Gmail's and Yahoo's limits by the hour
    R.GREYLISTED: _SOFT,  # RFC 6647
    R.EXPIRED: _SOFT,  # RFC 3463 X.4.7
    R.NAME_SERVICE: _SOFT,  # RFC 3463 X.4.3; Postfix: X.4.4 "Name service error"
    R.NETWORK: _SOFT,  # RFC 3463 X.4.1, X.4.2
    R.SYSTEM: _SOFT,  # RFC 3463 X.3.x
    R.LOOP: _SOFT,  # RFC 3463 X.4.6
    R.UNDETERMINED: _SOFT,
    R.AUTHENTICATION: _BLOCKED,  # RFC 7372, RFC 5248 X.7.20 to X.7.30
    R.REPUTATION: _BLOCKED,  # Microsoft S3140, Gmail 4.7.28, Yahoo TSS
    R.POLICY: _BLOCKED,  # RFC 3463 X.7.x
    R.RELAYING: _BLOCKED,  # RFC 5248: X.7.1 of a server that is not the recipient's
    R.SPAM: _BLOCKED,
    R.VIRUS: _BLOCKED,
    R.TOO_LARGE: _BLOCKED,  # RFC 3463 X.2.3, X.3.4
    R.CONTENT: _BLOCKED,  # RFC 3463 X.6.x
    R.SENDER_REFUSED: _BLOCKED,  # RFC 3463 X.1.7, X.1.8
    R.PROTOCOL: _BLOCKED,  # RFC 3463 X.5.x
    R.COMPLAINT: EventKind.COMPLAINED,  # RFC 5965
    R.OPT_OUT: EventKind.UNSUBSCRIBED,
}
"""Which kind of event each reason is. Sources: RFC 3463 with the registry of RFC 5248."""

_BY_STATUS: Final[Mapping[str, R]] = {
    "1.1": R.USER_UNKNOWN, "1.2": R.HOST_UNKNOWN, "1.3": R.USER_UNKNOWN, "1.6": R.MOVED,
    "1.7": R.SENDER_REFUSED, "1.8": R.SENDER_REFUSED, "1.9": R.PROTOCOL, "1.10": R.NO_MAIL_HERE,
    "1.90": R.TOO_OFTEN, "2.1": R.DISABLED, "2.2": R.MAILBOX_FULL, "2.3": R.TOO_LARGE,
    "2.4": R.SYSTEM, "3.4": R.TOO_LARGE, "4.3": R.NAME_SERVICE, "4.4": R.NAME_SERVICE,
    "4.6": R.LOOP, "4.7": R.EXPIRED, "5.0": R.UNDETERMINED, "5.3": R.TOO_OFTEN,
    **dict.fromkeys(("7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.27", "7.30"),
                    R.AUTHENTICATION),
}  # fmt: skip
_BY_SUBJECT: Final[Mapping[str, R]] = {
    "3": R.SYSTEM, "4": R.NETWORK, "5": R.PROTOCOL, "6": R.CONTENT, "7": R.POLICY
}  # fmt: skip
_BY_CODE: Final[Mapping[int, R]] = {552: R.TOO_LARGE, 556: R.NO_MAIL_HERE}  # RFC 5321, RFC 7504
_LISTED: Final = (R.USER_UNKNOWN, R.HOST_UNKNOWN, R.MOVED, R.NO_MAIL_HERE)
_HOSTS: Final = (R.HOST_UNKNOWN, R.NO_MAIL_HERE)
_UNRELATED: Final = (R.NETWORK, R.EXPIRED, R.SYSTEM, R.NAME_SERVICE)

_LONGEST: Final = 2000
_GAP: Final = 60
_STATUS = re.compile(r"(?:^|(?<=[\s(\[#:;,=\"']))([245]\.\d\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?:^|(?<=[\s(\[:;=\"'<]))([245]\d\d)(?=[\s,:;)\]\"'-]|$)")
# The lines of a longer answer each begin with the code: "550-5.1.1 … 550 5.1.1 …".
_LEAD = re.compile(r"(?:^|(?<=[\s:;]))([245]\d\d)-(?=[245]\.\d)")
_ADDRESS = re.compile(r"[<\[(]?[^\s<>@;:,()\[\]\"']{1,128}@[^\s<>@;:,()\[\]\"']{1,253}[>\])]?")
_URL = re.compile(r"\bhttps?://[^\s<>\"']{1,500}")
_HOST = re.compile(
    r"(?<![\w.-])(?!resolver\.|queue\.)(?:[a-z0-9_-]{1,63}\.){2,8}[a-z][a-z0-9-]{0,62}(?![\w-])"
)
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "\u00a0": " "})
# Microsoft's Directory-Based Edge Blocking: the directory of the domain has no such recipient.
# https://learn.microsoft.com/exchange/mail-flow-best-practices/use-directory-based-edge-blocking
_EDGE = re.compile(
    r"\b5\.4\.1\b.{0,300}?recipient address rejected: access denied"
    r".{0,120}?\.prod\.protection\.outlook\.com",
    re.IGNORECASE | re.DOTALL,
)
# "550 5.5.0 Requested action not taken: mailbox unavailable" is Outlook.com's word for an address
# it does not have. Elsewhere that is RFC 5321's own for any refusal (4.2.3), and says nothing.
# https://learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online
_OUTLOOK_HOSTS: Final = (".hotmail.com", ".outlook.com")
_OUTLOOK: Final = ("hotmail.", "outlook.", "live.", "msn.", "passport.com")
# Postfix and others name the domain that has no address at all: the reader's, or a host on the way.
_NO_DOMAIN = re.compile(
    r"host not found(?!, try)|malformed or unexpected name server reply|nxdomain|"
    r"domain does not exist|no such domain|name or service not known",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\bname=([\w.-]{1,253})|\[([\w.-]{1,253})\](?::\d{1,5})?: name or service not known",
    re.IGNORECASE,
)
# Blocklists that refuse with no more than their address: a URL that says something.
_LISTED_AT = re.compile(
    r"https?://[^\s<>\"']{0,60}(?:spamhaus|spamcop|sorbs|barracuda|dnsbl)", re.IGNORECASE
)
# sendmail puts what the server said first, and its own conclusion from the code behind it.
_SERVER_SAID = re.compile(r"\(reason: (.{3,400}?)\)(?=\s|$)", re.DOTALL)
# An answer that names nothing but the address: it is the address that is refused.
_BARE = re.compile(
    r"\b55[0-4] (?:5\.[01]\.\d{1,2} )?(?:<> ?:? )?recipient (?:address )?(?:rejected|refused)"
    r"[.: ]{0,3}(?:$|\(in reply to rcpt| host )"
)
# Each answer in a transcript, from its code to the next.
_ANSWERS = re.compile(r"(?=(?:^|(?<=\s))[245]\d\d[ -])")

_Table = tuple[tuple[R, tuple[str, ...], tuple[tuple[str, str], ...]], ...]


def _table(rows: tuple[tuple[R, tuple[str, ...]], ...]) -> _Table:
    """The phrases of each reason: whole ones, and the two halves of those with a gap."""
    return tuple(
        (
            reason,
            tuple(phrase for phrase in phrases if "…" not in phrase),
            tuple(
                (before.strip(), after.strip())
                for before, gap, after in (phrase.partition("…") for phrase in phrases)
                if gap
            ),
        )
        for reason, phrases in rows
    )


_CERTAIN: Final = _table(CERTAIN)
_EXISTING: Final = _table(EXISTING)
_GONE: Final = _table(GONE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Kind and reason, with the status code (RFC 3463) and reply code that the words hold."""

    kind: EventKind
    reason: R
    status: str = ""
    code: int = 0


def judge(status: str, words: str) -> EventKind:
    """Hard, soft or blocked, as `classify` says it."""
    return classify(status, words).kind


def classify(
    status: str, words: str, *, stage: Stage | None = None, address: str = "", hosts: str = ""
) -> Verdict:
    """What a failure means, by the status field of a report ("5.1.1" or "") and its words.

    `stage` is the step that was refused, where known: before RCPT nothing is said about a reader.
    `address` tells whether a domain that is said not to exist is the reader's, `hosts` names the
    server that spoke: some say "gone" in words of their own. Never raises.
    """
    words = _LEAD.sub(r"\1 ", words[:_LONGEST])
    found, coded = _STATUS.search(words), _CODE.search(words)
    own, code = found[1] if found else "", int(coded[1]) if coded else 0
    # A field that only says "failed" leaves it to what the server itself said.
    field = status if _STATUS.fullmatch(status) and not (own and status.endswith(".0.0")) else ""
    said = field or own
    reason = _reason(field, own, code, plain_words(words), f"{words} {hosts}", address)
    if KIND_OF[reason] is _HARD and (
        stage is Stage.MAIL or any(one.startswith("4") for one in (field, own, str(code or "")))
    ):
        reason = R.SENDER_REFUSED if stage is Stage.MAIL else _passing(said)
    return Verdict(KIND_OF[reason], reason, said, code)


def plain_words(words: str) -> str:
    """Words as the table of phrases has them: nobody's own name may set off a rule."""
    words = _LISTED_AT.sub(" blocklist \\g<0>", words.translate(_APOSTROPHES).lower())
    words = _URL.sub(" ", words)
    return " ".join(_HOST.sub(" ", _ADDRESS.sub(" <> ", words)).split())


def _reason(field: str, own: str, code: int, text: str, words: str, address: str) -> R:
    said = field or own
    by_status = _by_status(said) if _agrees(field, own) else _by_status(own)
    if (certain := _find(_CERTAIN, text)) is not None:
        return certain
    gone, other = _weigh(text, words, address)
    if by_status is R.TOO_LARGE and other in (R.FILTERED, R.TOO_OFTEN):
        return by_status  # limits are of size as well as of number
    if _provider_says_gone(words, text, address) or (
        gone and _is_gone(gone, other, by_status, said, own, code, text)
    ):
        return gone or R.USER_UNKNOWN
    if gone and said[2:].startswith("7."):
        return other or R.POLICY
    if other is None and not said and code in _BY_CODE:
        return _BY_CODE[code]
    return other or by_status or R.UNDETERMINED


def _weigh(text: str, words: str, address: str) -> tuple[R | None, R | None]:
    """What the words say is gone, and what else they blame, each where it is about this address."""
    gone, other = _find(_GONE, text), _find(_EXISTING, text)
    if other is None and _BARE.search(text):
        return R.USER_UNKNOWN, None
    if _names_domain(words, address):
        return R.HOST_UNKNOWN, None
    if gone in _HOSTS and _NAMED.search(words):
        return None, other  # the words are about a host on the way, which may be found again
    if gone and (blamed := _blamed_by_server(words)) is not None:
        return None, blamed
    if other in _UNRELATED and _one_answer_says_gone(text):
        return gone, None
    return gone, other


def _provider_says_gone(words: str, text: str, address: str) -> bool:
    """Words that only say "gone" where a certain provider writes them."""
    domain = address.rpartition("@")[2].lower()
    return _EDGE.search(words) is not None or (
        "mailbox unavailable" in text
        and (domain.startswith(_OUTLOOK) or any(host in words.lower() for host in _OUTLOOK_HOSTS))
    )


def _is_gone(
    gone: R, other: R | None, by_status: R | None, said: str, own: str, code: int, text: str
) -> bool:
    """Whether words that say "gone" hold against what stands beside them."""
    if by_status in _LISTED:
        return True  # the code says so too
    if by_status is R.SENDER_REFUSED:
        return False
    if said[2:].startswith("7.") and (own or not 550 <= code <= 553):
        return False  # a policy's word, unless only a relay made that code of a plain answer
    return other is None or (
        other is R.NAME_SERVICE and gone in _HOSTS and "not found, try again" not in text
    )


def _blamed_by_server(words: str) -> R | None:
    """What a server's own answer blames, where it says nothing of a mailbox that is gone and only
    the sending server has concluded that."""
    said = _SERVER_SAID.search(words)
    if said is None:
        return None
    text = plain_words(said[1])
    return _find(_EXISTING, text) if _find(_GONE, text) is None else None


def _one_answer_says_gone(text: str) -> bool:
    """Whether one answer of several says that there is no such user, and only the others tell of
    troubles on the way: of another host, or of the command that came after."""
    return any(
        not answer.startswith(("2", "4"))
        and _find(_GONE, answer) is R.USER_UNKNOWN
        and _find(_EXISTING, answer) is None
        for answer in _ANSWERS.split(text)[:20]
    )


def _agrees(field: str, own: str) -> bool:
    """A listed code in one place is none where the server's own answer has another subject."""
    return not (field and own) or field[2:] == own[2:] or field[2] == own[2]


def _by_status(status: str) -> R | None:
    if not status:
        return None
    return _BY_STATUS.get(status[2:]) or _BY_SUBJECT.get(status[2])


def _passing(status: str) -> R:
    reason = _by_status(status)
    return reason if reason is not None and KIND_OF[reason] is not _HARD else R.UNDETERMINED


def _names_domain(words: str, address: str) -> bool:
    """Whether a name server's answer says that the very domain of the address does not exist."""
    named = _NAMED.search(words)
    domain = address.rpartition("@")[2].lower()
    return bool(
        named
        and domain
        and (named[1] or named[2]).lower().strip(".") == domain
        and _NO_DOMAIN.search(words)
    )


def _find(table: _Table, text: str) -> R | None:
    for reason, phrases, spans in table:
        if any(phrase in text for phrase in phrases):
            return reason
        if any(_spans(before, after, text) for before, after in spans):
            return reason
    return None


def _spans(before: str, after: str, text: str) -> bool:
    """Whether the two halves of a phrase stand within a gap of each other."""
    start = 0
    for _ in range(20):
        at = text.find(before, start)
        if at < 0:
            return False
        start = at + len(before)
        if after in text[start : start + _GAP + len(after)]:
            return True
    return False
