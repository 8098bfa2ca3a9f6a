"""Alerts: a breaking story as an edition of its own, written here or chosen, then decided on like
any other."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import Form
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.errors import EditionError
from briefing.model import Article, Briefing, Edition
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import DeskContext

__all__ = ["register"]

_RECENT: Final = timedelta(days=3)
_OFFERED: Final = 20


class AlertForm(BaseModel):
    """Both forms of the page. `way` is "article" for the list, where `article` is an article's id;
    else the story is written."""

    briefing: str = ""
    way: str = ""
    article: str = ""
    headline: str = ""
    standfirst: str = ""
    body: str = ""
    url: str = ""
    section: str = ""


def register(context: DeskContext) -> None:
    desk = context.desk

    @context.routes.get("/alerts/new")
    def new(seat: Seated, briefing: str = "") -> Response:
        """The page on which an alert begins."""
        named = find(briefing)
        return show(seat, named, AlertForm(briefing=named.slug))

    @context.routes.post("/alerts")
    def write(seat: Seated, form: Annotated[AlertForm, Form()]) -> Response:
        """Make its draft, which is shaped, approved and sent like any edition."""
        named = find(form.briefing)
        try:
            edition = make(named, form, seat)
        except EditionError as refused:
            return show(seat, named, form, refused=refused, status=422)
        return context.go(f"/editions/{edition.id}")

    def make(named: Briefing, form: AlertForm, seat: Seat) -> Edition:
        who, now = seat.user, context.clock()
        if form.way == "article":
            return desk.alerts.of_article(named, _number(form.article), who=who, now=now)
        return desk.alerts.write(
            named,
            headline=form.headline,
            standfirst=form.standfirst,
            body=form.body,
            url=form.url,
            section=form.section,
            who=who,
            now=now,
        )

    def find(slug: str) -> Briefing:
        """A briefing by its slug, the first where none is named."""
        named = desk.briefings.get(slug) if slug else next(iter(desk.briefings.values()))
        if named is None:
            raise HTTPException(404)
        return named

    def offered() -> list[Article]:
        now = context.clock()
        return desk.queries.articles_since(now - _RECENT, now, _OFFERED)

    def show(
        seat: Seat,
        named: Briefing,
        form: AlertForm,
        *,
        refused: EditionError | None = None,
        status: int = 200,
    ) -> Response:
        return context.renderer.page(
            "alert.html",
            seat,
            status=status,
            named=named,
            form=form,
            refused=refused,
            articles=offered(),
            section_names={section.slug: section.name for section in named.sections},
        )


def _number(given: str) -> int:
    """The article that was chosen. Raises `EditionError` where none was."""
    if not given:
        raise EditionError("no article is chosen", hint="choose one of the list")
    # What is no number of ours is no article, as the desk will say.
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= 18 else 0
