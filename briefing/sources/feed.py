"""A feed (RSS, Atom or JSON Feed) that is polled over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from briefing.errors import SourceFailed
from briefing.sources import Harvest, SourceKilled
from briefing.sources.confined import FEED, Document, read_confined
from briefing.sources.fetching import Bounds, fetch
from briefing.sources.intake import Intake

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, "
    "application/json;q=0.8, text/xml;q=0.8, */*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class FeedSource:
    """A feed (RSS, Atom or JSON Feed) at an http(s) address.

    `section` fills in for entries that name none, which is all of RSS and Atom; so does `language`.
    """

    kind: ClassVar[str] = "feed"

    name: str
    url: str
    timezone: ZoneInfo
    section: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    language: str = ""

    def collect(self, now: datetime, *, etag: str = "", modified: str = "") -> Harvest:
        page = fetch(
            self.url,
            name=self.name,
            now=now,
            bounds=self.bounds,
            etag=etag,
            modified=modified,
            accept=_ACCEPT,
        )
        if page.not_modified:
            return Harvest(etag=page.etag, modified=page.modified, not_modified=True)
        intake = Intake(
            now, self.timezone, section=self.section, source=self.name, language=self.language
        )
        document = Document(page.url, intake, charset=page.charset, address=page.url)
        reading = read_confined(FEED, page.body, document)
        if reading.killed is not None:
            raise SourceKilled(
                f"source “{self.name}”: {reading.problem}",
                reason=reading.killed,
                hint=reading.hint,
            )
        if reading.problem:
            raise SourceFailed(f"source “{self.name}”: {reading.problem}", hint=reading.hint)
        return Harvest(
            articles=reading.articles,
            refused=reading.refused,
            etag=page.etag,
            modified=page.modified,
        )
