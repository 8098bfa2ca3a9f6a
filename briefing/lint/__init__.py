"""Lint: what is wrong with a mail as it was composed, each fault with its place, mend and source.

`lint` is pure. It reads the mail as readers will get it, not the templates it came from, so it
holds a publisher's own theme to the same rules as those that are shipped. Checks are generators by
theme; each gets the `ParsedMail` and yields a `LintFinding` for whatever breaks one of its rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from briefing.composition.composer import Composed
from briefing.lint import (
    colours,
    images,
    layout,
    links,
    parts,
    reading,
    size,
    structure,
    styles,
    subject,
    words,
)
from briefing.lint.about import digest
from briefing.lint.finding import LintFinding, Rule, Severity
from briefing.lint.mail import ParsedMail
from briefing.lint.size import Weight, weigh
from briefing.model import Briefing, Edition, Publication

__all__ = [
    "RULES",
    "LintFinding",
    "Rule",
    "Severity",
    "Weight",
    "is_operators",
    "lint",
    "outward_links",
    "weigh",
]

_CHECKS: Final = (
    structure, layout, styles, colours, reading, images, links, subject, words, parts, size,
)  # fmt: skip

RULES: Final[tuple[Rule, ...]] = tuple(rule for check in _CHECKS for rule in check.RULES)
"""All rules in the order in which they are checked."""

_OPERATORS: Final = frozenset(
    rule.slug for check in (structure, layout, styles, colours, parts) for rule in check.RULES
) | frozenset(
    {"image-alt", "image-size", "image-alt-style", "images-off", "image-address"}
    | {"text-size", "prose-size", "tap-target", "tap-comfort", "preheader"}
)


def is_operators(finding: LintFinding) -> bool:
    """Whether its mend is in a theme's templates or in the configuration: no words of the edition
    were the cause. Pure."""
    if finding.rule == "link-private":
        return finding.place == links.OWN_PAGES
    return finding.rule in _OPERATORS


def lint(
    composed: Composed, edition: Edition, briefing: Briefing, publication: Publication
) -> tuple[LintFinding, ...]:
    """What is wrong with a composition of the edition, errors first.

    An error is what readers, mail programs or the law will hold against the mail; a warning is for
    an editor to look at.
    """
    mail = ParsedMail.of(composed, edition, briefing, publication)
    found = [finding for check in _CHECKS for finding in check.check(mail)]
    # One rule broken in one place is one finding, however many ways there are to see it.
    unique = {(item.rule, item.place, item.message): item for item in found}
    marked = [
        replace(item, about=digest(item, composed.composition, edition)) for item in unique.values()
    ]
    return tuple(sorted(marked, key=lambda item: item.level is not Severity.ERROR))


def outward_links(composed: Composed) -> tuple[str, ...]:
    """The addresses readers are sent to, each once, in reading order, those of the slots apart."""
    return links.outward(composed.composition.html)
