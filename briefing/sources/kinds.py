"""The kinds of source that `[[sources]]` in the configuration may name, and how each is made.

A new kind is one file with a class that keeps the `Source` protocol, and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from briefing.errors import ConfigError
from briefing.sources import Source
from briefing.sources.feed import FeedSource
from briefing.sources.fetching import Bounds
from briefing.sources.files import FilesSource

__all__ = ["KINDS", "SourceSettings", "open_source"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One `[[sources]]` table. `url` is an address, or a folder for files (a path or file://).

    `timezone` is that of days and times without an offset; a relative path is seen from `folder`.
    """

    name: str
    kind: str
    url: str
    timezone: ZoneInfo
    section: str = ""
    allow_private: bool = False
    folder: Path = Path()


def open_source(settings: SourceSettings) -> Source:
    """The source that `settings` describe; nothing is read yet.

    Raises `ConfigError` naming the source where its kind is unknown or its address is missing.
    """
    make = KINDS.get(settings.kind)
    if make is None:
        raise ConfigError(
            f"source “{settings.name}”: there is no kind “{settings.kind}”.",
            mend=f"Kinds: {', '.join(sorted(KINDS))}.",
        )
    if not settings.url.strip():
        raise ConfigError(f"source “{settings.name}”: url is empty.", mend="Say where it is.")
    return make(settings)


def _feed(settings: SourceSettings) -> Source:
    if urlsplit(settings.url).scheme not in {"http", "https"}:
        raise ConfigError(
            f"source “{settings.name}”: url “{settings.url}” is not an http or https address.",
            mend='Write it in full, or use kind = "files" for a folder.',
        )
    bounds = Bounds(allow_private=settings.allow_private)
    return FeedSource(settings.name, settings.url, settings.timezone, settings.section, bounds)


def _files(settings: SourceSettings) -> Source:
    path = settings.url
    if path.startswith("file:"):
        path = unquote(urlsplit(path).path)
    folder = settings.folder / Path(path).expanduser()
    return FilesSource(settings.name, folder, settings.timezone, settings.section)


KINDS: Mapping[str, Callable[[SourceSettings], Source]] = {"feed": _feed, "files": _files}
