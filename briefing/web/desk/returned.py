"""Returned mail that nothing vouches for: publishers and operators look, accept, dismiss."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Form
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.returns import ReturnsIntake
from briefing.web.desk.auth import Operating
from briefing.web.desk.context import DeskContext, Number

__all__ = ["register"]

ON_A_PAGE: Final = 50

_DONE: Final = {
    "accepted": "Accepted: it counts as a return that is vouched for.",
    "dismissed": "Dismissed: it changes nothing.",
    "gone": "It was settled already.",
}


def register(context: DeskContext) -> None:
    def intake() -> ReturnsIntake:
        if context.newsroom.intake is None:
            raise HTTPException(404)
        return context.newsroom.intake

    @context.routes.get("/returned")
    def show(seat: Operating, done: str = "") -> Response:
        """What waits, oldest first."""
        rows = intake().waiting(ON_A_PAGE + 1)
        return context.renderer.page(
            "returned.html",
            seat,
            rows=rows[:ON_A_PAGE],
            more=len(rows) > ON_A_PAGE,
            done=_DONE.get(done, ""),
            zone=context.desk.publication,
        )

    @context.routes.post("/returned/{number}")
    def settle(
        seat: Operating, number: Number, act: Annotated[Literal["accept", "dismiss"], Form()]
    ) -> Response:
        by, now = f"desk: {seat.user.name}", context.clock()
        if act == "accept":
            known = intake().accept(number, by=by, now=now) is not None
        else:
            known = intake().dismiss(number, by=by, now=now)
        done = {"accept": "accepted", "dismiss": "dismissed"}[act] if known else "gone"
        return context.go(f"/returned?done={done}")
