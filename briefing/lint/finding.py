"""What a check hands back, and the rule that it goes by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LintFinding", "Rule", "Severity"]


class Severity(StrEnum):
    """An error is held against the mail by readers, mail programs or the law; a warning may be."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One fault. `rule` is a stable slug, `place` says where: a headline, "subject", "HTML line 61"
    or "text line 3". `source` is the standard or page that the rule comes from. `about` marks the
    words it was found in (see `briefing.lint.about`)."""

    rule: str
    level: Severity
    place: str
    message: str
    hint: str
    source: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a mail has to keep, as one line, and who says so."""

    slug: str
    level: Severity
    says: str
    source: str

    def broken(self, place: str, message: str, hint: str) -> LintFinding:
        return LintFinding(self.slug, self.level, place, message, hint, self.source)


def error(slug: str, says: str, source: str) -> Rule:
    """A rule whose breach is an error."""
    return Rule(slug, Severity.ERROR, says, source)


def warning(slug: str, says: str, source: str) -> Rule:
    """A rule whose breach is a warning."""
    return Rule(slug, Severity.WARNING, says, source)
