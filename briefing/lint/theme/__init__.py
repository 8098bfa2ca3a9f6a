"""Rules of the theme: markup, styles, colours, sizes, and the two parts beside each other.

Templates, the look or the settings break them, so the operator mends them; an editor cannot. When a
shipped theme changes it is held to them over editions of every kind (`tests/briefing/lint`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from briefing.lint.finding import LintFinding, Rule
from briefing.lint.mail import ParsedMail
from briefing.lint.theme import colours, images, layout, parts, reading, structure, styles

__all__ = ["RULES", "check"]

_CHECKS: Final = (structure, layout, styles, colours, reading, images, parts)

RULES: Final[tuple[Rule, ...]] = tuple(rule for one in _CHECKS for rule in one.RULES)
"""In the order in which they are checked."""


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    for one in _CHECKS:
        yield from one.check(mail)
