"""From a manuscript to an article: the one place where foreign fields are checked and cleaned.

Readers fill a `Manuscript` with what they found, as plain text; `to_article` makes the `Article`:

- every line in NFC without control characters, bounded in length (`text.one_line`), addresses
  http(s) or none, language and section in their canonical form;
- boilerplate out, the sources line and the dateline taken from the body into their own fields;
- when it was published, and the standfirst, found where the manuscript does not say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from briefing.errors import ArticleRefused
from briefing.model import Article, Image
from briefing.sources.boilerplate import strip_boilerplate
from briefing.sources.dateline import Dateline, take_dateline
from briefing.sources.intake import Intake
from briefing.sources.moments import read_moment, start_of
from briefing.sources.text import language_tag, one_line, shorten, slug, web_address

__all__ = ["Manuscript", "to_article"]

MAX_HEADLINE = 300
MAX_STANDFIRST = 600
MAX_PARAGRAPH = 10_000
MAX_PARAGRAPHS = 400
MAX_LINE = 200  # byline, place, a credit, a tag
MAX_ENTRIES = 20  # credits, tags
MAX_PIXELS = 20_000
_LEDE = 220  # what two or three lines of a digest hold

_SENTENCE_END = re.compile(r"(?<=[.!?…])[”\"’')\]]*\s+(?=[“\"‘'(\[¿¡]?[^\W_a-z])")
# A full stop that ends no sentence: initials as in "U.S.", titles, months, "No. 5".
_ABBREVIATION = re.compile(
    r"(?:^|[\s(“\"])(?:(?:[^\W\d_]\.)+|(?:Mr|Mrs|Ms|Dr|Prof|Gen|Gov|Sen|Rep|Lt|Col|Sgt|Capt|St|Sr|Sra"
    r"|Jr|No|vs|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)\.)$"
)
_TRAILER = re.compile(r"\s*[\[(](?:…|\.\.\.)[\])]$")  # how WordPress ends an excerpt
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id", re.IGNORECASE)
_ABSOLUTE_ID = re.compile(r"[a-z][a-z0-9+.-]*:\S", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Manuscript:
    """The fields of an article as a reader found them: plain text, nothing checked.

    `guid` is the identifier that its publisher gave it. `published` and `embargo` are as written
    (see `moments.read_moment`) unless the reader already has a moment. With `strict`, what cannot
    be read as a moment refuses the article; otherwise a `published` that cannot be read is ignored.
    An embargo that cannot be read always refuses it: it must not go out too early.
    """

    headline: str
    body: Iterable[str] = ()
    standfirst: str = ""
    byline: str = ""
    place: str = ""
    section: str = ""
    url: str = ""
    base: str = ""
    guid: str = ""
    image: Image | None = None
    credits: Iterable[str] = ()
    tags: Iterable[str] = ()
    language: str = ""
    published: str | datetime = ""
    embargo: str | datetime = ""
    strict: bool = False


def to_article(manuscript: Manuscript, name: str, intake: Intake) -> Article:
    """The article that `manuscript` holds; `name` is the file or entry for people.

    When it was published is the first of: the caller's word, the manuscript's, the dateline's,
    now. Raises `ArticleRefused` where there is no headline, or a moment that cannot be read.
    """
    headline = one_line(manuscript.headline, MAX_HEADLINE)
    if not headline:
        raise ArticleRefused(
            f"{name}: there is no headline.", hint="Give the article a title of its own."
        )
    paragraphs, outlets = strip_boilerplate(_lines(manuscript.body, MAX_PARAGRAPHS, MAX_PARAGRAPH))
    dateline = _take_dateline(paragraphs, intake)
    standfirst = _TRAILER.sub("…", one_line(manuscript.standfirst, MAX_STANDFIRST))
    named = [*manuscript.credits, *outlets, *([dateline.agency] if dateline else ())]
    url = web_address(manuscript.url, manuscript.base)
    return Article(
        uid=_identify(manuscript.guid, url, headline, paragraphs, intake.source),
        headline=headline,
        published_at=_published(manuscript, dateline, name, intake),
        standfirst=standfirst or _lede(paragraphs),
        body=tuple(paragraphs),
        byline=re.sub(r"(?i)^by:?\s+(?=\S)", "", one_line(manuscript.byline, MAX_LINE)),
        place=one_line(manuscript.place or (dateline.place if dateline else ""), MAX_LINE),
        section=slug(manuscript.section) or slug(intake.section),
        url=url,
        image=_image(manuscript.image, manuscript.base),
        credits=_once(_lines(named, MAX_ENTRIES, MAX_LINE)),
        tags=_once(_lines(manuscript.tags, MAX_ENTRIES, MAX_LINE)),
        language=language_tag(manuscript.language) or language_tag(intake.language),
        embargo_until=_moment(manuscript.embargo, "embargo", name, intake, latest=True),
        source=one_line(intake.source, MAX_LINE),
    )


def _lines(texts: Iterable[str], number: int, length: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        if len(lines) == number:
            break
        if line := one_line(text, length):
            lines.append(line)
    return lines


def _once(lines: list[str]) -> tuple[str, ...]:
    return tuple({line.casefold(): line for line in reversed(lines)}.values())[::-1]


def _take_dateline(paragraphs: list[str], intake: Intake) -> Dateline | None:
    if not paragraphs:
        return None
    dateline = take_dateline(paragraphs[0], intake.now.astimezone(intake.timezone).date())
    if dateline:
        paragraphs[:1] = [dateline.rest] if dateline.rest else []
    return dateline


def _lede(paragraphs: list[str]) -> str:
    """The first sentences of the story, whole, as many as fit; at least one, however long."""
    if not paragraphs:
        return ""
    lede = paragraphs[0]
    standfirst = ""
    for match in _SENTENCE_END.finditer(lede[:MAX_STANDFIRST]):
        sentences = lede[: match.end()].rstrip()
        if _ABBREVIATION.search(lede[: match.start()]):
            continue
        if standfirst and len(sentences) > _LEDE:
            break
        standfirst = sentences
        if len(standfirst) > _LEDE:
            break
    if len(lede) <= _LEDE or not standfirst:
        standfirst = lede
    return shorten(standfirst, _LEDE + 80)


def _published(
    manuscript: Manuscript, dateline: Dateline | None, name: str, intake: Intake
) -> datetime:
    if intake.published:
        return intake.published
    if moment := _moment(manuscript.published, "date", name, intake, strict=manuscript.strict):
        return moment
    if dateline and dateline.day:
        try:
            return start_of(dateline.day, intake.timezone)
        except OverflowError:
            return intake.now
    return intake.now


def _moment(
    written: str | datetime,
    field: str,
    name: str,
    intake: Intake,
    *,
    latest: bool = False,
    strict: bool = True,
) -> datetime | None:
    if isinstance(written, datetime):
        return written.astimezone(UTC)
    if not written.strip():
        return None
    moment = read_moment(written, intake.timezone, latest=latest)
    if moment is None and strict:
        raise ArticleRefused(
            f"{name}: the {field} “{one_line(written, 60)}” cannot be read.",
            hint="Write it like 2026-01-24, or 2026-01-24 08:00+01:00.",
        )
    return moment


def _image(image: Image | None, base: str) -> Image | None:
    url = web_address(image.url, base) if image else ""
    if not image or not url:
        return None
    width, height = (n if 0 < n <= MAX_PIXELS else 0 for n in (image.width, image.height))
    alt, credit = one_line(image.alt, MAX_HEADLINE), one_line(image.credit, MAX_LINE)
    return Image(url, alt, width, height, credit)


def _identify(guid: str, url: str, headline: str, paragraphs: list[str], source: str) -> str:
    """A name for the article that is the same at every import, whatever file it comes in.

    The publisher's identifier or address comes first, without what campaigns add to it. A bare
    identifier ("4711") is unique only at its publisher. Without either, the words of headline and
    first paragraph count, not their case, quotes or spaces.
    """
    guid = one_line(guid, 2000)
    address = web_address(guid)
    if guid and not address:
        scope = "" if _ABSOLUTE_ID.match(guid) else urlsplit(url).hostname or source
        key = f"id\n{scope}\n{guid}"
    elif address or url:
        key = f"url\n{_canonical(address or url)}"
    else:
        words = re.findall(r"\w+", f"{headline} {paragraphs[0] if paragraphs else ''}".casefold())
        key = "text\n" + " ".join(words)
    return hashlib.sha256(key.encode("utf-8")).hexdigest()


def _canonical(address: str) -> str:
    parts = urlsplit(address)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([pair for pair in asked if not _TRACKING.fullmatch(pair[0])])
    return urlunsplit(("https", parts.netloc, parts.path.rstrip("/"), query, ""))
