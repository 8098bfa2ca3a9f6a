"""Bounces in words: what servers write for people, read by what such texts have in common.

A server names the failed address on a line that begins with it, in a field, or in a sentence, and
says beside it what happened. The tables of `families` say how bounces begin and where the returned
mail starts; what follows there is never searched for addresses, nor are the sender's lines,
Message-IDs and JSON. `flufl.bounce` knows the long tail of old servers and is asked last. What it
calls permanent is not taken as that: two thirds are not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from email import message_from_bytes
from typing import Final

import structlog
from flufl.bounce import all_failures

from briefing.mailers.answers import Stage
from briefing.returns.classify import classify
from briefing.returns.families import GIVEN_UP, STILL_TRIED
from briefing.returns.finding import ReturnFinding
from briefing.returns.finding import ReturnReason as R
from briefing.returns.letter import BounceText
from briefing.returns.reading import addresses_in, addresses_of, field
from briefing.store.returns import EventKind

__all__ = ["ask_library", "make_finding", "read_text", "stage_of", "words_about"]

log = structlog.get_logger(__name__)

# It logs what it raises with a traceback, and we raise nothing.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_MOST_ADDRESSES: Final = 50
_MOST_WORDS: Final = 1000
# What the library is shown: it goes through every line with every pattern it has.
_LONGEST_GUESS: Final = 32_768

# Lines whose addresses are nobody's who failed.
_NOBODYS = re.compile(
    r"message[- ]?id\b|mts-id|in-reply-to|references:|envelope[- ]from|\bfrom:|^\s*from\b|"
    r"\bsender\b|reply-to|original[- ]envelope|mail from|\bcontact|assistance|questions?\b|"
    r"\bcopyright|\bgenerated|\bhelp\b|^\s*subject:|^\s*cc:|\bauthor|unsubscribe|postmaster@|"
    r"mailer-daemon@|remetente|absender|expéditeur|mittente|remitente|差出人|送信者|发件人",
    re.IGNORECASE,
)
_JSON = re.compile(r"\\?\"\s{0,3}:\s{0,3}[\[{\\\"]")
_ADDRESS = r"(?:\"[^\"\s@]{1,64}\"|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,128})@[A-Za-z0-9.-]{1,253}"
# The address opens its line; quotation marks, brackets, bullets and a name may stand before it.
_ENTRY = re.compile(
    rf"^[\s>*•·|-]{{0,40}}(?:[^<>@\"]{{0,60}}\s|[^\s<>@]{{1,64}}@[^\s<>@]{{1,128}}\s(?=<))?[<\[\"'(]{{0,2}}(?:mailto:|smtp:|rfc822;\s?)?({_ADDRESS})[>\]\"')]{{0,2}}"
    r"(?:\s{0,8}$|\s{0,4}[:;(\[<,]|\.{0,3}\s|\s{1,4}on\s|\s)",
    re.IGNORECASE,
)
_TO = re.compile(r"\s{0,20}(?:to|an|à|para|宛先|收件人|кому)\s{0,4}:", re.IGNORECASE)
_ROLE = re.compile(
    r"(?:support|help|helpdesk|abuse|postmaster|mailer-daemon|admin|administrator|webmaster|"
    r"no-?reply|info|contact|service|hostmaster)@",
    re.IGNORECASE,
)
# Nothing else in its line, or in brackets before a colon, as Postfix and qmail put it.
_ALONE = re.compile(rf"^\s{{0,20}}<?({_ADDRESS})>?(?:\s?:?\s{{0,8}}$|(?<=>):\s)")
_EXPANDED = re.compile(
    rf"(?:expanded from:|ultimately generated from|\(generated from)\s{{0,4}}<?({_ADDRESS})",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(?:rcpt to|recipient(?: address)?|failed recipient|address|delivered to|"
    r"deliver(?:y|ed)? (?:to|of)|recipients? (?:was|were)[^:]{0,40}|permanent errors|user|"
    r"destinataire|empfänger|destinatario|destinatário|получатель|宛先|收件人|수신자|受信者)"
    rf"\s{{0,4}}[:=]\s{{0,4}}[<\"']{{0,2}}({_ADDRESS})",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?:^|[\s:<(\[])[45]\d\d[\s-]|[45]\.\d\.\d{1,3}")
_DIAGNOSTIC = re.compile(
    r"diagnostic information for|the following organization|informations de diagnostic|"
    r"diagnoseinformationen|información de diagnóstico|診断情報",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"smtp|deliver|recipient|message|address|error|fail|reject|unknown|could|[45]\d\d|"
    r"entreg|mensa|messag|nachricht|zugestellt|empf|destinat|correo|recapit|bericht|bezorg",
    re.IGNORECASE,
)
_TELLING = re.compile(
    r"\bsaid\b|reason|diagnos|error|reject|fail|could(?:n't| not)|unknown|invalid|exist|denied|"
    r"refus|full|quota|expired|timed out|not (?:found|recogni[sz]ed|listed)|unreachable|disabled|"
    r"blocked|\bunable",
    re.IGNORECASE,
)
_RULE = re.compile(
    r"\s{0,20}(?:-{3,}|_{5,}|={5,}|\*{5,})|(?:\.\.\. )?while talking to", re.IGNORECASE
)
_STAGES = (
    (
        Stage.END,
        re.compile(
            r"end of (?:the )?(?:data|message)|in reply to data|after data|>>> data|<<< data|"
            r"did not like our (?:data|\.)|after i sent the message|command[\s:]{1,4}data\b|"
            r"\(data\)|(?:data|text) command",
            re.IGNORECASE,
        ),
    ),
    (Stage.RCPT, re.compile(r"rcpt to|does not like recipient|in reply to rcpt", re.IGNORECASE)),
    (
        Stage.MAIL,
        re.compile(
            r"mail from|\b(?:ehlo|helo)\b|greeting|initial connection|sender was rejected|"
            r"initial server",
            re.IGNORECASE,
        ),
    ),
)


def read_text(letter: BounceText) -> list[ReturnFinding]:
    """What a bounce says in words; nothing where it is none, or names nobody."""
    if letter.is_json or not (letter.opens or letter.from_mail_system):
        return []
    failed = _failed(letter)
    about = {address: words_about(letter.lines, address, failed) for address in failed}
    text = _whole(letter.lines)
    delayed = _still_tried(letter)
    found = []
    for address, words in about.items():
        finding = make_finding(address, "", words)
        if finding.reason is R.UNDETERMINED and len(about) == 1:
            wider = make_finding(address, "", text)
            if wider.reason is not R.UNDETERMINED:
                finding = wider
        refused = finding.code >= 500 or finding.status.startswith("5")
        if delayed and not refused and finding.kind is not EventKind.HARD:
            finding = _delayed(finding)
        found.append(finding)
    return found


def make_finding(address: str, status: str, words: str, hosts: str = "") -> ReturnFinding:
    """What a server's words and the status field of a report (or "") say about an address.
    `hosts` names the server that spoke, where it is known."""
    stage = stage_of(words)
    verdict = classify(status, words, stage=stage, address=address, hosts=hosts)
    return ReturnFinding(
        verdict.kind,
        address,
        status or verdict.status,
        words[:_MOST_WORDS],
        verdict.code,
        stage,
        verdict.reason,
    )


def stage_of(words: str) -> Stage | None:
    """The step of the transaction that was refused, as servers and transcripts name it."""
    at, found = -1, None
    for stage, pattern in _STAGES:
        last = None
        for last in pattern.finditer(words[:4000]):  # noqa: B007 - the last one is what was refused
            pass
        if last is not None and last.start() > at:
            at, found = last.start(), stage
    return found


def ask_library(letter: BounceText) -> list[ReturnFinding]:
    """What flufl.bounce makes of it, which may raise anything on a stranger's mail."""
    if letter.is_json:
        return []
    message = message_from_bytes(letter.raw[:_LONGEST_GUESS])
    if "From" not in message:
        # One of its detectors cannot do without, and takes the others with it.
        message["From"] = "<nobody@invalid>"
    try:
        temporary, permanent = all_failures(message)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's mail sets off in it
        log.info("flufl.bounce failed", error=type(error).__name__)
        return []
    failed = _decoded(permanent, letter.senders)
    late = [one for one in _decoded(temporary, letter.senders) if one not in failed]
    return [
        *(make_finding(one, "", words_about(letter.lines, one, failed)) for one in failed),
        *(ReturnFinding(EventKind.DELAYED, one) for one in late),
    ]


