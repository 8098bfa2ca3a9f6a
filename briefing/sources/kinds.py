"""The kinds of source that `[[sources]]` in the configuration may name, and how each is made.

A new kind is one file with a class that keeps the `Source` protocol, and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from briefing.errors import ConfigError
from briefing.sources import Source
from briefing.sources.feed import FeedSource
from briefing.sources.fetching import Bounds
from briefing.sources.files import FilesSource

__all__ = ["KINDS", "SourceSettings", "open_source"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One `[[sources]]` table: `url` for what is fetched, `path` for a folder.

    `timezone` is that of days and times without an offset; `section` and `language` fill in for
    articles that name none.
    """

    name: str
    kind: str
    timezone: ZoneInfo
    url: str = ""
    path: Path | None = None
    section: str = ""
    language: str = ""
    bounds: Bounds = field(default_factory=Bounds)


def open_source(settings: SourceSettings) -> Source:
    """The source that `settings` describe; nothing is read yet.

    Raises `ConfigError` naming the source where its kind is unknown or its place is missing.
    """
    make = KINDS.get(settings.kind)
    if make is None:
        raise ConfigError(
            f"source “{settings.name}”: there is no kind “{settings.kind}”.",
            mend=f"Kinds: {', '.join(sorted(KINDS))}.",
        )
    return make(settings)


def _feed(settings: SourceSettings) -> Source:
    if not settings.url:
        raise _missing(settings, "url")
    return FeedSource(
        settings.name,
        settings.url,
        settings.timezone,
        settings.section,
        settings.bounds,
        settings.language,
    )


def _files(settings: SourceSettings) -> Source:
    if settings.path is None:
        raise _missing(settings, "path")
    return FilesSource(
        settings.name, settings.path, settings.timezone, settings.section, settings.language
    )


def _missing(settings: SourceSettings, key: str) -> ConfigError:
    return ConfigError(
        f"source “{settings.name}”: {key} is missing.",
        mend=f"A source of kind “{settings.kind}” needs it.",
    )


KINDS: Mapping[str, Callable[[SourceSettings], Source]] = {"feed": _feed, "files": _files}
