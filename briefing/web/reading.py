"""Reading: an edition as it was sent, and its stories in full.

Nothing here knows a reader: whoever is passed a link sees what everybody sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Path
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.composition.languages import direction_of, language_for, valid_tag
from briefing.composition.pictures import PictureSource, picture_source
from briefing.composition.sanitize import address, host_of, words
from briefing.composition.slots import Slot, fill_edition_slots
from briefing.desk import Desk
from briefing.desk.archive import Copy
from briefing.model import DAILY, Article, Briefing, Image, Publication, Story
from briefing.web.middleware import STRICT
from briefing.web.pages import Pages
from briefing.web.params import Slug, find_former, read_day

# The mail's styles are inside it, its pictures are where the sources keep them.
_AS_SENT: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)

Day = Annotated[str, Path(max_length=10)]
Number = Annotated[str, Path(max_length=20)]


def register(site: FastAPI, desk: Desk, pages: Pages, _clock: Callable[[], datetime]) -> None:
    shelf = desk.archive

    @site.get("/editions/{briefing}/{day}")
    def edition(briefing: Slug, day: Day) -> Response:
        """The edition of a day as it was sent."""
        named = find_former(desk, briefing)
        return _as_sent(named, _find(named, day, DAILY))

    @site.get("/editions/{briefing}/{day}/stories/{number}")
    def story(briefing: Slug, day: Day, number: Number) -> Response:
        """A story of that edition in full."""
        named = find_former(desk, briefing)
        return _in_full(named, _find(named, day, DAILY), number)

    @site.get("/editions/{briefing}/{day}/{slot}")
    def special(briefing: Slug, day: Day, slot: Slug) -> Response:
        """Another edition of that day as it was sent."""
        named = find_former(desk, briefing)
        return _as_sent(named, _find(named, day, _special(slot)))

    @site.get("/editions/{briefing}/{day}/{slot}/stories/{number}")
    def special_story(briefing: Slug, day: Day, slot: Slug, number: Number) -> Response:
        """A story of another edition of that day in full."""
        named = find_former(desk, briefing)
        return _in_full(named, _find(named, day, _special(slot)), number)

    def _find(named: Briefing, day: str, slot: str) -> Copy:
        found = shelf.find(named.slug, read_day(day), slot)
        if found is None:
            raise HTTPException(404)
        return found

    def _as_sent(named: Briefing, found: Copy) -> Response:
        public = desk.publication.public_url
        own_mail = f"{public}/leaving/{named.slug}"
        html = fill_edition_slots(
            found.composition.html,
            {
                Slot.VIEW: f"{public}/{found.edition.path}",
                Slot.UNSUBSCRIBE: own_mail,
                Slot.PREFERENCES: own_mail,
            },
            html=True,
        )
        headers = {**pages.public_headers(), "Content-Security-Policy": _AS_SENT}
        return Response(html, headers=headers, media_type="text/html; charset=utf-8")

    def _in_full(named: Briefing, found: Copy, number: str) -> Response:
        told = (story for story in found.edition.stories if str(story.article.id) == number)
        story = next(told, None)
        if story is None:
            raise HTTPException(404)
        sections = {section.slug: section.name for section in named.sections}
        url = address(story.article.url)
        picture, source = _picture(story.article, desk.publication)
        answer = pages.page(
            "story.html",
            named,
            public=True,
            edition=found.edition,
            section=sections.get(story.section, ""),
            headline=words(story.shown_headline),
            paragraphs=[text for raw in story.article.body if (text := words(raw))],
            standfirst=_standfirst(story),
            byline=words(story.article.byline),
            place=words(story.article.place),
            published=story.article.published_at.astimezone(named.timezone).date(),
            sources=[name for raw in story.article.credits if (name := words(raw))],
            url=url,
            host=host_of(url),
            story_language=_language(story.article, named),
            story_direction=_direction(story.article, named),
            picture=picture,
        )
        policy = STRICT.replace("img-src 'self'", f"img-src 'self' {source}".rstrip())
        answer.headers["Content-Security-Policy"] = policy
        return answer


def _special(slot: str) -> str:
    """A slot that has an address of its own: the regular edition's is the day's."""
    if slot == DAILY:
        raise HTTPException(404)
    return slot


def _standfirst(story: Story) -> str:
    """The standfirst, unless the story begins with it anyway."""
    standfirst = words(story.shown_standfirst)
    start = standfirst.rstrip("…")
    opening = words(story.article.body[0]) if story.article.body else ""
    return "" if start and opening.startswith(start) else standfirst


def _picture(article: Article, publication: Publication) -> tuple[Image | None, str]:
    """The story's picture and the origin it comes from, where that is the publisher's own: nobody
    else is to learn who reads what."""
    image = article.image
    source = picture_source(image.url) if image else PictureSource("")
    url = "" if source.secured else source.url
    own = host_of(publication.url)
    host = urlsplit(url).hostname or ""
    if image is None or not url or not own:
        return None, ""
    if host != own and not host.endswith(f".{own}"):
        return None, ""
    shown = replace(image, url=url, alt=words(image.alt), credit=words(image.credit))
    return shown, f"https://{urlsplit(url).netloc}"


def _language(article: Article, briefing: Briefing) -> str:
    return article.language if valid_tag(article.language) else briefing.language


def _direction(article: Article, briefing: Briefing) -> str:
    own = language_for(_language(article, briefing)).direction
    return own if article.language else direction_of(article.headline) or own
