"""What a finding was found in: an answer for it is one for these words, and for no others."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from briefing.composition.sanitize import words
from briefing.lint.finding import LintFinding
from briefing.model import Composition, Edition

_LINE: Final = re.compile(r"(HTML|text) line (\d+)")
_QUOTED: Final = re.compile(r"“(.*)”", re.DOTALL)


def digest(finding: LintFinding, composition: Composition, edition: Edition) -> str:
    """A mark of the finding's message and of the words at its place. Another subject, another line
    or another standfirst of the same story has another one."""
    told = "\n".join((finding.message, _words_at(finding.place, composition, edition)))
    return sha256(told.encode(errors="replace")).hexdigest()[:32]


def _words_at(place: str, composition: Composition, edition: Edition) -> str:
    own = {
        "subject": composition.subject,
        "preheader": composition.preheader,
        "the editor's note": edition.note,
        "corrections": "\n".join(edition.corrections),
    }
    if place in own:
        return own[place]
    if line := _LINE.match(place):
        lines = (composition.html if line[1] == "HTML" else composition.text).splitlines()
        number = int(line[2])
        return lines[number - 1] if 0 < number <= len(lines) else ""
    if quoted := _QUOTED.fullmatch(place):
        start = quoted[1].rstrip("…")
        return "\n".join(
            f"{story.shown_headline}\n{story.shown_standfirst}\n{story.article}"
            for story in edition.stories
            if words(story.shown_headline).startswith(start)
        )
    return ""
