"""What a finding was found in: an answer for it is one for these words, and for no others."""

from __future__ import annotations

from hashlib import sha256

from briefing.lint.finding import LintFinding
from briefing.lint.places import HtmlLine, LinkWords, MailField, Place, StoryPlace, TextLine
from briefing.model import Composition, Edition


def digest(finding: LintFinding, composition: Composition, edition: Edition) -> str:
    """A mark of the finding's message and of the words at its place. Another subject, another line
    or another standfirst of the same story has another one."""
    told = "\n".join((finding.message, _words_at(finding.place, composition, edition)))
    return sha256(told.encode(errors="replace")).hexdigest()[:32]


def _words_at(place: Place, composition: Composition, edition: Edition) -> str:
    match place:
        case MailField():
            return {
                MailField.SUBJECT: composition.subject,
                MailField.PREHEADER: composition.preheader,
                MailField.NOTE: edition.note,
                MailField.CORRECTIONS: "\n".join(edition.corrections),
            }[place]
        case HtmlLine(number=number):
            return _line(composition.html, number)
        case TextLine(number=number):
            return _line(composition.text, number)
        case LinkWords(urls=urls):
            return "\n".join(urls)
        case StoryPlace(uid=uid):
            return "\n".join(
                f"{story.shown_headline}\n{story.shown_standfirst}\n{story.article}"
                for story in edition.stories
                if story.article.uid == uid
            )
        case _:
            return ""


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""
