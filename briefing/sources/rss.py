"""RSS and Atom.

feedparser reads the XML in all its dialects. It gets text that is already decoded, and neither
sanitises nor resolves links inside the prose: both take ten times as long as the rest, and the
prose becomes plain text here anyway.
"""

from __future__ import annotations

import calendar
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import feedparser
import feedparser.mixin

from briefing.errors import ArticleRefused
from briefing.model import Article, Image
from briefing.sources import Refusal
from briefing.sources.boilerplate import strip_boilerplate
from briefing.sources.intake import Intake
from briefing.sources.jsonfeed import LONGEST_TITLE, MAX_ENTRIES
from briefing.sources.manuscript import Manuscript, to_article
from briefing.sources.text import paragraphs_of, shorten, text_of, web_address

__all__ = ["read_feed"]

_WIDE_ENOUGH = 600  # CSS pixels; the column of a digest
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp)(?:[?#]|$)", re.IGNORECASE)
_LONGEST_AUTHOR = 500  # characters; what feedparser looks for in it takes their square
_LONGEST_HEAD = 8_000  # characters before the first element
_MAILBOX = re.compile(r"[^\s@]+@[^\s@]+\s*\((?P<name>[^()]*)\)")  # "jane@example.org (Jane Doe)"
# feedparser asks of each prefix that a document declares and of each attribute of an element how it
# stands to all the others. Those of real feeds have a dozen.
_MOST_PREFIXES = 100
_MOST_ATTRIBUTES = 500
_PREFIX = re.compile(r"\bxmlns:([^\s=:]{1,100})")
_CROWDED = re.compile(
    r"<\w[^\s<>]*+(?:\s++[^\s=<>\"']++(?:\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^\s\"'<>]++))?+)"
    rf"{{{_MOST_ATTRIBUTES + 1}}}"
)
_DECLARATION = re.compile(r"<\?xml[^>]{0,500}\?>")
_ELEMENT = re.compile(r"<\w")

# kurtmckee/feedparser#562: one expression over an author of any length, which held the interpreter
# for a second at 16 KB. There is no way to set a bound from outside.
_sync_author: Callable[..., None] = feedparser.mixin._FeedParserMixin._sync_author_detail  # noqa: SLF001


def _sync_bounded_author(parser: Any, key: str = "author") -> None:
    context = parser._get_context()  # noqa: SLF001 - its own name for itself
    author = context.get(key)
    if isinstance(author, str) and len(author) > _LONGEST_AUTHOR:
        context[key] = author[:_LONGEST_AUTHOR]
    _sync_author(parser, key)


feedparser.mixin._FeedParserMixin._sync_author_detail = _sync_bounded_author  # noqa: SLF001


def read_feed(
    text: str, name: str, intake: Intake, *, address: str = ""
) -> Iterator[Article | Refusal]:
    """The entries of an RSS or Atom document; `address` resolves relative links.

    Raises `ArticleRefused` naming `name` where it is no feed at all.
    """
    text = _without_long_head(_DECLARATION.sub("", text.lstrip("\ufeff \r\n\t"), count=1))
    _refuse_crowded(text, name)
    headers = {"content-type": "application/xml; charset=utf-8"}
    if address:
        headers["content-location"] = address
    try:
        parsed = feedparser.parse(
            io.BytesIO(text.encode("utf-8", "replace")),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
        entries, channel = parsed.entries, parsed.feed
        known = bool(parsed.version)
    except Exception as error:  # its loose parser raises whatever the input provokes
        raise ArticleRefused(
            f"{name}: it cannot be read as a feed.", hint="Check that it is RSS or Atom."
        ) from error
    if not entries and not known:
        raise ArticleRefused(
            f"{name}: it is not an RSS or Atom feed.", hint="Check the address or the file."
        )
    base = web_address(address) or web_address(str(channel.get("link") or ""))
    language = str(channel.get("language") or "")
    for number, entry in enumerate(entries[:MAX_ENTRIES], 1):
        title = f"{name}, entry {number}"
        try:
            yield to_article(_manuscript(entry, base, language), title, intake)
        except ArticleRefused as refused:
            yield Refusal(title, refused.message.removeprefix(f"{title}: "))
    if len(entries) > MAX_ENTRIES:
        yield Refusal(name, f"only the first {MAX_ENTRIES} of {len(entries)} entries are read")


def _refuse_crowded(text: str, name: str) -> None:
    if len({prefix[1] for prefix in _PREFIX.finditer(text)}) > _MOST_PREFIXES:
        raise ArticleRefused(
            f"{name}: it declares more than {_MOST_PREFIXES} XML namespaces.",
            hint="It may be hostile, or only broken; look at it before you use it.",
        )
    if _CROWDED.search(text):
        raise ArticleRefused(
            f"{name}: one of its elements has more than {_MOST_ATTRIBUTES} attributes.",
            hint="It may be hostile, or only broken; look at it before you use it.",
        )


def _without_long_head(text: str) -> str:
    """The text with what stands before its first element in bounded length: a document type with
    its entities, which feedparser looks through in time that grows with the square of it."""
    element = _ELEMENT.search(text)
    if element is None:
        return text[:_LONGEST_HEAD]
    head = re.sub(r"\s+", "\n", text[: min(element.start(), _LONGEST_HEAD)])
    return (head if element.start() <= _LONGEST_HEAD else "") + text[element.start() :]


def _manuscript(entry: Mapping[str, Any], base: str, language: str) -> Manuscript:
    summary, _ = strip_boilerplate(_prose(entry, "summary"))
    content = max((_paragraphs(part) for part in entry.get("content") or ()), key=_size, default=[])
    body = content if _size(content) > _size(summary) else summary
    # A description that is the whole story is no standfirst.
    standfirst = summary[0] if summary and body is not summary else ""
    title = " ".join(_prose(entry, "title"))
    return Manuscript(
        headline=title or (shorten(body[0], LONGEST_TITLE) if body else ""),
        body=body,
        standfirst=standfirst,
        byline=_byline(entry),
        url=str(entry.get("link") or ""),
        base=base,
        guid=str(entry.get("id") or ""),
        image=_image(entry),
        tags=[
            str(tag.get("label") or tag.get("term") or "")
            for tag in entry.get("tags") or ()
            if "://" not in str(tag.get("term"))
        ],
        language=str(entry.get("language") or language),
        published=_moment(entry, "published_parsed") or _moment(entry, "updated_parsed") or "",
    )


def _byline(entry: Mapping[str, Any]) -> str:
    written = str(entry.get("author") or "")[:_LONGEST_AUTHOR]
    if named := _MAILBOX.fullmatch(written):
        return named["name"]
    name = str((entry.get("author_detail") or {}).get("name") or written)
    return "" if "@" in name else name


def _size(paragraphs: list[str]) -> int:
    return sum(map(len, paragraphs))


def _prose(entry: Mapping[str, Any], key: str) -> list[str]:
    # feedparser may pair the text of <description> with the details of a later element.
    details = entry.get(f"{key}_detail") or {}
    return _paragraphs({"value": entry.get(key) or "", "type": details.get("type")})


def _paragraphs(part: Mapping[str, Any]) -> list[str]:
    value = str(part.get("value") or "")
    if part.get("type") == "text/plain":
        return [" ".join(block.split()) for block in re.split(r"\n\s*\n", value) if block.strip()]
    return list(paragraphs_of(value))


def _moment(entry: Mapping[str, Any], key: str) -> datetime | None:
    # Asked this way because feedparser's own lookup answers "updated" with "published".
    parsed = dict.get(entry, key) if isinstance(entry, dict) else None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _image(entry: Mapping[str, Any]) -> Image | None:
    """The narrowest picture that fills the column, else the widest, else the first."""
    alt = next((text_of(str(t.get("content") or "")) for t in _dicts(entry, "media_title")), "")
    by = next((text_of(str(c.get("content") or "")) for c in _dicts(entry, "media_credit")), "")
    media = [m for m in _dicts(entry, "media_content") if _is_picture(m, str(m.get("url") or ""))]
    enclosed = [
        link
        for link in [*_dicts(entry, "links"), *_dicts(entry, "enclosures")]
        if link.get("rel", "enclosure") == "enclosure" and _is_picture(link, str(link.get("href")))
    ]
    pictures = [
        Image(
            str(picture.get("url") or picture.get("href") or ""),
            alt,
            _pixels(picture.get("width")),
            _pixels(picture.get("height")),
            by,
        )
        for picture in [*media, *enclosed, *_dicts(entry, "media_thumbnail")]
    ]
    wide = [picture for picture in pictures if picture.width >= _WIDE_ENOUGH]
    if wide:
        return min(wide, key=lambda picture: picture.width)
    unsized = [picture for picture in pictures if not picture.width]
    return next(iter(unsized), None) or max(pictures, key=lambda p: p.width, default=None)


def _dicts(entry: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = entry.get(key)
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _is_picture(media: Mapping[str, Any], url: str) -> bool:
    kind = str(media.get("type") or media.get("medium") or "")
    return kind.startswith("image") or (not kind and bool(_PICTURE.search(url)))


def _pixels(size: object) -> int:
    digits = str(size or "").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else 0
