"""What every concern of the desk's pages is given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from briefing.desk import Desk
from briefing.desk.editing import Sheet
from briefing.errors import EditionError
from briefing.model import Briefing
from briefing.store.ledger import Tally
from briefing.web.desk.frame import Frame
from briefing.web.desk.gate import Gate, Seat

__all__ = ["Chosen", "Newsroom", "Number", "Parts"]

_HIGHEST: Final = 2**62  # what every database can be asked for

Number = Annotated[int, InPath(ge=1, le=_HIGHEST)]
"""An edition, an article or the like, in an address."""

Chosen = Annotated[int, Field(ge=0, le=_HIGHEST)]
"""The same in a form, 0 for none."""


@dataclass(frozen=True, slots=True)
class Newsroom:
    """What the desk's pages need beside the desk: where test sends may go, and the folder of the
    outbox where mail goes into one."""

    test_addresses: tuple[str, ...] = ()
    outbox: Path | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """`routes` are below `PLACE`. `closing` is set when the server stops: what lasts has to end
    then. `sums` keeps what became of editions that have ended, by number and end."""

    routes: APIRouter
    desk: Desk
    frame: Frame
    gate: Gate
    clock: Callable[[], datetime]
    newsroom: Newsroom
    closing: threading.Event
    sums: dict[tuple[int, datetime | None], Tally] = field(default_factory=dict)

    def sheet(self, edition_id: int, seat: Seat) -> Sheet:
        """An edition as it stands for somebody; 404 where there is none, or where its briefing is
        none of ours any more."""
        try:
            sheet = self.desk.editing.sheet(edition_id, who=seat.user)
        except EditionError:
            raise HTTPException(404) from None
        if sheet.edition.briefing not in self.desk.briefings:
            raise HTTPException(404)
        return sheet

    def briefing(self, sheet: Sheet) -> Briefing:
        return self.desk.briefings[sheet.edition.briefing]

    def go(self, place: str) -> RedirectResponse:
        """Answer a form by sending the browser to a page of the desk: a reload repeats nothing."""
        return RedirectResponse(f"{self.frame.root}{place}", 303)
