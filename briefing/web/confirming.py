"""Confirming: where the link of a mail leads that asked for a yes. A GET shows, a POST does it.

Scanners of mail follow every link: none of them presses a button.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from briefing.desk import Desk
from briefing.model import Briefing
from briefing.store import Connection
from briefing.store.receipts import receipts
from briefing.web.pages import Pages
from briefing.web.params import Slug, Token, host_of, open_door
from briefing.web.signup import CONSENT
from subscribers import changing, confirmations, joining, preferences, roll
from subscribers.addresses import read_address
from subscribers.changing import Moved
from subscribers.confirmations import Asked, Confirmation
from subscribers.exporting import everything_on
from subscribers.tokens import Door


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    answers = _Answers(desk, pages)
    gone: dict[int | str, dict[str, Any]] = {
        410: {"description": "The link has expired", "content": {"text/html": {}}}
    }

    @site.get("/c/{briefing}/{token}", responses=gone)
    def show(briefing: Slug, token: Token) -> Response:
        """What is to be confirmed, and the button; changes nothing."""
        named, key = open_door(desk, Door.CONFIRM, briefing, token)
        with desk.database.read() as connection:
            asked = confirmations.find(connection, key, clock())
        if asked is None or asked.used:
            return answers.over(named, asked)
        return pages.page(
            "confirm.html",
            named,
            what=asked.asked.value,
            address=preferences.mask_address(asked.address.envelope),
            wanted=asked.detail.get("to", ""),
            wording=pages.sentence(CONSENT, named),
        )

    @site.post(
        "/c/{briefing}/{token}",
        responses={
            **gone,
            200: {"content": {"application/json": {}}},
            409: {
                "description": "It cannot be done: the address is taken, or never mailed",
                "content": {"text/html": {}},
            },
        },
    )
    def confirm(briefing: Slug, token: Token, request: Request) -> Response:
        """Do it, once. Data to download is the answer itself, as often as the link is good."""
        named, key = open_door(desk, Door.CONFIRM, briefing, token)
        now = clock()
        with desk.database.write() as connection:
            asked = confirmations.find(connection, key, now)
            if asked is not None and asked.subscriber_id is not None:
                changing.lock_person(connection, asked.subscriber_id)
            asked = confirmations.find(connection, key, now, lock=True)
            if asked is None or asked.used:
                return answers.over(named, asked)
            answer = answers.act(connection, named, asked, now, host_of(request))
        desk.notices.wake()
        return answer


class _Answers:
    """What pressing the button does for each kind of question."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    def over(self, named: Briefing, asked: Confirmation | None) -> Response:
        """For a link that has expired, or was used."""
        if asked is None:
            return self._pages.page("expired.html", named, status=410)
        waits = asked.asked in (Asked.MOVE, Asked.ADDRESS)
        return self._pages.page("done.html", named, what="agreed" if waits else "before")

    def act(
        self,
        connection: Connection,
        named: Briefing,
        asked: Confirmation,
        now: datetime,
        host: str,
    ) -> Response:
        """Do what was asked, in one transaction."""
        do = {
            Asked.JOIN: self._join,
            Asked.MOVE: self._move,
            Asked.ADDRESS: self._move,
            Asked.UNDO: self._undo,
            Asked.ERASE: self._erase,
            Asked.DOWNLOAD: self._download,
        }[asked.asked]
        return do(connection, named, asked, now, host)

    def _join(
        self, connection: Connection, named: Briefing, asked: Confirmation, now: datetime, host: str
    ) -> Response:
        wording = self._pages.sentence(CONSENT, named)
        number = joining.confirm(connection, asked, now=now, host=host, wording=wording)
        person = roll.person_by_id(connection, number) if number is not None else None
        if person is None:
            return self._impossible(named)
        self._desk.notices.welcome(connection, named.slug, person.id)
        choose = self._desk.tokens.sign(Door.PREFERENCES, person.preferences_key, named.slug)
        return self._pages.page(
            "done.html", named, what="join", choose=f"{self._pages.root}/p/{named.slug}/{choose}"
        )

    def _move(
        self, connection: Connection, named: Briefing, asked: Confirmation, now: datetime, host: str
    ) -> Response:
        moved = changing.agree_to_move(connection, asked, now=now, host=host)
        if moved is None:
            return self._impossible(named)
        if isinstance(moved, Confirmation):
            return self._pages.page("done.html", named, what="agreed")
        self._tell_moved(connection, named, moved)
        return self._pages.page("done.html", named, what="address")

    def _undo(
        self, connection: Connection, named: Briefing, asked: Confirmation, now: datetime, host: str
    ) -> Response:
        moved = changing.undo_move(connection, asked, now=now, host=host)
        if moved is None:
            return self._impossible(named)
        self._tell_moved(connection, named, moved)
        return self._pages.page("done.html", named, what="undo")

    def _tell_moved(self, connection: Connection, named: Briefing, moved: Moved) -> None:
        """Both mailboxes: what has changed, and where the choices are now."""
        notices = self._desk.notices
        notices.tell_moved(connection, named.slug, moved)
        notices.welcome(connection, named.slug, moved.subscriber_id)

    def _erase(
        self,
        connection: Connection,
        named: Briefing,
        asked: Confirmation,
        now: datetime,
        _host: str,
    ) -> Response:
        person = roll.person_by_id(connection, asked.subscriber_id or 0)
        if person is not None:
            roll.erase(connection, person.address, now=now)
        return self._pages.page("done.html", named, what="erase")

    def _download(
        self, connection: Connection, named: Briefing, asked: Confirmation, now: datetime, host: str
    ) -> Response:
        number = asked.subscriber_id or 0
        person = roll.person_by_id(connection, number)
        if person is None:
            return self._impossible(named)
        held = everything_on(connection, read_address(person.address))
        held["editions"] = receipts(connection, number)
        roll.record(connection, number, "downloaded", "reader", now, confirmed_from=host)
        return Response(
            json.dumps(held, ensure_ascii=False, indent=2) + "\n",
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
        )

    def _impossible(self, named: Briefing) -> Response:
        return self._pages.page("done.html", named, what="impossible", status=409)
