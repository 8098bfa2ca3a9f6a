"""Sending: an edition on its way, watched while it leaves and looked into afterwards; the brake.

The figures ask for themselves every second. Whatever somebody types beside them stays, since only
the figures are exchanged as long as the delivery stands as the page shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import Form, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.desk import Desk, input_limits
from briefing.desk.editing import EditorView
from briefing.errors import EditionError
from briefing.model import Edition, EditionState
from briefing.store.ledger import Tally
from briefing.web.desk.auth import Operating, Seat, Seated
from briefing.web.desk.context import DeskContext, Number

__all__ = ["LEAVING", "register", "values_of"]

LEAVING: Final = (EditionState.SENDING, EditionState.SENT, EditionState.CANCELLED)
"""States of an edition that has, or had, a way to go: `progress.html` shows it."""

ON_A_PAGE: Final = 50

State = Literal["refused", "unknown", "skipped", "waiting"]

# What is told of the speed is of the last minute: pauses and rates make the whole say nothing.
_LOOKED_BACK: Final = timedelta(minutes=1)
_SHORTEST: Final = timedelta(seconds=2)
_LONGEST: Final = timedelta(days=2)

# Counting a million rows takes a third of a second, which an open page must not do all the time.
_LARGE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Speed:
    """In words: "12 a second", "about 3 minutes"; `left` is empty where nobody can say."""

    rate: str
    left: str


def register(context: DeskContext) -> None:
    desk, progress = context.desk, _Progress(context)

    @context.routes.get("/editions/{number}/progress")
    def follow(number: Number, seat: Seated, seen: str = "") -> Response:
        """How far it is. `seen` is the standing that the page shows: the whole part is exchanged
        where it is another one by now."""
        return progress.show(number, seat, seen=seen)

    @context.routes.post("/editions/{number}/pause")
    def pause(number: Number, seat: Operating, reason: Annotated[str, Form()] = "") -> Response:
        """Stop at the next message. It may be urgent: no reason is needed."""

        def verb(edition: Edition) -> None:
            why = input_limits.line("reason", reason) or f"by {seat.user.name}"
            desk.pause(edition, why, by=seat.user.name)

        return progress.settle(number, seat, verb)

    @context.routes.post("/editions/{number}/resume")
    def resume(number: Number, seat: Operating) -> Response:
        """Let it go on."""
        return progress.settle(number, seat, lambda it: desk.resume(it, by=seat.user.name))

    @context.routes.post("/editions/{number}/cancel")
    def cancel(number: Number, seat: Operating, reason: Annotated[str, Form()] = "") -> Response:
        """End it for good."""

        def verb(edition: Edition) -> None:
            desk.deciding.cancel(edition.id, reason, who=seat.user)

        return progress.settle(number, seat, verb)

    @context.routes.get("/editions/{number}/readers")
    def list_readers(
        number: Number,
        seat: Operating,
        state: State = "refused",
        after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    ) -> Response:
        """Who did not get it, and why."""
        return _show_readers(context, number, seat, state, after)


class _Progress:
    """The part of an edition's page that is about its delivery."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context

    def show(
        self, number: int, seat: Seat, *, seen: str = "", refused: EditionError | None = None
    ) -> Response:
        sheet = self._context.sheet(number, seat)
        if sheet.edition.state not in LEAVING:
            if not seat.fragment:
                raise HTTPException(404)
            # Its approval was taken back: it is a draft, and the page another one.
            return Response(status_code=204, headers={"HX-Refresh": "true"})
        answer = self._context.renderer.page(
            "progress.html",
            seat,
            status=422 if refused else 200,
            sheet=sheet,
            refused=refused,
            **values_of(self._context.desk, sheet, self._context.clock()),
        )
        if seen and seen != standing_of(sheet.edition):
            answer.headers["HX-Retarget"] = answer.headers["HX-Reselect"] = "#progress"
        return answer

    def settle(self, number: int, seat: Seat, verb: Callable[[Edition], object]) -> Response:
        """Do it, and answer with how the delivery stands then."""
        refused = None
        try:
            verb(self._context.sheet(number, seat).edition)
        except EditionError as error:
            refused = error
        if seat.fragment:
            return self.show(number, seat, refused=refused)
        if refused is not None:
            return self._context.renderer.error(422, refused.message, refused.hint, seat)
        return self._context.go(f"/editions/{number}")


def _show_readers(
    context: DeskContext, number: int, seat: Seat, state: State, after: int
) -> Response:
    sheet = context.sheet(number, seat)
    if sheet.edition.state not in LEAVING:
        raise HTTPException(404)
    found, counted = context.desk.queries.readers(number, state, after=after, most=ON_A_PAGE + 1)
    return context.renderer.page(
        "readers.html",
        seat,
        sheet=sheet,
        named=context.briefing(sheet),
        tally=context.desk.tally(sheet.edition),
        state=state,
        after=after,
        readers=found[:ON_A_PAGE],
        more=found[ON_A_PAGE - 1].id if len(found) > ON_A_PAGE else None,
        counted=counted,
    )


def standing_of(edition: Edition) -> str:
    """ "paused", or the state's name."""
    paused = edition.paused and edition.state is EditionState.SENDING
    return "paused" if paused else edition.state.value


def values_of(desk: Desk, sheet: EditorView, now: datetime) -> dict[str, object]:
    """What `progress.html` shows, beside the `sheet` itself."""
    edition = sheet.edition
    tally = desk.tally(edition)
    standing = standing_of(edition)
    return {
        "named": desk.briefings[edition.briefing],
        "tally": tally,
        "standing": standing,
        "speed": _measure(desk, edition, tally, now) if standing == "sending" else None,
        "every": 5 if standing == "paused" or tally.audience >= _LARGE else 1,
    }


def _measure(desk: Desk, edition: Edition, tally: Tally, now: datetime) -> Speed | None:
    """The speed of the last minute; None where nothing was sent in it, or it has only begun."""
    begun = edition.sending_started_at
    if begun is None or now - begun < _SHORTEST:
        return None
    since = max(begun, now - _LOOKED_BACK)
    answered = desk.queries.answered_since(edition.id, since)
    if not answered:
        return None
    rate = answered / (now - since).total_seconds()
    left = tally.waiting / rate
    return Speed(_tell_rate(rate), _tell_time(timedelta(seconds=left)))


def _tell_rate(rate: float) -> str:
    return f"{rate:,.0f} a second" if rate >= 1 else f"{max(rate * 60, 1):,.0f} a minute"


def _tell_time(left: timedelta) -> str:
    seconds = left.total_seconds()
    if not seconds or left > _LONGEST:
        return ""
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    if minutes < 90:
        return "about a minute" if minutes == 1 else f"about {minutes} minutes"
    return f"about {round(minutes / 60)} hours"
