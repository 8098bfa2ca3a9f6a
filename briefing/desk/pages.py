"""Pages: the story at a web address that an editor names."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from briefing.composition.sanitize import words
from briefing.errors import ArticleRefused
from briefing.model import DESK, Article, Briefing

_PAGES = ("", "text/html", "application/xhtml+xml")


def read_page(
    url: str, briefing: Briefing, now: datetime, *, allow_private: bool = False
) -> Article:
    """Fetch a page and read its story. Takes seconds; bounded in size, time and redirects.

    `allow_private` reaches addresses of the own network too. Raises `SourceFailed` where it cannot
    be fetched, `ArticleRefused` where it holds no story or breaks a limit, `SandboxFault` where
    nothing can be read at all.
    """
    # They bring an HTTP client, which most commands never need.
    from briefing.sources.confined import PAGE, Document, read_confined  # noqa: PLC0415
    from briefing.sources.fetching import Bounds, fetch  # noqa: PLC0415
    from briefing.sources.intake import Intake  # noqa: PLC0415

    name = words(url, 200)
    page = fetch(
        url.strip(),
        name=DESK,
        now=now,
        bounds=Bounds(allow_private=allow_private, max_bytes=5_000_000, read_s=10, total_s=20),
        accept="text/html, application/xhtml+xml",
    )
    if page.content_type not in _PAGES:
        raise ArticleRefused(
            f"{name} is {words(page.content_type, 80)}, not a web page",
            hint="give the address of the story's page, or write the story by hand",
        )
    intake = Intake(now, briefing.timezone, source=DESK)
    reading = read_confined(PAGE, page.body, Document(name, intake, charset=page.charset))
    if reading.problem:
        raise ArticleRefused(reading.problem, hint=reading.hint)
    article = reading.articles[0]
    return article if article.url else replace(article, url=page.url)