def words_about(lines: list[str], address: str, others: Iterable[str] = ()) -> str:
    """What is said about an address, on one line: each line that names it, and those after it up to
    an empty one with something said before it."""
    wanted, rest = address.lower(), {other.lower() for other in others} - {address.lower()}
    said: list[str] = []
    end = -1
    for number, line in enumerate(lines):
        if number < end or wanted not in line.lower():
            continue
        here = [_without(line, address)]
        for end in range(number + 1, min(number + 25, len(lines))):
            after = lines[end]
            if _RULE.match(after) or (rest and any(one in after.lower() for one in rest)):
                break
            if not after.strip() and sum(map(len, here)) > 15:
                break
            here.append(_without(after, address))
        said += here
        if sum(map(len, said)) > _MOST_WORDS:
            break
    return " ".join(" ".join(said).split())[:_MOST_WORDS]


def _without(line: str, address: str) -> str:
    """A line that only names the address says nothing; one that quotes it keeps a place for it."""
    low = line.lower()
    at = low.find(address.lower())
    if at < 0 or len(low) != len(line):
        return line.strip()
    before, after = line[:at].strip(" \t<>*(\"'["), line[at + len(address) :].strip(" \t>:*)\"'],")
    return f"{before} <{address}> {after}".strip() if before else after


