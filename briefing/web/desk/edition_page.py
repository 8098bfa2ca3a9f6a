"""The table: an edition as its page shows it, and how a form on that page is answered.

Without scripts a form is answered by the page again, with them by its part `sheet`; a panel (the
form of one story, say) that is refused is answered by itself, so that nothing typed is lost.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.desk.approval import NotAllowed
from briefing.desk.editing import EDITABLE, Clash, EditorView
from briefing.desk.preflight import Proof
from briefing.desk.presence import News
from briefing.errors import BriefingError, EditionError, StoreError
from briefing.model import DAILY, ENDED, Briefing, Edition, EditionState
from briefing.store.ledger import Tally
from briefing.web.desk import log_text
from briefing.web.desk.auth import Seat
from briefing.web.desk.checking import links_of
from briefing.web.desk.context import DeskContext
from briefing.web.desk.grouping import group_stories

__all__ = ["AFTER", "NOTE", "SAVED", "ActRefused", "EditionPage"]

AFTER: Final = (EditionState.SENDING, EditionState.SENT, EditionState.CANCELLED)
"""States in which some readers have it."""

SAVED: Final = "Saved."
"""What is said of an act on the contents that was done; the log says which."""

NOTE: Final = "desk-said"
"""The cookie that takes what was done over the redirect behind a form."""

_NOTED: Final = 20  # seconds
_LONGEST_NOTE: Final = 500
_LOG: Final = 12


class ActRefused(Exception):
    """What was asked for is not done; `clash` says that somebody else was faster."""

    def __init__(
        self, said: str, hint: str = "", clash: Clash | None = None, *, status: int = 422
    ) -> None:
        super().__init__(said)
        self.said = said
        self.hint = hint
        self.clash = clash
        self.status = 409 if clash else status


class EditionPage:
    """Shows editions, one for all concerns."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._desk = context.desk

    def show(
        self,
        number: int,
        seat: Seat,
        *,
        status: int = 200,
        said: str = "",
        trouble: ActRefused | None = None,
        look: str = "desktop",
        pictures: bool = False,
        repeated: Mapping[str, str] | None = None,
    ) -> Response:
        """The page of an edition, or its part for a script; `repeated` is the form that clashed."""
        # First how far the news goes, then what there is: what happens between the two is news.
        try:
            news = self._desk.together.changes_since(
                number, "", now=self._context.clock(), who=seat.user
            )
        except EditionError:
            raise HTTPException(404) from None
        values = self._values(self._context.sheet(number, seat), seat, news)
        values |= {
            "said": said,
            "did": values["did"] if said == SAVED else "",
            "trouble": trouble,
            "conflicts": [
                log_text.tell_conflict(conflict, trouble.clash.edition)
                for conflict in trouble.clash.conflicts
            ]
            if trouble and trouble.clash
            else [],
            "repeated": repeated or {},
            "look": look,
            "pictures": pictures,
        }
        template = "sheet.html" if seat.fragment else "edition.html"
        return self._context.renderer.page(template, seat, status=status, **values)

    def settle(
        self,
        number: int,
        seat: Seat,
        act: Callable[[], str],
        *,
        form: Mapping[str, str] | None = None,
        panel: Callable[[ActRefused], Response] | None = None,
    ) -> Response:
        """Do what a form asks for and answer it. `act` returns what is said then, and raises
        `ActRefused` or the desk's own errors; a refused `panel` is shown again, with the reason."""
        self._context.sheet(number, seat)  # nothing is done to what has no page
        try:
            said = act()
        except ActRefused as refused:
            trouble = refused
        except NotAllowed as error:
            trouble = ActRefused(error.message, error.hint, status=403)
        except StoreError:
            raise
        except BriefingError as error:
            trouble = ActRefused(error.message, error.hint)
        else:
            if seat.fragment:
                return self.show(number, seat, said=said)
            return self._note(number, seat, said)
        if panel is not None and trouble.clash is None:
            answer = panel(trouble)
            answer.headers["HX-Retarget"] = "#panel-body"
            answer.headers["HX-Reswap"] = "innerHTML"
            return answer
        return self.show(number, seat, status=trouble.status, trouble=trouble, repeated=form)

    def tell(
        self, number: int, seat: Seat, noted: str, *, look: str, pictures: bool = False
    ) -> Response:
        """The page of an edition, with what a form before it has `noted` for it."""
        mark, _, said = noted.partition(".")
        said = unquote(said)
        known = hmac.compare_digest(mark.encode(), _mark(number, seat, said).encode())
        told = said if known else ""
        answer = self.show(number, seat, look=look, pictures=pictures, said=told)
        if noted:
            answer.delete_cookie(NOTE, path=f"{self._context.renderer.root}/editions/{number}")
        return answer

    def _note(self, number: int, seat: Seat, said: str) -> Response:
        """Back to the page, which then says what was done: a cookie of seconds, of this session."""
        answer = self._context.go(f"/editions/{number}")
        said = said[:_LONGEST_NOTE]
        answer.set_cookie(
            NOTE,
            f"{_mark(number, seat, said)}.{quote(said)}",
            max_age=_NOTED,
            path=f"{self._context.renderer.root}/editions/{number}",
            secure=urlsplit(self._desk.publication.public_url).scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    def proof(self, edition: Edition) -> tuple[Proof | None, str]:
        """The proof, or why there is none."""
        if not edition.stories:
            return None, "There is no story in it yet."
        try:
            return self._desk.proofs.of(edition), ""
        except StoreError:
            raise
        except BriefingError as error:
            return None, error.message

    def _values(self, sheet: EditorView, seat: Seat, news: News) -> dict[str, Any]:
        edition, named = sheet.edition, self._context.briefing(sheet)
        now = self._context.clock()
        proof, unproven = self.proof(edition)
        findings = proof.findings if proof else ()
        judged = self._desk.deciding.judge(edition.id, findings)
        others = [one for one in news.present if one.user_id != seat.user.id]
        entries = log_text.tell_log(sheet, named)
        by_id = {edit.id: edit for edit in sheet.log}
        tally = self._desk.tally(edition) if edition.state in AFTER else None
        titles = log_text.titles_of(sheet)
        lead, groups = group_stories(edition, named, proof, judged, others)
        changed, newer = self._count(sheet, named, now)
        return {
            "sheet": sheet,
            "edition": edition,
            "named": named,
            "lead": lead,
            "groups": groups,
            "section_names": {group.slug: group.name for group in groups},
            "changed": changed,
            "newer": newer,
            "proof": proof,
            "unproven": unproven,
            "judged": judged,
            "others": others,
            "did": _tell_own(entries, seat),
            "entries": entries[:_LOG],
            "older": entries[_LOG:],
            "undo": log_text.tell(sheet.undoable, titles, named, by_id) if sheet.undoable else "",
            "redo": log_text.tell(sheet.redoable, titles, named, by_id) if sheet.redoable else "",
            "editable": edition.state in EDITABLE,
            "after": edition.state in AFTER,
            "ended": edition.state in ENDED,
            "may_recall": edition.state is EditionState.APPROVED
            or (edition.state is EditionState.SENDING and _reached_nobody(tally)),
            "tally": tally,
            "subject": proof.composed.composition.subject if proof else edition.subject,
            "preheader": proof.composed.composition.preheader if proof else edition.preheader,
            "test_addresses": self._context.newsroom.test_addresses,
            "cursor": news.cursor,
            "left": tell_span(edition.due_at - now),
            "policy": _tell_policy(
                edition,
                named,
                has_errors=bool(judged.errors),
                wants_changes=self._desk.deciding.wants_changes(edition.id),
            ),
            **links_of(edition, proof),
        }

    def _count(self, sheet: EditorView, briefing: Briefing, now: datetime) -> tuple[int, int]:
        """How many fields differ from what was approved, and how many stories came in since the
        machine looked for them last."""
        queries, edition = self._desk.queries, sheet.edition
        changed = queries.count_changed(edition) if sheet.stale else 0
        return changed, queries.count_newer(edition, briefing, now)


def _mark(number: int, seat: Seat, said: str) -> str:
    """What shows that a note was written here, for this session and this edition."""
    return hmac.new(seat.token.encode(), f"said {number} {said}".encode(), sha256).hexdigest()[:32]


def _tell_own(entries: list[log_text.LogEntry], seat: Seat) -> str:
    """What the latest entry of the log says, where it is somebody's own."""
    latest = next(iter(entries), None)
    return latest.said if latest and latest.edit.who == seat.user.name else ""


def _reached_nobody(tally: Tally | None) -> bool:
    return tally is not None and not (tally.sent or tally.refused or tally.unknown)


def tell_span(span: timedelta) -> str:
    """How long until a moment, or since: "in 2 h 5 min", "5 min ago"."""
    minutes = round(abs(span).total_seconds() / 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        said = f"{days} d {hours} h" if hours else f"{days} d"
    elif hours:
        said = f"{hours} h {minutes} min" if minutes else f"{hours} h"
    else:
        said = f"{minutes} min" if minutes else "less than a minute"
    return f"in {said}" if span > timedelta(0) else f"{said} ago"


def _tell_policy(
    edition: Edition, briefing: Briefing, *, has_errors: bool, wants_changes: bool
) -> str:
    """What happens at the hour if nobody decides."""
    if edition.state is EditionState.HELD:
        return "It is held: it leaves only when somebody approves it."
    if edition.state is EditionState.CHANGES or wants_changes:
        return "Changes were asked for: it does not leave before it is approved."
    if edition.slot != DAILY:
        return "An alert leaves as soon as it is approved, and not before."
    sends = briefing.approval == "auto" or briefing.if_unapproved == "send"
    if sends and has_errors and briefing.if_errors == "hold":
        return "It has errors: if they stand at its hour, it is held."
    if briefing.approval == "auto":
        return "At its hour it leaves as it stands; an approval settles it before."
    return {
        "send": "If nobody approves it by then, it leaves as it stands.",
        "skip": "If nobody approves it by then, the day is skipped; its stories go to the next.",
    }.get(briefing.if_unapproved, "If nobody approves it by then, it is held.")
