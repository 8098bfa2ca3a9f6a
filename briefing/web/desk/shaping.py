"""Shaping: the page of a draft, its panels, and every act of an editor on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import Cookie, Form
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.desk import input_limits
from briefing.desk.editing import Answer, Clash, EditorView, Saved
from briefing.model import Dropped, Story, Treatment
from briefing.web.desk import log_text
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import Chosen, DeskContext, Number
from briefing.web.desk.edition_page import NOTE, SAVED, ActRefused, EditionPage
from briefing.web.desk.preview_modes import PreviewMode

_MOST_LEFT_OUT: Final = 40

Noted = Annotated[str, Cookie(alias=NOTE)]


class ActForm(BaseModel):
    """Any form of the draft's page: each act reads what it needs. `seen` is the revision that its
    author saw; `was_…` are the words as they stood in the form, so that what nobody touched is no
    change. `panel` says which form it came from."""

    seen: int = 0
    story: Chosen = 0
    section: str = ""
    index: int | None = None
    by: int = 0
    treatment: str = ""
    pinned: bool = False
    reason: str = ""
    headline: str = ""
    was_headline: str = ""
    standfirst: str = ""
    was_standfirst: str = ""
    subject: str = ""
    was_subject: str = ""
    preheader: str = ""
    was_preheader: str = ""
    note: str = ""
    was_note: str = ""
    corrections: str = ""
    was_corrections: str = ""
    url: str = ""
    body: str = ""
    article: Chosen = 0
    edit: Chosen | None = None
    panel: str = Field("", max_length=20)

    def touched(self, *names: str) -> dict[str, str]:
        """The fields whose words differ from those that were in the form."""
        return {
            name: str(getattr(self, name))
            for name in names
            if _plain(getattr(self, name)) != _plain(getattr(self, f"was_{name}"))
        }


def register(context: DeskContext) -> None:
    routes, table = context.routes, EditionPage(context)
    acts, panels = _Acts(context), _Panels(context, table)

    @routes.get("/editions/{number}")
    def edition(
        number: Number,
        seat: Seated,
        look: str = "desktop",
        noted: Noted = "",
        *,
        pictures: bool = False,
    ) -> Response:
        """An edition: its draft, its preview, and what can be done."""
        chosen = look if look in list(PreviewMode) else PreviewMode.DESKTOP
        return table.tell(number, seat, noted, look=chosen, pictures=pictures)

    @routes.get("/editions/{number}/sheet")
    def sheet(number: Number, seat: Seated) -> Response:
        """The part of the page that changes, for a script."""
        return table.show(number, seat) if seat.fragment else context.go(f"/editions/{number}")

    @routes.get("/editions/{number}/stories/{story}")
    def story_panel(number: Number, story: Number, seat: Seated) -> Response:
        """The form of a story."""
        return panels.story(number, story, seat)

    @routes.get("/editions/{number}/stories/{story}/drop")
    def drop_panel(number: Number, story: Number, seat: Seated) -> Response:
        """The question why a story is dropped."""
        return panels.story(number, story, seat, template="drop.html")

    @routes.get("/editions/{number}/words")
    def words_panel(number: Number, seat: Seated) -> Response:
        """The form of the edition's own words."""
        return panels.words(number, seat)

    @routes.get("/editions/{number}/add")
    def add_panel(number: Number, seat: Seated, section: str = "") -> Response:
        """What can be added."""
        return panels.add(number, seat, section=section)

    @routes.get("/editions/{number}/changes")
    def changes(number: Number, seat: Seated) -> Response:
        """What has changed since the last approved revision."""
        sheet = context.sheet(number, seat)
        differences = context.desk.differences(sheet.edition)
        return context.renderer.page(
            "changes.html",
            seat,
            fragment=seat.fragment,
            sheet=sheet,
            edition=sheet.edition,
            differences=differences,
            fields=log_text.FIELDS,
            tell=log_text.tell_value,
        )

    @routes.post("/editions/{number}/acts/{act}")
    def act(number: Number, act: str, seat: Seated, form: Annotated[ActForm, Form()]) -> Response:
        """One act of an editor, saved at once."""
        do = acts.by_name.get(act)
        if do is None:
            raise HTTPException(404)
        return table.settle(
            number,
            seat,
            lambda: _answer(do(number, form, seat)),
            form={"act": act, **_again(form)},
            panel=panels.again(number, form, seat),
        )


