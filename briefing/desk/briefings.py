"""The briefings of the configuration, those that are no more, and how each of them looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from briefing.composition import Theme
from briefing.composition.look import Dress
from briefing.errors import ConfigError, ThemeError, UsageError
from briefing.model import Briefing, Look, Publication


class Briefings:
    """Finds briefings by their slugs. `theme` gives the loaded theme of one."""

    def __init__(
        self,
        publication: Publication,
        by_slug: Mapping[str, Briefing],
        theme: Callable[[Briefing], Theme],
    ) -> None:
        self._publication = publication
        self._by_slug = by_slug
        self._theme = theme

    def get(self, slug: str) -> Briefing | None:
        """A briefing of the configuration, None where there is none of that slug."""
        return self._by_slug.get(slug)

    def find(self, slug: str = "") -> Briefing:
        """A briefing by its slug; the only one where no slug is given. Raises `UsageError`."""
        if slug in self._by_slug:
            return self._by_slug[slug]
        known = ", ".join(self._by_slug)
        if slug:
            raise UsageError(f"there is no briefing “{slug}”", hint=f"choose one of: {known}")
        if len(self._by_slug) > 1:
            raise UsageError("there are several briefings", hint=f"say --briefing with: {known}")
        return next(iter(self._by_slug.values()))

    def former(self, slug: str) -> Briefing:
        """A briefing that readers' old links name, whether or not there still is one: one that is
        no more goes by the publication's name and has no sections."""
        if slug in self._by_slug:
            return self._by_slug[slug]
        name, heir = self._publication.name, next(iter(self._by_slug.values()))
        return replace(
            heir,
            slug=slug,
            name=name,
            tagline="",
            sections=(),
            language=self._publication.language,
            timezone=self._publication.timezone,
        )

    def dress(self, briefing: Briefing) -> Dress:
        """The briefing's colours and fonts for what is no edition. Where its theme cannot be used
        at all, the shipped one's: a fault of the publisher's own keeps nobody from leaving."""
        shipped = Look()
        try:
            return self._theme(briefing).dress(briefing.look)
        except (ConfigError, ThemeError):
            pass
        try:
            return Theme.load(shipped.theme).dress(briefing.look)
        except ConfigError:
            return Theme.load(shipped.theme).dress(shipped)
