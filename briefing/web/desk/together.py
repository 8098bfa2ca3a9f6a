"""Together: who else is at an edition, and news of it as they come (server-sent events).

A page says every few seconds where its editor is, and listens to a stream that tells when anything
about the edition has changed; what has changed, it then asks for itself. The stream looks once a
second, with two short queries, in whichever process it runs: so the change may have been made
anywhere.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Form
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from briefing.desk.together import News
from briefing.errors import BriefingError
from briefing.web.desk.gate import Seat, Seated
from briefing.web.desk.parts import Chosen, Number, Parts

_LOOK: Final = 1.0
# Proxies close what is silent for long, and a browser that has gone is noticed by writing to it.
# That often it is also asked whether the session has ended meanwhile.
_BREATH: Final = 15.0
# The browser comes back by itself, and is asked who it is then.
_LONGEST: Final = 300.0


class LookForm(BaseModel):
    """Which story somebody is at, 0 for none; `gone` when they leave the page."""

    story: Chosen = 0
    gone: bool = False


def register(parts: Parts) -> None:
    routes, together = parts.routes, parts.desk.together

    @routes.post("/editions/{number}/look")
    def look(number: Number, seat: Seated, form: Annotated[LookForm, Form()]) -> Response:
        """Say that one is here; to be repeated."""
        parts.sheet(number, seat)
        if form.gone:
            together.leave(number, who=seat.user)
        else:
            together.look(number, form.story or None, who=seat.user, now=parts.clock())
        return Response(status_code=204)

    @routes.get("/editions/{number}/events")
    async def events(number: Number, seat: Seated, cursor: str = "") -> Response:
        """The news of an edition after a cursor, until the browser goes."""
        await run_in_threadpool(parts.sheet, number, seat)
        return StreamingResponse(
            _stream(parts, number, seat, cursor[:2000]),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )


async def _stream(parts: Parts, number: int, seat: Seat, cursor: str) -> AsyncIterator[str]:
    def ask() -> News:
        return parts.desk.together.changes_since(number, cursor, now=parts.clock(), who=seat.user)

    def is_in() -> bool:
        return parts.desk.users.session(seat.token, now=parts.clock(), used=False) is not None

    began = told = asked = time.monotonic()
    yield "retry: 2000\n\n"
    while not parts.closing.is_set() and time.monotonic() - began < _LONGEST:
        if time.monotonic() - asked > _BREATH:
            asked = time.monotonic()
            if not await run_in_threadpool(is_in):
                # The page asks for its part again then, and is led to the log-in.
                yield _event(cursor="")
                return
        try:
            news = await run_in_threadpool(ask)
        except BriefingError:
            return
        # A cursor that is none is answered by one that is.
        if news.cursor != cursor:
            told = time.monotonic()
            here = [one.name for one in news.present if one.user_id != seat.user.id]
            yield _event(cursor=news.cursor, state=news.state.value, here=here)
        elif time.monotonic() - told > _BREATH:
            told = time.monotonic()
            yield ": still here\n\n"
        cursor = news.cursor
        await asyncio.sleep(_LOOK)


def _event(**said: object) -> str:
    return f"event: news\ndata: {json.dumps(said)}\n\n"
