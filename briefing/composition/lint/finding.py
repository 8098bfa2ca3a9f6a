"""What a check hands back, and the rule that it goes by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level", "Rule"]


class Level(StrEnum):
    """An error is held against the mail by readers, mail programs or the law; a warning may be."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `rule` is a stable slug, `place` says where: a headline, "subject", "HTML line 61"
    or "text line 3". `source` is the standard or page that the rule comes from. `about` marks the
    words it was found in (see `briefing.composition.lint.about`)."""

    rule: str
    level: Level
    place: str
    message: str
    mend: str
    source: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a mail has to keep, as one line, and who says so."""

    slug: str
    level: Level
    says: str
    source: str

    def broken(self, place: str, message: str, mend: str) -> Finding:
        return Finding(self.slug, self.level, place, message, mend, self.source)


def error(slug: str, says: str, source: str) -> Rule:
    """A rule whose breach is an error."""
    return Rule(slug, Level.ERROR, says, source)


def warning(slug: str, says: str, source: str) -> Rule:
    """A rule whose breach is a warning."""
    return Rule(slug, Level.WARNING, says, source)
