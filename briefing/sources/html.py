"""Saved web pages: the article's fields from its metadata, the story from <article> or <main>.

Metadata as news sites publish it: Open Graph (ogp.me), schema.org's NewsArticle in JSON-LD, and
plain <meta> and <link>.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from briefing.errors import ArticleRefused
from briefing.model import Article, Image
from briefing.sources.intake import Intake
from briefing.sources.manuscript import Manuscript, to_article
from briefing.sources.text import UNREAD, paragraphs_of

_PROSE = frozenset({"p", "li", "blockquote", "h2", "h3", "h4"})
_MOST_PLACES = 20  # articles of a page that are compared
_MOST_PROSE = 5_000
_ARTICLE_TYPES = ("Article", "BlogPosting", "Report")


def read_html(text: str, name: str, intake: Intake) -> Article:
    """The article on the page `text`. Raises `ArticleRefused` naming `name` where there is none."""
    parser = HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        page = document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise ArticleRefused(
            f"{name}: it cannot be read as a web page.", hint="Save the page again."
        ) from error
    meta, linked = _meta(page), _linked(page)
    url = _attribute(page, "//link[@rel='canonical']/@href") or meta.get("og:url", "")
    site = meta.get("og:site_name", "")
    headline = _without_site(
        meta.get("og:title") or _word(linked.get("headline")) or _first(page, "//h1"), site
    ) or _without_site(_first(page, "//title"), site)
    standfirst = meta.get("og:description") or meta.get("description") or ""
    body = list(_story(page, headline)) or list(paragraphs_of(_word(linked.get("articleBody"))))
    if headline and not body and not standfirst:
        raise ArticleRefused(
            f"{name}: the page has a title but no story.",
            hint="Save a page that has its text in <article> or <main>.",
        )
    return to_article(
        Manuscript(
            headline=headline,
            body=body,
            standfirst=standfirst or _word(linked.get("description")),
            byline=", ".join(_names(linked.get("author"))) or _author(meta),
            section=_word(linked.get("articleSection")) or meta.get("article:section", ""),
            url=url or _word(linked.get("url")),
            base=url,
            image=_image(meta, linked),
            tags=_names(linked.get("keywords")) or meta.get("keywords", "").split(","),
            language=_attribute(page, "/html/@lang") or _word(linked.get("inLanguage")),
            published=_word(linked.get("datePublished"))
            or meta.get("article:published_time")
            or meta.get("date")
            or _attribute(page, "//article//time/@datetime"),
        ),
        name,
        intake,
    )


def _meta(page: HtmlElement) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in page.iter("meta"):
        key = element.get("property") or element.get("name") or element.get("itemprop") or ""
        content = (element.get("content") or "").strip()
        if key and content:
            found.setdefault(key.strip().lower(), content)
    return found


def _linked(page: HtmlElement) -> Mapping[str, object]:
    """The first article among the page's JSON-LD, whichever way it is nested."""
    for script in page.iter("script"):
        if (script.get("type") or "").strip().lower() == "application/ld+json":
            try:
                thing = json.loads(script.text or "")
            except (ValueError, RecursionError):
                continue
            for node in _nodes(thing):
                types = node.get("@type")
                if any(
                    isinstance(kind, str) and kind.endswith(_ARTICLE_TYPES)
                    for kind in (types if isinstance(types, list) else [types])
                ):
                    return node
    return {}


def _nodes(thing: object) -> Iterator[Mapping[str, object]]:
    for node in thing if isinstance(thing, list) else [thing]:
        if isinstance(node, dict):
            yield node
            graph = node.get("@graph")
            yield from (
                (item for item in graph if isinstance(item, dict))
                if isinstance(graph, list)
                else ()
            )


