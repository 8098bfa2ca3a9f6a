"""What every concern of the desk's pages is given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from briefing.desk import Desk
from briefing.desk.editing import EditorView
from briefing.errors import EditionError
from briefing.model import Briefing
from briefing.returns import ReturnsIntake
from briefing.store.ledger import Tally
from briefing.web.desk.auth import DeskAuth, Seat
from briefing.web.desk.rendering import Renderer
from briefing.web.lanes import Lanes

__all__ = ["Chosen", "DeskContext", "Newsroom", "Number", "Sums"]

_HIGHEST: Final = 2**62  # what every database can be asked for

Number = Annotated[int, InPath(ge=1, le=_HIGHEST)]
"""An edition, an article or the like, in an address."""

Chosen = Annotated[int, Field(ge=0, le=_HIGHEST)]
"""The same in a form, 0 for none."""


@dataclass(frozen=True, slots=True)
class Newsroom:
    """What the desk's pages need beside the desk: where test sends may go, the folder of the
    outbox where mail goes into one, and what takes returned mail in where any is read."""

    test_addresses: tuple[str, ...] = ()
    outbox: Path | None = None
    intake: ReturnsIntake | None = None


class Sums:
    """What became of editions that have ended, by number and end. For all threads.

    A sum is good for `LAST`: returned mail still changes it long after the end.
    """

    LAST: Final = timedelta(seconds=30)
    _MOST: Final = 500

    def __init__(self) -> None:
        self._kept: dict[tuple[int, datetime], tuple[datetime, Tally]] = {}
        self._lock = threading.Lock()

    def find(self, number: int, ended: datetime, now: datetime) -> Tally | None:
        """None where it has to be counted (again)."""
        with self._lock:
            counted_at, tally = self._kept.get((number, ended), (None, None))
        # A clock that was set back makes nothing last longer.
        fresh = counted_at is not None and timedelta(0) <= now - counted_at < self.LAST
        return tally if fresh else None

    def keep(self, number: int, ended: datetime, tally: Tally, now: datetime) -> None:
        """Beyond `_MOST` the oldest ones go."""
        with self._lock:
            self._kept.pop((number, ended), None)
            self._kept[number, ended] = (now, tally)
            while len(self._kept) > self._MOST:
                del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


@dataclass(frozen=True, slots=True)
class DeskContext:
    """`routes` are below `PLACE`. `closing` is set when the server stops: what lasts has to end
    then. What lasts takes its turns in `lanes` like any request."""

    routes: APIRouter
    desk: Desk
    renderer: Renderer
    auth: DeskAuth
    clock: Callable[[], datetime]
    newsroom: Newsroom
    closing: threading.Event
    lanes: Lanes = field(default_factory=Lanes)
    sums: Sums = field(default_factory=Sums)

    def sheet(self, edition_id: int, seat: Seat) -> EditorView:
        """An edition as it stands for somebody; 404 where there is none, or where its briefing is
        none of ours any more."""
        try:
            sheet = self.desk.editing.sheet(edition_id, who=seat.user)
        except EditionError:
            raise HTTPException(404) from None
        if sheet.edition.briefing not in self.desk.briefings:
            raise HTTPException(404)
        return sheet

    def briefing(self, sheet: EditorView) -> Briefing:
        return self.desk.briefings[sheet.edition.briefing]

    def go(self, place: str) -> RedirectResponse:
        """Answer a form by sending the browser to a page of the desk: a reload repeats nothing."""
        return RedirectResponse(f"{self.renderer.root}{place}", 303)
