"""Lint: what is wrong with a mail as it was composed, each fault with its place, hint and source.

All of it is pure. Lint reads the mail as readers will get it, not the templates it came from, so it
holds a publisher's own theme to the same rules as those that are shipped. There are two kinds of
rules, each a package of checks by subject: those of the theme, and those of the day's content. A
check gets the `ParsedMail` and yields a `LintFinding` for whatever breaks one of its rules.

A draft is held to both. A theme of a publisher's own is in no tests of ours, and what is wrong with
it may show with one day's stories only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from briefing.composition.composer import Composed
from briefing.lint import content, theme
from briefing.lint.about import digest
from briefing.lint.content.links import outward
from briefing.lint.content.size import Weight, weigh
from briefing.lint.finding import LintFinding, Remedy, Rule, Severity
from briefing.lint.mail import ParsedMail
from briefing.model import Briefing, Edition, Publication

__all__ = [
    "CONTENT_RULES",
    "RULES",
    "THEME_RULES",
    "LintFinding",
    "Remedy",
    "Rule",
    "Severity",
    "Weight",
    "lint",
    "lint_content",
    "lint_theme",
    "outward_links",
    "weigh",
]

THEME_RULES: Final = theme.RULES
CONTENT_RULES: Final = content.RULES
RULES: Final[tuple[Rule, ...]] = (*THEME_RULES, *CONTENT_RULES)
"""All rules in the order in which they are checked."""


def lint(
    composed: Composed, edition: Edition, briefing: Briefing, publication: Publication
) -> tuple[LintFinding, ...]:
    """What is wrong with a composition of the edition, errors first.

    An error is what readers, mail programs or the law will hold against the mail; a warning is for
    an editor to look at.
    """
    mail = ParsedMail.of(composed, edition, briefing, publication)
    return _sorted((*theme.check(mail), *content.check(mail)), composed, edition)


def lint_theme(
    composed: Composed, edition: Edition, briefing: Briefing, publication: Publication
) -> tuple[LintFinding, ...]:
    """What the theme is to blame for, of what `lint` finds."""
    mail = ParsedMail.of(composed, edition, briefing, publication)
    return _sorted(theme.check(mail), composed, edition)


def lint_content(
    composed: Composed, edition: Edition, briefing: Briefing, publication: Publication
) -> tuple[LintFinding, ...]:
    """What the day's content is to blame for, of what `lint` finds."""
    mail = ParsedMail.of(composed, edition, briefing, publication)
    return _sorted(content.check(mail), composed, edition)


def outward_links(composed: Composed) -> tuple[str, ...]:
    """The addresses readers are sent to, each once, in reading order, those of the slots apart."""
    return outward(composed.composition.html)


def _sorted(
    found: Iterable[LintFinding], composed: Composed, edition: Edition
) -> tuple[LintFinding, ...]:
    # One rule broken in one place is one finding, however many ways there are to see it.
    unique = {(item.rule, item.place, item.message): item for item in found}
    marked = [
        replace(item, about=digest(item, composed.composition, edition)) for item in unique.values()
    ]
    return tuple(sorted(marked, key=lambda item: item.level is not Severity.ERROR))
