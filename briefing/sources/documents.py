"""Foreign documents as bytes: which reader each is for, and what it says. Runs in a child process.

Every function takes bytes and a `Document` and gives a `ReadDocument`; what is no article is in
it, as a refusal or as the document's problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from briefing.errors import ArticleRefused
from briefing.model import Article
from briefing.sources import Refusal
from briefing.sources.confined import Document, ReadDocument
from briefing.sources.decoding import decode
from briefing.sources.html import read_html
from briefing.sources.intake import Intake
from briefing.sources.jsonfeed import read_json_feed
from briefing.sources.markdown import read_markdown
from briefing.sources.plaintext import read_plaintext
from briefing.sources.rss import read_feed
from briefing.sources.text import web_address

__all__ = ["read_feed_document", "read_file_document", "read_page_document"]

_Reader = Callable[[str, str, Intake], Iterator[Article | Refusal]]


def _single(read: Callable[[str, str, Intake], Article]) -> _Reader:
    def read_one(text: str, name: str, intake: Intake) -> Iterator[Article | Refusal]:
        yield read(text, name, intake)

    return read_one


_text, _markdown, _html = map(_single, (read_plaintext, read_markdown, read_html))
_BY_SUFFIX: Mapping[str, _Reader] = {
    ".txt": _text,
    ".text": _text,
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".xhtml": _html,
    ".xml": read_feed,
    ".rss": read_feed,
    ".atom": read_feed,
    ".json": read_json_feed,
}
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_XML = re.compile(r"<(?:\?xml|rss|feed|rdf:rdf)\b", re.IGNORECASE)
_PAGE = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_LINK = re.compile(r"<link\b[^>]{1,2000}", re.IGNORECASE)
_MOST_LINKS = 200
_FEED_TYPE = re.compile(r"\btype=[\"']?application/(?:rss|atom)\+xml", re.IGNORECASE)
_HREF = re.compile(r"\bhref=[\"']([^\"'>]{1,2000})", re.IGNORECASE)


def read_feed_document(data: bytes, document: Document) -> ReadDocument:
    """RSS, Atom or JSON Feed, by its content."""

    def read() -> Iterator[Article | Refusal]:
        text = decode(data, document.name, charset=document.charset, lenient=True)
        chosen = read_json_feed if text[:1000].lstrip().startswith("{") else read_feed
        yield from chosen(text, document.name, document.intake, address=document.address)

    return _gather(read, hint=lambda: _announced(data, document.address))


def read_file_document(data: bytes, document: Document) -> ReadDocument:
    """An article or several, by what the text unmistakably is, else by the file's suffix."""

    def read() -> Iterator[Article | Refusal]:
        text = decode(data, document.name)
        reader = _reader(document.name, document.suffix, text)
        yield from reader(text, document.name, document.intake)

    return _gather(read)


def read_page_document(data: bytes, document: Document) -> ReadDocument:
    """The one story of a web page."""

    def read() -> Iterator[Article | Refusal]:
        text = decode(data, document.name, charset=document.charset, lenient=True)
        yield read_html(text, document.name, document.intake)

    return _gather(read)


def _gather(
    read: Callable[[], Iterator[Article | Refusal]], *, hint: Callable[[], str] = lambda: ""
) -> ReadDocument:
    articles: list[Article] = []
    refused: list[Refusal] = []
    try:
        for item in read():
            if isinstance(item, Article):
                articles.append(item)
            else:
                refused.append(item)
    except ArticleRefused as failure:
        return ReadDocument(problem=failure.message, hint=hint() or failure.hint)
    return ReadDocument(tuple(articles), tuple(refused))


def _announced(data: bytes, address: str) -> str:
    """Where a web page came instead of a feed, the address of the feed it announces."""
    text = data[:100_000].decode("utf-8", "replace")
    if "<html" not in text.lower():
        return ""
    for number, link in enumerate(_LINK.finditer(text)):
        if number == _MOST_LINKS:
            break
        target = _HREF.search(link[0]) if _FEED_TYPE.search(link[0]) else None
        if target and (found := web_address(target[1], address)):
            return f"This is a web page; its feed seems to be at {found}."
    return ""


def _reader(name: str, suffix: str, text: str) -> _Reader:
    """What the text unmistakably is counts more than the suffix; the suffix more than a guess."""
    start = text[:2_000].lstrip("\ufeff \r\n\t")
    if _PAGE.match(start) or (_XML.match(start) and re.search(r"<html\b", start, re.IGNORECASE)):
        return _html
    if _XML.match(start):
        return read_feed
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if _SUFFIX.fullmatch(suffix):
        raise ArticleRefused(
            f"{name}: files with the suffix {suffix} are not read.",
            hint=f"Those that are: {' '.join(_BY_SUFFIX)}.",
        )
    if start.startswith("{") and "jsonfeed.org" in start:
        return read_json_feed
    return _markdown if re.match(r"---[ \t]*\n|# ", start) else _text
