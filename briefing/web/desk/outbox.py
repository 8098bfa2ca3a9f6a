"""The outbox: what a dry run has written, to look at as mail.

The folder may hold a file for every reader, and anybody may have put something into it. So a list
reads the headers of one page, a mail is read up to a bound, names are those of plain files in the
folder, and the mail itself is shown in a frame that can do nothing.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path as InPath
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from briefing.web.desk.auth import Operating
from briefing.web.desk.context import DeskContext
from briefing.web.desk.maildir import Folder
from briefing.web.desk.views import POLICY, WITH_PICTURES

__all__ = ["register"]

ON_A_PAGE: Final = 50

_LONGEST_RAW: Final = 400_000

Name = Annotated[str, InPath(max_length=255)]


def register(context: DeskContext) -> None:
    def folder() -> Folder:
        if context.newsroom.outbox is None:
            raise HTTPException(404)
        return Folder(context.newsroom.outbox)

    @context.routes.get("/outbox")
    def outbox(seat: Operating, after: str = "") -> Response:
        """The mails, newest first; `after` is the name of one."""
        return context.renderer.page(
            "outbox.html",
            seat,
            page=folder().page(ON_A_PAGE, after=after),
            after=after,
            zone=context.desk.publication,
        )

    @context.routes.get("/outbox/{name}")
    def mail(name: Name, seat: Operating, *, pictures: bool = False) -> Response:
        """One mail, in every form it has."""
        found = folder().open(name)
        if found is None:
            raise HTTPException(404)
        raw = found.raw.decode("utf-8", "replace")
        return context.renderer.page(
            "outbox-mail.html",
            seat,
            mail=found,
            pictures=pictures,
            raw=raw[:_LONGEST_RAW],
            cut=found.cut or len(raw) > _LONGEST_RAW,
            zone=context.desk.publication,
        )

    @context.routes.get("/outbox/{name}/html")
    def html(name: Name, seat: Operating, *, pictures: bool = False) -> Response:
        """Its HTML, for the frame: its styles, its pictures if they are asked for, nothing that
        acts."""
        del seat
        found = folder().open(name)
        if found is None or not found.html:
            raise HTTPException(404)
        return HTMLResponse(
            found.html, headers={"Content-Security-Policy": WITH_PICTURES if pictures else POLICY}
        )
