"""Subject, preheader and headlines: long enough, short enough, and not shouted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from briefing.composition.text import cells
from briefing.lint.finding import LintFinding, error, warning
from briefing.lint.mail import ParsedMail, clean, squeeze, where_told
from briefing.lint.places import MailField, Place

_EMPTY = error(
    "subject-empty", "There is a subject.", "RFC 5322, 3.6.5; SpamAssassin, MISSING_SUBJECT"
)
_LENGTH = warning(
    "subject-length",
    "The subject takes 10 to 90 cells; a phone shows the first 35 or so.",
    "Mailbox lists of Gmail, Apple Mail and Outlook",
)
_SHOUTING = warning(
    "shouting",
    "No subject or headline in capitals, and no rows of marks.",
    "SpamAssassin, SUBJ_ALL_CAPS and PLING_PLING",
)
_EMOJI = warning(
    "subject-emoji",
    "At most one emoji in a subject.",
    "Nielsen Norman Group, Emojis in Email Subject Lines; screen readers spell out each",
)
_SPAM = warning(
    "subject-spam", "The subject does not sell.", "SpamAssassin, the FREE, URGENT and WINNER rules"
)
_REPLY = warning(
    "subject-reply",
    "The subject does not pretend to be an answer.",
    "15 U.S.C. 7704(a)(2) (CAN-SPAM); Gmail, Email sender guidelines",
)
_REPEATS = warning(
    "preheader-repeats",
    "The preheader goes on where the subject ends.",
    "Litmus, The ultimate guide to preview text",
)

_PREHEADER_LENGTH = warning(
    "preheader-length",
    "The preheader has 40 to 90 characters.",
    "Litmus, The ultimate guide to preview text: what phones and desktops show",
)

RULES: Final = (_EMPTY, _LENGTH, _SHOUTING, _EMOJI, _SPAM, _REPLY, _REPEATS, _PREHEADER_LENGTH)

_CELLS: Final = (10, 90)
_EMOJIS = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001f6ff\U0001f900-\U0001faff]"
    "(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|[\U000e0020-\U000e007f]|\u200d[\u2600-\U0001faff])*"
)
_MARKS = re.compile(r"!!|\?\?|!\?|\?!|¡¡|\${2,}|！！|？？")
_SELLING = re.compile(
    r"\b(?:act now|limited time|risk[- ]free|100% free|no obligation|you(?:'|’)?ve won|winner!|"
    r"buy now|order now|cash bonus|earn money|click here|last chance|once in a lifetime|"
    r"urgent(?=[:!])|free!|congratulations!)",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\A\s*(?:re|fwd?|aw|wg|rv|رد)\s*:", re.IGNORECASE)


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    yield from _subject(mail)
    if not 40 <= len(mail.preheader) <= 90:
        yield _PREHEADER_LENGTH.broken(
            MailField.PREHEADER,
            f"it has {len(mail.preheader)} characters",
            "write one of 40 to 90",
        )


def _subject(mail: ParsedMail) -> Iterator[LintFinding]:
    subject = squeeze(mail.subject)
    if not subject:
        yield _EMPTY.broken(
            MailField.SUBJECT,
            "it is empty",
            "write one, or repair subject.txt",
            desk_hint="write one",
        )
        return
    long = cells(subject)
    if not _CELLS[0] <= long <= _CELLS[1]:
        yield _LENGTH.broken(
            MailField.SUBJECT, f"it takes {long} cells", "say the news in 40 to 70"
        )
    if len(_EMOJIS.findall(subject)) > 1:
        yield _EMOJI.broken(MailField.SUBJECT, "several emoji", "keep one, or none")
    if found := _SELLING.search(subject):
        yield _SPAM.broken(MailField.SUBJECT, f"“{found[0]}”", "say what happened")
    if found := _ANSWER.match(subject):
        yield _REPLY.broken(
            MailField.SUBJECT, f"it begins with “{found[0].strip()}”", "tell the news"
        )
    said = squeeze(mail.preheader).casefold()
    if said and (said in subject.casefold() or subject.casefold() in said):
        yield _REPEATS.broken(
            MailField.PREHEADER, "it repeats the subject", "tell the next story there"
        )
    yield from _shouted(MailField.SUBJECT, subject)
    for story in mail.stories:
        yield from _shouted(where_told(story), clean(story.shown_headline))


def _shouted(place: Place, text: str) -> Iterator[LintFinding]:
    letters = [character for character in text if character.upper() != character.lower()]
    capitals = sum(character.isupper() for character in letters)
    if len(letters) >= 12 and capitals > 0.7 * len(letters):
        yield _SHOUTING.broken(place, "it is in capitals", "write it as a sentence")
    if found := _MARKS.search(text):
        yield _SHOUTING.broken(place, f"“{found[0]}”", "one mark, or better none")
