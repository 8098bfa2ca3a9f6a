"""What a server's answer means: the reader's fault, ours, the message's, or nobody's yet.

The question behind every rule is *whom does this blame?* Only an answer that says the mailbox does
not exist may cost a reader the subscription (`hard`); a refusal for policy says nothing about
the mailbox; one that would be said to every reader alike is a `fault` that stops the edition,
because going on would burn the list and the sender's name.

Order of trust: the enhanced status code (RFC 3463, with the registry of RFC 5248), then the reply
code (RFC 5321 4.2), then the words. Two things overrule it: a 4xx reply is always worth another try
whatever follows it, and 5.7.x never makes a dead reader whatever its words say.

Sources, read as of 2026-02:

* IANA, SMTP Enhanced Status Codes: https://www.iana.org/assignments/smtp-enhanced-status-codes/
* Gmail: https://support.google.com/a/answer/3726730
* Microsoft, Exchange Online and Outlook.com:
  https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online
  https://support.microsoft.com/topic/34cfe8f8-6fbf-457e-9e8b-9e4dbaf4e0ef (5.7.515)
  https://support.sendgrid.com/hc/en-us/articles/38465017420955 (S3140, S3150)
* Yahoo and AOL: https://senders.yahooinc.com/smtp-error-codes/
* Apple iCloud: https://support.apple.com/102322
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from briefing.model import OutcomeKind

__all__ = ["Stage", "slows_domain", "sort_answer"]


class Stage(StrEnum):
    """The step of the mail transaction that was answered, as people know it."""

    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    END = "end of data"


@dataclass(frozen=True, slots=True)
class _Rule:
    """Kind to answer with where everything that is given matches; `why` is for those who read on.

    `status` is matched against "subject.detail" of the enhanced code, `codes` against the reply
    code, `words` searched in the text without addresses.
    """

    kind: OutcomeKind
    why: str
    codes: frozenset[int] = frozenset()
    status: re.Pattern[str] | None = None
    words: re.Pattern[str] | None = None

    def fits(self, code: int, status: str, text: str) -> bool:
        if self.codes and code not in self.codes:
            return False
        if self.status is not None and not self.status.fullmatch(status):
            return False
        return self.words is None or self.words.search(text) is not None


def _rule(
    kind: OutcomeKind, why: str, *, codes: tuple[int, ...] = (), status: str = "", words: str = ""
) -> _Rule:
    return _Rule(
        kind,
        why,
        frozenset(codes),
        re.compile(status) if status else None,
        re.compile(words, re.IGNORECASE) if words else None,
    )


_SOFT, _HARD = OutcomeKind.SOFT, OutcomeKind.HARD
_POLICY, _CONTENT, _FAULT = OutcomeKind.POLICY, OutcomeKind.CONTENT, OutcomeKind.FAULT

_BY_STATUS = (
    _rule(
        _FAULT,
        "login or encryption wanted or refused (RFC 4954, RFC 3207, RFC 5248)",
        codes=(523, 525, 530, 534, 535, 538),
    ),
    _rule(_FAULT, "login refused or missing (RFC 4954, Microsoft)", status=r"7\.(?:8|57)"),
    _rule(_FAULT, "the envelope sender is refused (RFC 3463, RFC 7505)", status=r"1\.[78]"),
    _rule(
        _FAULT,
        "DKIM, SPF, DMARC, reverse DNS or TLS lacking (RFC 7372; Gmail has its own 27 to 40)",
        status=r"7\.(?:2[0-9]|30|32|40)",
    ),
    _rule(_FAULT, "the day's sending limit is used up (Microsoft)", status=r"1\.90"),
    _rule(_FAULT, "the day's sending limit is used up (Gmail)", status=r"4\.5", words=r"limit"),
    _rule(
        _FAULT,
        "sender, relay or IP address barred (Microsoft)",
        status=r"7\.(?:60|64|50[1-3689]|511|515|6[0-4]\d|70[0-24-9]|7[1-4]\d|750)",
    ),
    _rule(
        _FAULT,
        "an address status that blames the sender's address",
        status=r"1\.\d+",
        words=r"\bsender(?:'s)? (?:address|domain)|\bfrom address",
    ),
    _rule(_HARD, "no such mailbox or domain (RFC 3463, RFC 7505)", status=r"1\.(?:[1236]|10)"),
    _rule(
        _HARD,
        "Outlook.com's words for an address it does not have",
        status=r"5\.0",
        words=r"mailbox unavailable",
    ),
    _rule(_CONTENT, "too large or not convertible (RFC 3463)", status=r"2\.3|3\.[34]|6\.\d+"),
    _rule(_CONTENT, "no valid From field (Microsoft)", status=r"7\.512"),
)

# Words decide where the code is general: X.0.0, X.1.0, X.7.1 and the like, or none at all.
_GENERAL = r"|[0-5]\.0|3\.2|4\.1|5\.1|7\.[019]"
_BLOCKED = (
    r"S3140|S3150|\[BL2\d\]|DNSBL|\bRBL\b|spamhaus|spamcop|barracudacentral|"
    r"(?:black|block|deny)[- ]?list|\bblocked using|banned (?:sending )?(?:ip|sender)|"
    r"(?:low|poor|bad) reputation|part of (?:their|your) network|"
    r"\b(?:your|sending|source|connecting|client) "
    r"(?:ip|host|(?:mail ?)?server|network|connection)\b.{0,60}"
    r"\b(?:block|bann|reject|refus|list)ed\b|"
    r"\bip (?:address )?\[?[\d.:a-f]{3,45}\]?.{0,40}\b(?:block|bann|reject|refus|list)ed\b|"
    r"connections will not be accepted"
)
_UNPROVEN = (
    r"\bDMARC\b|\bSPF\b|\bDKIM\b|unauthenticated|\bPTR\b|reverse[- ](?:dns|hostname|lookup)|"
    r"cannot find your (?:reverse )?hostname"
)
_UNWELCOME = (
    r"relay(?:ing)?(?: access)? (?:is )?(?:denied|not (?:permitted|allowed))|"
    r"unable to relay|not (?:permitted|allowed|authori[sz]ed) to relay|invalid credentials|"
    r"authentication (?:is )?required|not authenticated|must (?:issue a starttls|authenticate)|"
    r"sender (?:address rejected|verif\w+ failed)|send as (?:this|denied)|sending denied|"
    r"(?:daily|hourly|sending|submission|relay)[\w ]{0,24} (?:quota|limits?) "
    r"(?:(?:was|has been|is) )?(?:exceeded|reached)|"
    r"exceeded[\w ]{0,30} (?:sending|messaging|submission) (?:quota|limit)|"
    r"(?:sending|sender)[\w ]{0,20} account[\w ]{0,20} (?:suspended|blocked|disabled)"
)
_GONE = (
    r"(?<!sender )(?<!sender's )"
    r"\b(?:user|recipient|mailbox|account|address|addressee|alias|domain)\b"
    r"(?:[\w '’-]{0,24}(?:\bunknown|not (?:found|known)|no longer (?:exists|valid))|"
    r"[\w <>'’().-]{0,60} (?:does not|doesn['’]?t|do not|not) exist)|"
    r"(?:unknown|no such|non-?existent|invalid) (?:local |virtual |e-?mail |mail )?"
    r"(?:user|recipient|mailbox|account|address|addressee|alias|person|local part|domain)|"
    r"doesn['’]?t have an? [\w.]+ account|no mailbox (?:here )?by that name|"
    r"not our customer|not a (?:valid|known) (?:user|mailbox|recipient)|NXDOMAIN"
)
_LATER = (
    r"gr[ea]y[- ]?list|try again|temporar|over ?quota|quota exceeded|exceeded[\w ]{0,20} quota|"
    r"(?:mail)?box(?: is)?(?: \w+)? full|insufficient (?:system )?storage|out of storage|"
    r"too many (?:connections|messages|recipients)|too (?:quickly|fast)|rate[- ]limit|"
    r"inactive|disabled"
)
_MALFORMED = (
    r"too (?:large|big|long)|size limit|maximum (?:message )?size|exceeds[\w ]{0,30} size|"
    r"\b8-?bit|SMTPUTF8|bare (?:lf|cr|line ?feed)|RFC ?(?:5322|2822|822)\b|malformed|"
    r"duplicate header|security issue"
)
_SPAM = r"spam|unsolicited|junk|virus|phish|local policy|\[CS01\]|\[HM"

_BY_WORDS = (
    _rule(_FAULT, "our address or network is blocked", status=_GENERAL, words=_BLOCKED),
    _rule(_FAULT, "our mail is not authenticated", status=_GENERAL, words=_UNPROVEN),
    _rule(_FAULT, "we may not send here, or no more today", words=_UNWELCOME),
    _rule(_HARD, "says that the mailbox or domain does not exist", words=_GONE),
    _rule(_SOFT, "says that it will pass", status=r"|[^7]\.\d+", words=_LATER),
    _rule(_CONTENT, "the message itself is refused", words=_MALFORMED),
    _rule(_POLICY, "held for spam", words=_SPAM),
)

_BY_FAMILY = (
    _rule(_SOFT, "mailbox full, disabled, overrun; systems and routes", status=r"[234]\.\d+"),
    _rule(_POLICY, "security or policy (RFC 3463 3.8)", status=r"7\.\d+"),
    _rule(_CONTENT, "too large (RFC 5321, RFC 1870)", codes=(552,)),
    _rule(_HARD, "the domain takes no mail (RFC 7504)", codes=(556,)),
)

# At the start, or in brackets: "550 5.1.1 …", "554 Rejected (5.7.1)", "550 #5.1.0 …".
_STATUS = re.compile(r"(?:^|[\s(\[#])([245])\.([0-7]\.\d{1,3})(?!\.?\d)")
_LONGEST_TEXT = 2000
_ADDRESS = re.compile(r"<?[^\s<>@]{1,128}@[^\s<>@]{1,253}>?")


def sort_answer(code: int, text: str, stage: Stage) -> tuple[OutcomeKind, str]:
    """Whom an answer blames, and its enhanced status code ("" where it has none).

    Never raises, whatever a server says. Without a code (0, as in a delivery report) the class of
    the enhanced status code stands in; a code that is no verdict (3xx) is soft. At `Stage.MAIL`
    nothing has been said about a reader, so a refusal there blames the sender: it would be
    given to every reader, and is a fault.
    """
    if 200 <= code < 300:
        # Nothing is asked of an acceptance, and it is what nearly every message gets.
        return OutcomeKind.SENT, text[:5] if _STATUS.match(text) else ""
    text = text[:_LONGEST_TEXT]
    found = _STATUS.search(text)
    status = f"{found[1]}.{found[2]}" if found else ""
    if code == 0 and found:
        code = int(found[1]) * 100
    if 200 <= code < 300:
        return OutcomeKind.SENT, status
    if not 500 <= code < 600:
        return OutcomeKind.SOFT, status
    subject = found[2] if found else ""
    # A reader's or sender's own address must not set off a rule about words.
    words = _ADDRESS.sub("<>", text)
    kind = _judge(code, subject, words)
    if kind is OutcomeKind.HARD and subject.startswith("7."):
        kind = OutcomeKind.POLICY
    if stage is Stage.MAIL and kind in (OutcomeKind.HARD, OutcomeKind.POLICY):
        kind = OutcomeKind.FAULT
    return kind, status


def _judge(code: int, subject: str, words: str) -> OutcomeKind:
    for rules in (_BY_STATUS, _BY_WORDS, _BY_FAMILY):
        for rule in rules:
            if rule.fits(code, subject, words):
                return rule.kind
    return OutcomeKind.POLICY


_SLOW = re.compile(
    r"\[TSS?\d\d\]|S775|4\.7\.(?:0|2[3-9]|3[02]|40|5\d\d|6\d\d)\b|rate[- ]limit|too many|"
    r"unusual rate|unexpected volume|throttl|reputation|server busy|deferred",
    re.IGNORECASE,
)
_GREYLISTED = re.compile(r"gr[ea]y[- ]?list", re.IGNORECASE)


def slows_domain(code: int, text: str) -> bool:
    """Whether a soft answer is about our rate or name rather than this reader.

    Gmail's 4.7.28 (by IP address, network, or signing domain), Yahoo's TSS codes, Microsoft's
    S775 and 4.7.500 to .699 come to every reader of that provider: the whole domain should
    wait, not one row. Greylisting (a wait for this reader only) is not one of them.
    """
    if not 400 <= code < 500 or _GREYLISTED.search(text):
        return False
    return _SLOW.search(text) is not None
