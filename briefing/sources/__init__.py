"""Ways in: every source answers a poll with a `Harvest` of articles and refused entries.

A source *reads*; it does not store, judge or schedule. The collector keeps `etag` and `modified`
from one harvest to the next and hands them back, so that an unchanged source costs one question.
A source that fails as a whole raises `SourceFailed`; one bad entry is a `Refusal` among the others.

One file per kind (`feed.py`, `files.py`), made by the composition root. The readers of formats
beside them (`plaintext`, `markdown`, `html`, `rss`, `jsonfeed`) are pure and run in a child process
(`confined.py`, `documents.py`); what they find goes through `manuscript.py`, the one place where
foreign text becomes an `Article`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from briefing.errors import SourceFailed
from briefing.model import Article
from briefing.sandbox import KillReason

__all__ = ["Harvest", "Refusal", "Source", "SourceBusy", "SourceKilled"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file or entry that did not become an article: its name, and why in words for people.

    `killed` is set where reading it was ended, since it broke a limit.
    """

    name: str
    reason: str
    killed: KillReason | None = None


@dataclass(frozen=True, slots=True)
class Harvest:
    """What one poll gave.

    `etag` and `modified` are opaque and belong to the source: hand them to the next poll. With
    `not_modified` nothing has changed since, and both lists are empty.
    """

    articles: tuple[Article, ...] = ()
    refused: tuple[Refusal, ...] = ()
    etag: str = ""
    modified: str = ""
    not_modified: bool = False


class SourceBusy(SourceFailed):
    """The source asks to be left alone until `retry_at` (aware UTC; RFC 9110, 10.2.3)."""

    def __init__(self, message: str, *, retry_at: datetime, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_at = retry_at


class SourceKilled(SourceFailed):
    """The source's document was given up, since it broke a limit or the parser: `reason`."""

    def __init__(self, message: str, *, reason: KillReason, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class Source(Protocol):
    """A configured way in; `name` is the operator's word for it."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    def collect(self, now: datetime, *, etag: str = "", modified: str = "") -> Harvest:
        """Read what is there at `now` (aware UTC), given the marks of the last harvest.

        Raises `SourceFailed` naming the source, its address, the reason and the mend.
        """
