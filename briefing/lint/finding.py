"""What a check hands back, and the rule that it goes by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from briefing.lint.places import Place

__all__ = ["LintFinding", "Remedy", "Rule", "Severity"]


class Severity(StrEnum):
    """An error is held against the mail by readers, mail programs or the law; a warning may be."""

    ERROR = "error"
    WARNING = "warning"


class Remedy(StrEnum):
    """Where a fault is put right: in the edition at the desk, where an article comes from, in the
    theme's templates and look, or in the configuration. The last two are the operator's."""

    DESK = "desk"
    SOURCE = "source"
    THEME = "theme"
    SETTINGS = "settings"

    @property
    def is_operators(self) -> bool:
        return self in (Remedy.THEME, Remedy.SETTINGS)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One fault. `rule` is a stable slug, `source` the standard or page that the rule comes from.

    `hint` says what to do, with the names of files and fields; `desk_hint` says it for somebody who
    sees neither, "" where `hint` serves both. `url` is the address at fault, "" where the fault is
    none of an address. `about` marks the words it was found in (see `briefing.lint.about`).
    """

    rule: str
    level: Severity
    place: Place
    message: str
    hint: str
    source: str
    about: str = ""
    remedy: Remedy = Remedy.DESK
    desk_hint: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a mail has to keep, as one line, and who says so; `remedy` is where a breach is usually
    put right."""

    slug: str
    level: Severity
    says: str
    source: str
    remedy: Remedy = Remedy.DESK

    def broken(
        self,
        place: Place,
        message: str,
        hint: str,
        *,
        remedy: Remedy | None = None,
        desk_hint: str = "",
        url: str = "",
    ) -> LintFinding:
        return LintFinding(
            self.slug,
            self.level,
            place,
            message,
            hint,
            self.source,
            remedy=remedy or self.remedy,
            desk_hint=desk_hint,
            url=url,
        )


def error(slug: str, says: str, source: str) -> Rule:
    """A rule of the day's content whose breach is an error."""
    return Rule(slug, Severity.ERROR, says, source)


def warning(slug: str, says: str, source: str) -> Rule:
    """A rule of the day's content whose breach is a warning."""
    return Rule(slug, Severity.WARNING, says, source)


def theme_error(slug: str, says: str, source: str) -> Rule:
    """A rule of the theme whose breach is an error."""
    return Rule(slug, Severity.ERROR, says, source, Remedy.THEME)


def theme_warning(slug: str, says: str, source: str) -> Rule:
    """A rule of the theme whose breach is a warning."""
    return Rule(slug, Severity.WARNING, says, source, Remedy.THEME)
