"""Rules of the day's content: subject, stories, pictures, links and size, which differ each day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from briefing.lint.content import images, links, size, subject, words
from briefing.lint.finding import LintFinding, Rule
from briefing.lint.mail import ParsedMail

__all__ = ["RULES", "check"]

_CHECKS: Final = (subject, words, images, links, size)

RULES: Final[tuple[Rule, ...]] = tuple(rule for one in _CHECKS for rule in one.RULES)
"""In the order in which they are checked."""


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    for one in _CHECKS:
        yield from one.check(mail)