class _Acts:
    """The acts by the names that forms call them."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._editing = context.desk.editing
        self.by_name: Mapping[str, Callable[[int, ActForm, Seat], Answer]] = {
            "move": self._move,
            "shift": self._shift,
            "treat": self._treat,
            "pin": self._pin,
            "drop": self._drop,
            "restore": self._restore,
            "rewrite": self._rewrite,
            "write": self._write,
            "add-by-hand": self._add_by_hand,
            "add-by-url": self._add_by_url,
            "add-known": self._add_known,
            "undo": self._undo,
            "redo": self._redo,
        }

    def _common(self, form: ActForm, seat: Seat) -> dict[str, Any]:
        return {"seen": form.seen, "who": seat.user, "now": self._context.clock()}

    def _move(self, number: int, form: ActForm, seat: Seat) -> Answer:
        at = 10_000 if form.index is None else max(0, form.index)
        return self._editing.move(
            number, form.story, section=form.section, index=at, **self._common(form, seat)
        )

    def _shift(self, number: int, form: ActForm, seat: Seat) -> Answer:
        # Two places, where the lead, which is shown elsewhere, stands between.
        by = max(-2, min(2, form.by))
        return self._editing.shift(number, form.story, by, **self._common(form, seat))

    def _treat(self, number: int, form: ActForm, seat: Seat) -> Answer:
        if form.treatment not in list(Treatment):
            raise ActRefused("there is no such treatment", "choose lead, story or brief")
        treatment = Treatment(form.treatment)
        return self._editing.treat(number, form.story, treatment, **self._common(form, seat))

    def _pin(self, number: int, form: ActForm, seat: Seat) -> Answer:
        return self._editing.pin(number, form.story, form.pinned, **self._common(form, seat))

    def _drop(self, number: int, form: ActForm, seat: Seat) -> Answer:
        return self._editing.drop(number, form.story, form.reason, **self._common(form, seat))

    def _restore(self, number: int, form: ActForm, seat: Seat) -> Answer:
        return self._editing.restore(number, form.story, **self._common(form, seat))

    def _rewrite(self, number: int, form: ActForm, seat: Seat) -> Answer:
        touched: dict[str, Any] = form.touched("headline", "standfirst")
        return self._editing.rewrite(number, form.story, **touched, **self._common(form, seat))

    def _write(self, number: int, form: ActForm, seat: Seat) -> Answer:
        touched: dict[str, Any] = form.touched("subject", "preheader", "note", "corrections")
        if "corrections" in touched:
            touched["corrections"] = touched["corrections"].splitlines()
        if not touched:
            return Saved(self._context.sheet(number, seat).edition, None)
        return self._editing.write(number, **touched, **self._common(form, seat))

    def _add_by_hand(self, number: int, form: ActForm, seat: Seat) -> Answer:
        return self._editing.add_by_hand(
            number,
            headline=form.headline,
            standfirst=form.standfirst,
            body=form.body,
            url=form.url,
            section=form.section,
            who=seat.user,
            now=self._context.clock(),
        )

    def _add_by_url(self, number: int, form: ActForm, seat: Seat) -> Answer:
        return self._editing.add_by_url(
            number, form.url, section=form.section, who=seat.user, now=self._context.clock()
        )

    def _add_known(self, number: int, form: ActForm, seat: Seat) -> Answer:
        return self._editing.add_known(
            number, form.article, section=form.section, who=seat.user, now=self._context.clock()
        )

    def _undo(self, number: int, form: ActForm, seat: Seat) -> Answer:
        now = self._context.clock()
        return self._editing.undo(number, edit=form.edit, who=seat.user, now=now)

    def _redo(self, number: int, form: ActForm, seat: Seat) -> Answer:
        now = self._context.clock()
        return self._editing.redo(number, edit=form.edit, who=seat.user, now=now)


class _Panels:
    """The forms that open over the draft; without scripts each is a page."""

    def __init__(self, context: DeskContext, table: EditionPage) -> None:
        self._context = context
        self._table = table

    def again(
        self, number: int, form: ActForm, seat: Seat
    ) -> Callable[[ActRefused], Response] | None:
        """What shows the form of a panel again, with what was typed; None where it was none, or
        its story is gone."""
        match form.panel:
            case "story" | "drop" if _found(self._context.sheet(number, seat), form.story):
                template = f"{form.panel}.html"
                return lambda trouble: self.story(
                    number, form.story, seat, form, trouble, template=template
                )
            case "words":
                return lambda trouble: self.words(number, seat, form, trouble)
            case "add-by-hand" | "add-by-url" | "add-known":
                return lambda trouble: self.add(number, seat, form, trouble, section=form.section)
            case _:
                return None

    def story(
        self,
        number: int,
        story: int,
        seat: Seat,
        form: ActForm | None = None,
        trouble: ActRefused | None = None,
        *,
        template: str = "story.html",
    ) -> Response:
        sheet = self._context.sheet(number, seat)
        found = _found(sheet, story)
        if found is None:
            raise HTTPException(404)
        placed, out = found
        return self._page(template, seat, sheet, form, trouble, story=placed, out=out)

    def words(
        self,
        number: int,
        seat: Seat,
        form: ActForm | None = None,
        trouble: ActRefused | None = None,
    ) -> Response:
        sheet = self._context.sheet(number, seat)
        proof, _ = self._table.proof(sheet.edition)
        composed = proof.composed.composition if proof else None
        return self._page("words.html", seat, sheet, form, trouble, composed=composed)

    def add(
        self,
        number: int,
        seat: Seat,
        form: ActForm | None = None,
        trouble: ActRefused | None = None,
        *,
        section: str = "",
    ) -> Response:
        sheet = self._context.sheet(number, seat)
        left_out = self._context.desk.left_out(sheet.edition, self._context.clock())
        return self._page(
            "add.html",
            seat,
            sheet,
            form,
            trouble,
            left_out=left_out[:_MOST_LEFT_OUT],
            more=max(0, len(left_out) - _MOST_LEFT_OUT),
            section=section,
        )

    def _page(
        self,
        template: str,
        seat: Seat,
        sheet: EditorView,
        form: ActForm | None,
        trouble: ActRefused | None,
        **values: object,
    ) -> Response:
        return self._context.renderer.page(
            template,
            seat,
            status=422 if trouble else 200,
            fragment=seat.fragment,
            sheet=sheet,
            edition=sheet.edition,
            named=self._context.briefing(sheet),
            form=form,
            trouble=trouble,
            limits=input_limits.LIMITS,
            **values,
        )


def _answer(answer: Answer) -> str:
    """What is said of an act that was done."""
    if isinstance(answer, Clash):
        raise ActRefused("somebody else has changed the same meanwhile", clash=answer)
    if answer.edit is None:
        return "Nothing had to change."
    return SAVED


def _found(sheet: EditorView, number: int) -> tuple[Story, Dropped | None] | None:
    """A story of the edition, and its dropping if it was dropped."""
    for story in sheet.edition.stories:
        if story.article.id == number:
            return story, None
    for out in sheet.dropped:
        if out.story.article.id == number:
            return out.story, out
    return None


def _again(form: ActForm) -> dict[str, str]:
    """The form's own fields, to be sent once more on purpose."""
    given = form.model_dump(exclude_unset=True, exclude={"seen"})
    return {name: str(value) for name, value in given.items() if value is not None}


def _plain(text: str) -> str:
    """Words as they are compared: browsers send line ends as CRLF."""
    return text.replace("\r\n", "\n").strip()
