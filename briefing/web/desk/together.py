"""Together: who else is at an edition, and news of it as they come (server-sent events).

A page says every few seconds where its editor is, and listens to a stream that tells when anything
about the edition has changed; what has changed, it then asks for itself. All pages of a browser
share one stream (`static/news.js`), which therefore tells of several editions. It looks once a
second, with two short queries for each, in whichever process it runs: so the change may have been
made anywhere.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Final

from fastapi import Form, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from briefing.desk.presence import News
from briefing.errors import BriefingError, EditionError
from briefing.model import ENDED
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import Chosen, DeskContext, Number
from briefing.web.lanes import Crowded, Lane

STREAMS: Final = 200
"""Streams at once, whoever has them: one more is asked to come again."""

EDITIONS: Final = 30
"""Editions that one stream tells of."""

_LOOK: Final = 1.0
# Proxies close what is silent for long, and a browser that has gone is noticed by writing to it.
# That often it is also asked whether the session has ended meanwhile.
_BREATH: Final = 15.0
# The browser comes back by itself, and is asked who it is then.
_LONGEST: Final = 300.0

Wanted = Annotated[list[str] | None, Query(alias="of", max_length=EDITIONS)]


class LookForm(BaseModel):
    """Which story somebody is at, 0 for none; `gone` when they leave the page."""

    story: Chosen = 0
    gone: bool = False


def register(context: DeskContext) -> None:
    routes, together, streams = context.routes, context.desk.together, _Streams(context)

    @routes.post("/editions/{number}/look")
    def look(number: Number, seat: Seated, form: Annotated[LookForm, Form()]) -> Response:
        """Say that one is here; to be repeated."""
        context.sheet(number, seat)
        if form.gone:
            together.leave(number, who=seat.user)
        else:
            together.look(number, form.story or None, who=seat.user, now=context.clock())
        return Response(status_code=204)

    @routes.get("/events")
    async def events(seat: Seated, wanted: Wanted = None) -> Response:
        """The news of editions, each after a cursor ("EDITION~CURSOR"), until the browser goes. 204
        where nothing will ever happen to any of them, which tells a browser not to ask again."""
        cursors = await run_in_threadpool(streams.standing, _read(wanted or []), seat)
        if not cursors:
            return Response(status_code=204)
        if streams.open >= STREAMS:
            raise HTTPException(503)
        return StreamingResponse(
            streams.tell(dict(cursors), seat),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )


class _Streams:
    """The streams of this process; `open` is how many there are."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self.open = 0

    def standing(self, cursors: Mapping[int, str], seat: Seat) -> Mapping[int, str]:
        """Those of the editions that have not ended, and that have a page for somebody."""
        found = {}
        for number, cursor in cursors.items():
            try:
                state = self._context.sheet(number, seat).edition.state
            except HTTPException:
                continue
            if state not in ENDED:
                found[number] = cursor
        return found

    async def tell(self, cursors: dict[int, str], seat: Seat) -> AsyncIterator[str]:
        """The events."""
        self.open += 1
        try:
            async for event in self._events(cursors, seat):
                yield event
        finally:
            self.open -= 1

    async def _events(self, cursors: dict[int, str], seat: Seat) -> AsyncIterator[str]:
        context = self._context
        began = told = asked = time.monotonic()
        yield "retry: 2000\n\n"
        while cursors and not context.closing.is_set() and time.monotonic() - began < _LONGEST:
            due = time.monotonic() - asked > _BREATH
            try:
                async with context.lanes.turn(Lane.WATCHING):
                    heard = await run_in_threadpool(self._ask, cursors, seat, is_in=due)
            except Crowded:
                continue
            except BriefingError:
                return
            asked = time.monotonic() if due else asked
            if heard is None:
                # The pages ask for their part again then, and are led to the log-in.
                for number in cursors:
                    yield _event(edition=number, cursor="")
                return
            for number, news in heard.items():
                if news is None:
                    del cursors[number]
                # A cursor that is none is answered by one that is.
                elif news.cursor != cursors[number]:
                    told = time.monotonic()
                    cursors[number] = news.cursor
                    here = [one.name for one in news.present if one.user_id != seat.user.id]
                    yield _event(
                        edition=number, cursor=news.cursor, state=news.state.value, here=here
                    )
            if time.monotonic() - told > _BREATH:
                told = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(_LOOK)

    def _ask(
        self, cursors: Mapping[int, str], seat: Seat, *, is_in: bool
    ) -> dict[int, News | None] | None:
        """What happened to each; None for one that is there no more. `is_in` asks for the session
        first: None for all where it has ended."""
        now = self._context.clock()
        if is_in and self._context.desk.users.session(seat.token, now=now, used=False) is None:
            return None
        found: dict[int, News | None] = {}
        for number, cursor in cursors.items():
            try:
                found[number] = self._context.desk.together.changes_since(
                    number, cursor, now=now, who=seat.user
                )
            except EditionError:
                found[number] = None
        return found


def _read(wanted: Sequence[str]) -> dict[int, str]:
    """Editions and cursors as they stand in the address; what is no number is left out."""
    pairs = (one.partition("~") for one in wanted)
    return {
        int(number): cursor[:2000]
        for number, _, cursor in pairs
        if number.isascii() and number.isdecimal() and 0 < len(number) < 19
    }


def _event(**said: object) -> str:
    return f"event: news\ndata: {json.dumps(said)}\n\n"
