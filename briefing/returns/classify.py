"""What a bounce says about the reader: gone, failing, or none of their doing.

A bounce that is read wrongly takes the subscription from a good reader, so that `hard` is said only
where a listed status code or the words say that the mailbox does not exist, and nothing beside it
says otherwise. Everything else is `soft` (the mailbox's own trouble, which may pass) or `blocked`
(about the sender or the message). The codes and words themselves are those of
`briefing.mailers.answers`, which reads a server's answer in the same way when mail is sent.
"""

from __future__ import annotations

import re
from typing import Final

from briefing.mailers.answers import Stage, sort_answer
from briefing.model import OutcomeKind
from briefing.store.returns import EventKind

__all__ = ["judge"]

# RFC 3463 and RFC 7505: bad mailbox, bad system, bad syntax, moved, null MX.
_GONE: Final = re.compile(r"5\.1\.(?:1|2|3|6|10)")

_LONGEST = 2000
_STATUS = re.compile(r"(?:^|(?<=[\s(\[#:;,]))([245]\.[0-7]\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?:^|(?<=[\s(\[:;]))([245]\d\d)(?=[\s-]|$)")
# The lines of a longer answer each begin with the code: "550-5.1.1 … 550 5.1.1 …".
_LEAD = re.compile(r"(?:^|(?<=[\s:;]))[245]\d\d-(?=[245]\.\d)")

# What a mailbox that exists may say, whatever code stands before it.
_FAILING = re.compile(
    r"\bfull\b|quota|storage|disabled|inactive|suspended|locked|dormant|expired|timed? ?out|"
    r"too (?:old|many hops)|temporar|try again|retry|unable to connect|hop count",
    re.IGNORECASE,
)
_UNWANTED = re.compile(
    r"\bblock(?:ed|list)|black ?list|deny ?list|\bpolic(?:y|ies)\b|\bspam|unsolicited|reputation|"
    r"\bvirus|\bcontent\b|phish|\bDMARC\b|\bSPF\b|\bDKIM\b|too (?:large|big)|size limit",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"<?[^\s<>@;]{1,128}@[^\s<>@;]{1,253}>?")


def judge(status: str, words: str) -> EventKind:
    """Hard, soft or blocked, by the status field of a report ("5.1.1", or "") and the server's
    words. Never raises, whatever they are."""
    words = _LEAD.sub("", words[:_LONGEST])
    found, code = _STATUS.search(words), _CODE.search(words)
    own = found[1] if found else ""
    # A field that only says "failed" leaves it to what the server itself said.
    field = status if _STATUS.fullmatch(status) and not (own and status.endswith(".0.0")) else ""
    kinds = [_sort(0, f"{field} {_bare(words)}")] if field else []
    if own or code or not kinds:
        kinds.append(_sort(int(code[1]) if code else 0 if own else 550, words))
    # Of 5.4.x the words are about a host on the way, which may be found again.
    gone = _says_gone(words) and not (field or own).startswith("5.4.")
    listed = _GONE.fullmatch(field or own) is not None
    if all(kind is OutcomeKind.HARD for kind in kinds) and (listed or gone):
        contradicted = _FAILING.search(_plain(words)) or _UNWANTED.search(_plain(words))
        if not contradicted or (listed and gone):
            return EventKind.HARD
    return _milder(kinds, field or own, words)


def _milder(kinds: list[OutcomeKind], status: str, words: str) -> EventKind:
    """Whose trouble it is, now that it is not known to be a mailbox that does not exist."""
    if OutcomeKind.SOFT in kinds:
        return EventKind.SOFT
    if OutcomeKind.CONTENT in kinds or OutcomeKind.FAULT in kinds:
        return EventKind.BLOCKED
    if status[2:].startswith("7.") or _UNWANTED.search(_plain(words)):
        return EventKind.BLOCKED
    return EventKind.SOFT


def _sort(code: int, text: str) -> OutcomeKind:
    # 556 is the domain's word (RFC 7504); its status code 5.1.10 is what counts here.
    return sort_answer(550 if code == 556 else code, text, Stage.RCPT)[0]


def _says_gone(words: str) -> bool:
    return _sort(550, _bare(words)) is OutcomeKind.HARD


def _bare(words: str) -> str:
    """The words without the codes in them."""
    return _CODE.sub("", _STATUS.sub("", words)).strip(" -;:")


def _plain(words: str) -> str:
    """The words without addresses: nobody's own name may set off a rule."""
    return _ADDRESS.sub("<>", words)
