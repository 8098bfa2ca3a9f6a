"""Views: an edition as readers will see it, one look beside the other, and what is wrong with it.

What is shown is the mail itself, in a frame of its own: a document that may run nothing, send
nothing and open nothing, whatever stands in the articles (`POLICY`). Nobody's links are in it: they
are made for a reader who does not exist, also where it is looked at as a real one would get it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import Query
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.composition import Composed
from briefing.composition.sanitize import words
from briefing.desk import Desk, Draft
from briefing.errors import BriefingError, EmptyEdition, StoreError, UsageError
from briefing.model import OPEN, Briefing, Edition, Message, Recipient
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import DeskContext, Number
from briefing.web.desk.preview_modes import Choice, PreviewMode, show
from briefing.web.desk.waiving import check
from subscribers.addresses import AddressRefused

__all__ = ["POLICY", "WITH_PICTURES", "find_reader", "register"]

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox"
)
"""A mail's styles are inside it, and nothing more is asked of anybody. It is sandboxed by itself as
well, for whoever opens it outside of our frame."""

WITH_PICTURES: Final = POLICY.replace("img-src 'none'", "img-src https:")
"""Its pictures are where the sources keep them, who learn from them who looks at a draft, and from
where. So they are asked only after somebody has said so."""

_IMAGELESS: Final = (PreviewMode.NO_IMAGES, PreviewMode.TEXT, PreviewMode.RAW)

Reader = Annotated[str, Query(max_length=320)]
Looks = Annotated[list[PreviewMode] | None, Query(max_length=20)]


def register(context: DeskContext) -> None:
    @context.routes.get("/editions/{number}/view")
    def view(
        number: Number,
        seat: Seated,
        look: PreviewMode = PreviewMode.DESKTOP,
        reader: Reader = "",
        *,
        pictures: bool = False,
    ) -> Response:
        """One look at an edition, for a frame."""
        _check_reader(seat, reader)
        sheet = context.sheet(number, seat)
        try:
            shown = _show(context, sheet.edition, context.briefing(sheet), look, reader.strip())
        except StoreError:
            raise
        except BriefingError as error:
            shown = context.renderer.render(
                "view.html", look=look, said=error.message, hint=error.hint
            )
        policy = WITH_PICTURES if pictures and look not in _IMAGELESS else POLICY
        return HTMLResponse(shown, headers={"Content-Security-Policy": policy})

    @context.routes.get("/editions/{number}/proof")
    def proof(
        number: Number,
        seat: Seated,
        look: Looks = None,
        reader: Reader = "",
        *,
        pictures: bool = False,
    ) -> Response:
        """Looks side by side, with the lint and the size."""
        _check_reader(seat, reader)
        choice = Choice.of(look or [], reader, pictures=pictures)
        values = check(context, number, seat, back=choice.query)
        values |= _introduce(context.desk, values["named"], choice.reader)
        return context.renderer.page(
            "proof.html", seat, looks=tuple(PreviewMode), choice=choice, **values
        )


def find_reader(desk: Desk, briefing: Briefing, address: str) -> Recipient:
    """Somebody as the mail sees them: address, name, language and sections, but with the number and
    the key of nobody, so that no door of theirs opens. Raises `UsageError`."""
    try:
        person = desk.queries.person(address)
    except AddressRefused as refused:
        raise UsageError(str(refused)) from None
    shown = words(address)
    if person is None:
        raise UsageError(f"there is no {shown} on the roll")
    if person.status != "active":
        why = f"{person.status}, {person.reason}" if person.reason else person.status
        raise UsageError(f"nothing would go to {shown} ({why})")
    if briefing.slug not in person.briefings:
        raise UsageError(f"{words(briefing.name)} does not go to {shown}, who is on the roll")
    sections = person.briefings[briefing.slug]
    return Recipient(0, 0, person.address, person.name, person.language, sections)


def _show(
    context: DeskContext, edition: Edition, briefing: Briefing, look: PreviewMode, reader: str
) -> str:
    """The document of a look. Raises `BriefingError` where there is nothing to see."""
    desk = context.desk
    nobody = Recipient(0, 0, briefing.from_address)
    who = find_reader(desk, briefing, reader) if reader else nobody
    draft, who = _draft(desk, edition, who)
    letters = desk.letters(draft)
    composition = letters.composition(who)
    if look is PreviewMode.TEXT:
        text, lang = composition.text, composition.language
        return context.renderer.render("view.html", look=look, said="", text=text, lang=lang)
    if look is PreviewMode.RAW:
        message = letters.write(who)
        if not isinstance(message, Message):
            raise UsageError(f"nothing would be sent: {message}")
        whole = message.data.decode("utf-8", "replace").replace("\r\n", "\n")
        head, _, body = whole.partition("\n\n")
        return context.renderer.render("view.html", look=look, said="", head=head, body=body)
    return show(composition.html, look)


def _draft(desk: Desk, edition: Edition, who: Recipient) -> tuple[Draft, Recipient]:
    """What a reader's mail is made from, and who they are to it: where their variant is frozen it
    is taken as it is."""
    if not edition.stories:
        raise EmptyEdition("there is no story in this edition yet")
    if edition.state in OPEN or edition.approved_revision is None:
        return Draft(edition, desk.proofs.of(edition).composed), who
    frozen = desk.composition(edition, who.variant, keep=False)
    if frozen is None:
        raise EmptyEdition("the chosen sections hold no story")
    return Draft(edition, Composed(frozen)), replace(who, sections=())


def _introduce(desk: Desk, briefing: Briefing, reader: str) -> dict[str, Any]:
    """Who is looked at as, for the page: the person with the names of their sections, or why there
    is nobody."""
    person, unknown = None, ""
    if reader:
        try:
            person = find_reader(desk, briefing, reader)
        except StoreError:
            raise
        except BriefingError as error:
            unknown = error.message
    names = {section.slug: words(section.name) for section in briefing.sections}
    chosen = [names.get(slug, slug) for slug in person.sections] if person else []
    return {"person": person, "unknown": unknown, "chosen": chosen}


def _check_reader(seat: Seat, reader: str) -> None:
    """What somebody has chosen is not for every editor to know."""
    if reader.strip() and not seat.user.may_approve:
        raise HTTPException(403)
