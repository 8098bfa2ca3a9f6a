"""The list: what leaves next, what has left, and whether the sources are well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from fastapi import Form
from pydantic import BaseModel
from starlette.responses import Response

from briefing.desk.editing import EDITABLE
from briefing.errors import BriefingError, StoreError
from briefing.model import DAILY, Briefing, Edition, EditionState
from briefing.store import ledger
from briefing.store.articles import SourceState
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import DeskContext
from briefing.web.desk.edition_page import AFTER, EditionPage, tell_span

_BEHIND: Final = 14
_AHEAD: Final = 7
_STALE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class EditionRow:
    """An edition of the list. `errors` and `warnings` are None where nobody checks any more; there
    is a `tally` once it has begun to leave. `size` is in bytes of the HTML part, 0 where it is not
    known."""

    edition: Edition
    stories: int
    errors: int | None
    warnings: int | None
    size: int
    tally: ledger.Tally | None
    left: str
    title: str


@dataclass(frozen=True, slots=True)
class BriefingEditions:
    """A briefing's editions: those still to leave, the soonest first, and those behind us.
    `next_day` is the next one that has no draft yet, `drafted_at` when the daemon makes it."""

    named: Briefing
    ahead: tuple[EditionRow, ...]
    behind: tuple[EditionRow, ...]
    next_day: date | None
    drafted_at: datetime | None


class DraftForm(BaseModel):
    """Which day's draft is to be made."""

    briefing: str = ""
    day: str = ""


def register(context: DeskContext) -> None:
    routes, listing = context.routes, _Listing(context)

    @routes.get("")
    def index(seat: Seated) -> Response:
        """All briefings' editions, and the sources."""
        return listing.show(seat)

    @routes.post("/drafts")
    def make_draft(seat: Seated, form: Annotated[DraftForm, Form()]) -> Response:
        """Make a day's draft now, or bring it up to date, instead of waiting for the daemon."""
        named = context.desk.briefings.get(form.briefing)
        try:
            day = date.fromisoformat(form.day)
        except ValueError:
            day = None
        if named is None or day is None or not listing.may_draft(named, day):
            return context.renderer.error(
                422, "that is no day an edition can be made for now", "", seat
            )
        try:
            draft = context.desk.draft(named, day, context.clock())
        except StoreError:
            raise
        except BriefingError as error:
            return listing.show(seat, status=422, trouble=error)
        return context.go(f"/editions/{draft.edition.id}")


class _Listing:
    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._table = EditionPage(context)

    def may_draft(self, named: Briefing, day: date) -> bool:
        """The next day that has no draft, or one whose draft may still be brought up to date."""
        shelf = self._shelf(named, self._context.clock())
        lines = (line.edition for line in shelf.ahead)
        return day == shelf.next_day or any(
            edition.day == day and edition.slot == DAILY and edition.state in EDITABLE
            for edition in lines
        )

    def show(
        self, seat: Seat, *, status: int = 200, trouble: BriefingError | None = None
    ) -> Response:
        now = self._context.clock()
        shelves = [self._shelf(named, now) for named in self._context.desk.briefings.values()]
        known = {source.name for source in self._context.desk.sources}
        sources = self._context.desk.queries.sources(known)
        return self._context.renderer.page(
            "list.html",
            seat,
            status=status,
            trouble=trouble,
            shelves=shelves,
            sources=[(state, _health(state, now)) for state in sources],
            unasked=sorted(known - {state.name for state in sources}),
            span=lambda at: tell_span(at - now),
        )

    def _shelf(self, named: Briefing, now: datetime) -> BriefingEditions:
        queries = self._context.desk.queries
        recent, stories = queries.editions(named.slug, _BEHIND + _AHEAD)
        tallies = {
            edition.id: self._tally(edition, now) for edition in recent if edition.state in AFTER
        }
        lines = [
            self._line(edition, stories.get(edition.id, 0), tallies.get(edition.id), now)
            for edition in recent
        ]
        ahead = [line for line in lines if _is_ahead(line.edition, named, now)]
        next_day = self._next_day(named, recent, now)
        return BriefingEditions(
            named,
            tuple(sorted(ahead, key=lambda line: line.edition.due_at)),
            tuple(line for line in lines if line not in ahead)[:_BEHIND],
            next_day,
            named.due_at(next_day) - named.lead if next_day else None,
        )

    def _line(
        self, edition: Edition, stories: int, tally: ledger.Tally | None, now: datetime
    ) -> EditionRow:
        errors = warnings = None
        title = edition.subject
        proof, _ = self._table.proof(edition)
        if proof is not None:
            judged = self._context.desk.deciding.judge(edition.id, proof.findings)
            errors, warnings = len(judged.errors), len(judged.warnings)
            title = proof.composed.composition.subject
        elif edition.state is EditionState.SENDING:
            leaving = self._context.desk.composition(edition)
            title = leaving.subject if leaving else title
        left = tell_span(edition.due_at - now)
        size = proof.size if proof else 0
        return EditionRow(edition, stories, errors, warnings, size, tally, left, title)

    def _tally(self, edition: Edition, now: datetime) -> ledger.Tally:
        """The sum of an edition; of one that has ended it is kept for a moment, for a million rows
        are not counted at every visit."""
        sums, ended = self._context.sums, edition.finished_at
        kept = sums.find(edition.id, ended, now) if ended else None
        if kept is not None:
            return kept
        counted = self._context.desk.tally(edition)
        # What was on its way when an edition was cancelled is answered a little later.
        if ended and not counted.waiting:
            sums.keep(edition.id, ended, counted, now)
        return counted

    def _next_day(self, named: Briefing, recent: Sequence[Edition], now: datetime) -> date | None:
        """The next day of publication whose hour has not come and that has no edition. None while
        an earlier one may still be shaped: it would lose its latest news to this one."""
        daily = [edition for edition in recent if edition.slot == DAILY]
        if any(it.state in EDITABLE and _is_ahead(it, named, now) for it in daily):
            return None
        there = {edition.day for edition in daily}
        today = named.today(now)
        for ahead in range(_AHEAD + 1):
            day = today + timedelta(days=ahead)
            comes = day.isoweekday() in named.days and named.due_at(day) > now
            if comes and day not in there:
                return day
        return None


def _is_ahead(edition: Edition, named: Briefing, now: datetime) -> bool:
    """Whether it may still leave."""
    if edition.state is EditionState.SENDING:
        return True
    return edition.state in EDITABLE and edition.due_at > now - named.catch_up


def _health(state: SourceState, now: datetime) -> str:
    """ "bad" for a source that fails, "slow" for one whose document was given up not long ago,
    "amber" for one that has been silent for a day, or "good"."""
    if state.failures:
        return "bad"
    if state.kills:
        return "slow"
    silent = state.succeeded_at is None or now - state.succeeded_at > _STALE
    return "amber" if silent else "good"
