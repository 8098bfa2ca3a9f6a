"""JSON Feed, versions 1 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from briefing.errors import ArticleRefused
from briefing.model import Article, Image
from briefing.sources import Refusal
from briefing.sources.intake import Intake
from briefing.sources.manuscript import Manuscript, to_article
from briefing.sources.text import paragraphs_of, shorten, web_address

MAX_ENTRIES = 2_000
LONGEST_TITLE = 120  # characters of the text that stand in for a missing title


def read_json_feed(
    text: str, name: str, intake: Intake, *, address: str = ""
) -> Iterator[Article | Refusal]:
    """The items of a JSON Feed; `address` resolves relative links.

    Raises `ArticleRefused` naming `name` where it is no JSON Feed.
    """
    try:
        feed = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ArticleRefused(f"{name}{where}: it is not JSON.", hint="Check the file.") from error
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in _word(feed, "version"):
        raise ArticleRefused(
            f"{name}: it is JSON, but not a JSON Feed.",
            hint="A JSON Feed has “version” (https://jsonfeed.org/version/1.1) and “items”.",
        )
    base = web_address(address) or web_address(_word(feed, "home_page_url"))
    for number, item in enumerate(items[:MAX_ENTRIES], 1):
        title = f"{name}, entry {number}"
        if not isinstance(item, dict):
            yield Refusal(title, "it is not an object.")
            continue
        try:
            yield to_article(_manuscript(item, base, _word(feed, "language")), title, intake)
        except ArticleRefused as refused:
            yield Refusal(title, refused.message.removeprefix(f"{title}: "))
    if len(items) > MAX_ENTRIES:
        yield Refusal(name, f"only the first {MAX_ENTRIES} of {len(items)} entries are read")


def _manuscript(item: Mapping[str, object], base: str, language: str) -> Manuscript:
    body = list(paragraphs_of(_word(item, "content_html"))) or [
        block for block in _word(item, "content_text").split("\n") if block.strip()
    ]
    summary = _word(item, "summary")
    body = body or ([summary] if summary else [])
    authors = item.get("authors")
    author = item.get("author")
    named = authors if isinstance(authors, list) else [author]
    identifier = item.get("id")
    tags = item.get("tags")
    image = _word(item, "image", "banner_image")
    return Manuscript(
        headline=_word(item, "title") or (shorten(body[0], LONGEST_TITLE) if body else ""),
        body=body,
        standfirst=summary,
        byline=", ".join(_word(a, "name") for a in named if isinstance(a, dict)),
        url=_word(item, "url", "external_url"),
        base=base,
        guid=str(identifier) if isinstance(identifier, str | int) else "",
        image=Image(image) if image else None,
        tags=[tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
        language=_word(item, "language") or language,
        published=_word(item, "date_published", "date_modified"),
    )


def _word(fields: Mapping[str, object], *keys: str) -> str:
    return next((v for key in keys if isinstance(v := fields.get(key), str) and v.strip()), "")