def _failed(letter: BounceText) -> list[str]:
    """The failed addresses, from the surest place that names any."""
    named = addresses_of(letter.message, "X-Failed-Recipients")  # Exim's and Gmail's own field
    if named:
        return list(dict.fromkeys(named))[:_MOST_ADDRESSES]
    sure: list[str] = []
    likely: list[str] = []
    weak: list[str] = []
    for line in letter.lines:
        if sure and _DIAGNOSTIC.search(line):
            break  # Exchange says it all again for machines, with addresses of its own
        if "@" not in line or _JSON.search(line):
            continue
        if expanded := _EXPANDED.search(line):
            # The address that we sent to, before an alias was resolved to the one above.
            sure.append(expanded[1])
        elif _TO.match(line):
            weak += addresses_in(line)
        elif named := _named_in(line):
            sure += named
        elif not _NOBODYS.search(line) and (_SPEAKS.search(line) or not line.isascii()):
            likely += [one for one in addresses_in(line) if not _ROLE.match(one)]
    ours = letter.senders
    weak = weak or _returned_to(letter)
    # A mail may be to its own sender: then only a line that names nothing else is believed.
    own = [one for line in letter.lines for one in _ALONE.findall(line)]
    return _first(_clean(sure, ours), _clean(likely, ours), _clean(own), _clean(weak, ours))


def _named_in(line: str) -> list[str]:
    """The addresses that a line begins with, or names in a field of a failure."""
    entry = _ENTRY.match(line)
    if entry and not _NOBODYS.search(line[: entry.start(1)]):
        return [entry[1]]
    return _FIELD.findall(line)


def _returned_to(letter: BounceText) -> list[str]:
    """Whom the returned mail was for, where a bounce names nobody and that mail only one."""
    if letter.original is None or not letter.opens:
        return []
    to = addresses_of(letter.original, "To", "X-Failed-Recipients")
    return to if len(to) == 1 else []


def _first(*choices: list[str]) -> list[str]:
    return next(filter(None, choices), [])[:_MOST_ADDRESSES]


def _clean(addresses: list[str], but: frozenset[str] = frozenset()) -> list[str]:
    found: dict[str, str] = {}
    for one in (one for address in addresses for one in addresses_in(address)):
        if one.lower() not in but:
            found.setdefault(one.lower(), one)
    return list(found.values())


def _still_tried(letter: BounceText) -> bool:
    said = " ".join(f"{field(letter.message, 'Subject')} {' '.join(letter.lines)}"[:4000].split())
    low = said.lower()
    return any(one in low for one in STILL_TRIED) and not any(one in low for one in GIVEN_UP)


def _whole(lines: list[str]) -> str:
    """The lines that tell something, those with a server's answer first: pleasantries stay out."""
    answers = [line.strip() for line in lines if _CODE.search(line)]
    others = [line.strip() for line in lines if not _CODE.search(line) and _TELLING.search(line)]
    return " ".join(" ".join([*answers, *others]).split())[:2000]


def _delayed(finding: ReturnFinding) -> ReturnFinding:
    return ReturnFinding(
        EventKind.DELAYED,
        finding.address,
        finding.status,
        finding.words,
        finding.code,
        finding.stage,
        finding.reason,
    )


def _decoded(addresses: object, senders: frozenset[str]) -> list[str]:
    if not isinstance(addresses, frozenset | set):
        return []
    texts = [a.decode("ascii", "replace") for a in addresses if isinstance(a, bytes)]
    return sorted(
        text for text in texts if "@" in text and '"' not in text and text.lower() not in senders
    )