def _word(value: object) -> str:
    if isinstance(value, list):
        value = next((item for item in value if item), "")
    if isinstance(value, dict):
        value = value.get("name") or value.get("url") or value.get("@value")
    return value if isinstance(value, str) else ""


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split(",")
    return (
        [name for item in value if (name := _word(item))]
        if isinstance(value, list)
        else ([name] if (name := _word(value)) else [])
    )


def _author(meta: Mapping[str, str]) -> str:
    author = meta.get("author") or meta.get("article:author", "")
    return "" if author.startswith(("http:", "https:")) else author


def _image(meta: Mapping[str, str], linked: Mapping[str, object]) -> Image | None:
    url = meta.get("og:image") or meta.get("og:image:url") or meta.get("twitter:image")
    if url:
        width, height = (
            int(size) if size.isascii() and size.isdecimal() and len(size) < 6 else 0
            for size in (meta.get("og:image:width", ""), meta.get("og:image:height", ""))
        )
        alt = meta.get("og:image:alt") or meta.get("twitter:image:alt", "")
        return Image(url, alt, width, height)
    url = _word(linked.get("image"))
    return Image(url) if url else None


def _story(page: HtmlElement, headline: str) -> Iterator[str]:
    """The paragraphs of the longest <article>, else of <main>, else of the page."""
    # Not `drop_tree`: it joins the text that follows, anew for each element.
    etree.strip_elements(page, *(UNREAD - {"head"}), "nav", "header", with_tail=False)
    for line_break in page.iter("br"):
        line_break.tail = " " + (line_break.tail or "")
    outermost = islice(_outermost(page, "article"), _MOST_PLACES)
    places = sorted(outermost, key=lambda element: -len(element.text_content()))
    for place in [*places[:1], *_outermost(page, "main"), *page.iter("body")]:
        if paragraphs := _prose(place):
            yield from paragraphs
            return
    if places:
        markup = etree.tostring(places[0], encoding="unicode", with_tail=False)
        yield from (text for text in paragraphs_of(markup) if text != headline)


def _outermost(page: HtmlElement, tag: str) -> Iterator[HtmlElement]:
    """The elements of a name that lie in no other of it, each text once."""
    depth = 0
    for event, element in etree.iterwalk(page, events=("start", "end"), tag=tag):
        depth += 1 if event == "start" else -1
        if event == "start" and depth == 1:
            yield element


def _prose(place: HtmlElement) -> list[str]:
    """What the elements of prose say, in their order. Each piece of text counts once, for the
    innermost of them: a list's item does not repeat the paragraphs and lists in it."""
    said: list[list[str]] = []
    inside: list[tuple[HtmlElement, list[str]]] = []
    for event, element in etree.iterwalk(place, events=("start", "end")):
        if event == "start":
            if element.tag in _PROSE and len(said) < _MOST_PROSE:
                said.append([])
                inside.append((element, said[-1]))
            if inside and element.text:
                inside[-1][1].append(element.text)
        else:
            if inside and inside[-1][0] is element:
                inside.pop()
            if inside and element.tail:
                inside[-1][1].append(element.tail)
    return list(filter(None, (" ".join("".join(pieces).split()) for pieces in said)))


def _elements(node: HtmlElement, path: str) -> list[HtmlElement]:
    found = node.xpath(path)
    return [e for e in found if isinstance(e, HtmlElement)] if isinstance(found, list) else []


def _text(element: HtmlElement) -> str:
    return " ".join(str(element.text_content()).split())


def _first(page: HtmlElement, path: str) -> str:
    return next(filter(None, map(_text, _elements(page, path))), "")


def _attribute(page: HtmlElement, path: str) -> str:
    found = page.xpath(path)
    return (
        next((str(v).strip() for v in found if str(v).strip()), "")
        if isinstance(found, list)
        else ""
    )


def _without_site(headline: str, site: str) -> str:
    for dash in ("|", "-", "–", "—", "·"):
        if site and headline.casefold().endswith(f" {dash} {site}".casefold()):
            return headline[: -len(site) - 3]
    return headline
