"""Waiving: somebody answers for a warning, and takes it back.

The forms stand in `check.html`, on the sheet and beside the proof. `back` says which: it is the
query of the proof page, "" for the sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form
from starlette.responses import Response

from briefing.desk.approval import Judged
from briefing.errors import BriefingError, EditionError, StoreError
from briefing.lint import LintFinding
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.checking import links_of
from briefing.web.desk.context import DeskContext, Number
from briefing.web.desk.edition_page import EditionPage
from briefing.web.desk.preview_modes import Choice

__all__ = ["check", "register"]

Rule = Annotated[str, Form(max_length=200)]
Place = Annotated[str, Form(max_length=2000)]
About = Annotated[str, Form(max_length=64)]
Reason = Annotated[str, Form(max_length=5000)]
Back = Annotated[str, Form(max_length=1000)]


def register(context: DeskContext) -> None:
    deciding = context.desk.deciding

    @context.routes.post("/editions/{number}/waive")
    def waive(
        number: Number,
        seat: Seated,
        rule: Rule,
        place: Place,
        about: About = "",
        reason: Reason = "",
        back: Back = "",
    ) -> Response:
        """Answer for one warning, with a reason."""

        def act() -> str:
            finding = _find_open(context, number, seat, (rule, place, about))
            deciding.waive(number, finding, reason, who=seat.user, now=context.clock())
            return f"You answer for it: {rule}."

        return _answer(context, number, seat, back, act)

    @context.routes.post("/editions/{number}/unwaive")
    def unwaive(
        number: Number, seat: Seated, rule: Rule, place: Place, back: Back = ""
    ) -> Response:
        """Let a warning count again."""

        def act() -> str:
            context.sheet(number, seat)
            deciding.withdraw_waiver(number, rule, place, who=seat.user, now=context.clock())
            return f"It counts again: {rule}."

        return _answer(context, number, seat, back, act)


def check(context: DeskContext, number: int, seat: Seat, *, back: str = "") -> dict[str, Any]:
    """What `check.html` shows away from the sheet."""
    sheet = context.sheet(number, seat)
    proof, unproven = EditionPage(context).proof(sheet.edition)
    return {
        "sheet": sheet,
        "named": context.briefing(sheet),
        "proof": proof,
        "unproven": unproven,
        "judged": context.desk.deciding.judge(number, proof.findings if proof else ()),
        "sheet_at": f"{context.renderer.root}/editions/{number}",
        "back": back,
        **links_of(sheet.edition, proof),
    }


def _find_open(
    context: DeskContext, number: int, seat: Seat, seen: tuple[str, str, str]
) -> LintFinding:
    """The warning of the draft as it stands, by rule, place and the words it is about. Refuses what
    is none any more: nobody answers for what they have not seen."""
    judged: Judged = check(context, number, seat)["judged"]
    for finding in (*judged.warnings, *(finding for finding, _ in judged.waived)):
        if (finding.rule, finding.place.describe(), finding.about) == seen:
            return finding
    raise EditionError("there is no such warning now", hint="look at what the draft says now")


def _answer(
    context: DeskContext, number: int, seat: Seat, back: str, act: Callable[[], str]
) -> Response:
    if not back:
        return EditionPage(context).settle(number, seat, act)
    query = Choice.read(back).query
    said, trouble = "", None
    try:
        said = act()
    except StoreError:
        raise
    except BriefingError as error:
        trouble = error
    if seat.fragment:
        values = check(context, number, seat, back=query)
        values |= {"answered": said, "refused": trouble}
        return context.renderer.page("check.html", seat, status=422 if trouble else 200, **values)
    if trouble is not None:
        return context.renderer.error(422, trouble.message, trouble.hint, seat)
    return context.go(f"/editions/{number}/proof?{query}#check")
