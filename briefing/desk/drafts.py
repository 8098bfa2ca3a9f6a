"""Drafts: which articles make an edition now, and what it looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from briefing.composition import Composed, Theme, compose
from briefing.desk import lifecycle
from briefing.errors import EditionError, EmptyEdition
from briefing.model import (
    DAILY,
    OPEN,
    Briefing,
    Composition,
    Edition,
    EditionState,
    LeftOut,
    Publication,
    Story,
    Window,
)
from briefing.selection import Selection, select
from briefing.store import Connection, Database, articles, editions, edits

# Why a day is empty: so many articles are named, and so many looked up in other editions.
_MOST_TOLD = 5
_MOST_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """An edition as it stands, composed for all sections, and what was left out of it; `is_new`
    where it had no story before."""

    edition: Edition
    composed: Composed
    left_out: tuple[LeftOut, ...] = ()
    is_new: bool = False


class Drafts:
    """Selects and composes; `theme` gives the loaded theme of a briefing."""

    def __init__(
        self, database: Database, publication: Publication, theme: Callable[[Briefing], Theme]
    ) -> None:
        self._database = database
        self._publication = publication
        self._theme = theme

    def draft(self, briefing: Briefing, day: date, now: datetime) -> Draft:
        """Make the edition of a day, or bring its draft up to date; one that was approved, sent or
        spiked stays as it is.

        Raises `EmptyEdition` when there is no story (nothing is written then), and `ThemeError`.
        """
        with self._database.write() as connection:
            edition = editions.find(connection, briefing.slug, day, DAILY)
            is_new = edition is None or not edition.stories
            if edition is not None and edition.state not in (*OPEN, EditionState.SKIPPED):
                selection = Selection(edition.stories, ())
            else:
                if edition is None:
                    overdue = now - briefing.catch_up
                    editions.retire_drafts(
                        connection, briefing.slug, day, overdue, lifecycle.RETIRE
                    )
                window, selection = self._select(connection, briefing, day, now, edition)
                if edition is None:
                    edition = self.reserve(connection, briefing, day, window, now)
                if edition.stories == selection.stories:
                    editions.extend_window(connection, edition.id, window)
                elif not editions.save_draft(connection, edition, selection.stories, window):
                    raise EditionError("somebody else changed the draft just now", hint="try again")
                else:
                    editions.change_state(connection, edition.id, lifecycle.DRAFT_AGAIN)
                    _log_arrivals(connection, edition, selection.stories, now)
                edition = editions.get(connection, edition.id)
        assert edition is not None  # noqa: S101 - read in the transaction that wrote it
        return Draft(edition, self._compose(edition, briefing), selection.left_out, is_new)

    def preview(self, briefing: Briefing, day: date, now: datetime) -> Draft:
        """The edition of a day as it stands, or as it would be made now; writes nothing."""
        with self._database.read() as connection:
            edition = editions.find(connection, briefing.slug, day, DAILY)
            left_out: tuple[LeftOut, ...] = ()
            if edition is None or not edition.stories:
                window, selection = self._select(connection, briefing, day, now, None)
                left_out = selection.left_out
                latest = editions.recent(connection, briefing.slug, 1)
                edition = Edition(
                    id=0,
                    briefing=briefing.slug,
                    day=day,
                    slot=DAILY,
                    number=edition.number if edition else latest[0].number + 1 if latest else 1,
                    state=EditionState.DRAFT,
                    due_at=briefing.due_at(day),
                    window=window,
                    stories=selection.stories,
                )
        return Draft(edition, self._compose(edition, briefing), left_out)

    def show(self, edition: Edition, briefing: Briefing) -> Draft:
        """An edition as it stands; writes nothing. Raises `EmptyEdition`."""
        return Draft(edition, self._compose(edition, briefing))

    def left_out(self, edition: Edition, briefing: Briefing, now: datetime) -> tuple[LeftOut, ...]:
        """What would not be in a daily edition if it were drafted now, what was dropped apart."""
        with self._database.read() as connection:
            _, selection = self._choose(connection, briefing, edition.day, now, edition)
            dropped = {out.story.article.id for out in editions.dropped(connection, edition.id)}
        # What would join at the next draft is not there yet either.
        there = {story.article.id for story in edition.stories} | dropped
        joining = tuple(
            LeftOut(story.article, "arrived after the draft was made")
            for story in selection.stories
            if story.article.id not in there
        )
        return joining + tuple(out for out in selection.left_out if out.article.id not in there)

    def composition(self, edition: Edition, briefing: Briefing, variant: str) -> Composition | None:
        """The edition for a set of sections; None where they hold no story."""
        composed = self._compose_variant(edition, briefing, variant)
        return composed.composition if composed else None

    def link_stories(self, edition: Edition) -> Edition:
        """The edition with a place to read each story: a page of ours where it has no other."""
        home = f"{self._publication.public_url}/{edition.path}"
        return replace(
            edition,
            stories=tuple(
                replace(story, link=story.article.url or f"{home}/stories/{story.article.id}")
                for story in edition.stories
            ),
        )

    def reserve(
        self,
        connection: Connection,
        briefing: Briefing,
        day: date,
        window: Window,
        now: datetime,
    ) -> Edition:
        """The edition's row, made if it is not there."""
        edition, _ = editions.reserve(
            connection,
            briefing.slug,
            day,
            DAILY,
            due_at=briefing.due_at(day),
            window=window,
            now=now,
        )
        return edition

    def window(
        self, connection: Connection, briefing: Briefing, day: date, now: datetime
    ) -> Window:
        """From the last edition's end to now; for a day that is over, to its end."""
        over = day < briefing.today(now)
        end = min(now, briefing.due_at(day + timedelta(days=1))) if over else now
        after = editions.window_after(connection, briefing.slug, DAILY, day)
        end = min(end, after) if after else end
        start = editions.window_before(connection, briefing.slug, DAILY, day)
        if start is None or start > end:
            start = min(briefing.due_at(day), end) - briefing.max_age
        return Window(start, end)

    def _select(
        self,
        connection: Connection,
        briefing: Briefing,
        day: date,
        now: datetime,
        edition: Edition | None,
    ) -> tuple[Window, Selection]:
        window, selection = self._choose(connection, briefing, day, now, edition)
        if not selection.stories:
            raise _explain_empty(connection, briefing, day, now, edition, selection)
        return window, selection

    def _choose(
        self,
        connection: Connection,
        briefing: Briefing,
        day: date,
        now: datetime,
        edition: Edition | None,
    ) -> tuple[Window, Selection]:
        window = self.window(connection, briefing, day, now)
        due_at = briefing.due_at(day)
        kept: Sequence[Story] = ()
        dropped: dict[int, str] = {}
        if edition is not None and editions.standing(connection, edition.id).touched:
            kept = edition.stories
            dropped = {
                out.story.article.id or 0: out.reason
                for out in editions.dropped(connection, edition.id)
            }
        candidates = articles.unused(
            connection,
            briefing.slug,
            # A day more than may be news, so that the report can name what is just too old.
            since=due_at - briefing.max_age - timedelta(days=1),
            but_for=edition.id if edition else None,
        )
        selection = select(
            candidates,
            briefing,
            window,
            due_at,
            kept=kept,
            dropped=dropped,
            alerted=editions.alerted(connection, briefing.slug),
            given_back=articles.given_back(connection, briefing.slug),
            backdated=day < briefing.today(now),
        )
        return window, selection

    def _compose(self, edition: Edition, briefing: Briefing) -> Composed:
        composed = self._compose_variant(edition, briefing, "")
        if composed is None:
            raise EmptyEdition(f"the edition of {edition.day} has no story")
        return composed

    def _compose_variant(
        self, edition: Edition, briefing: Briefing, variant: str
    ) -> Composed | None:
        return compose(
            self.link_stories(edition),
            briefing,
            self._publication,
            theme=self._theme(briefing),
            variant=variant,
        )


def _log_arrivals(
    connection: Connection, edition: Edition, stories: Sequence[Story], now: datetime
) -> None:
    """Tell the editors who have the draft before them what the machine did to it."""
    before = {story.article.id for story in edition.stories}
    after = {story.article.id for story in stories}
    edits.record(
        connection,
        edition.id,
        "joined" if before <= after else "redrafted",
        revision=edition.revision + 1,
        who="",
        now=now,
        note=", ".join(
            words
            for count, words in (
                (len(after - before), f"{len(after - before)} in"),
                (len(before - after), f"{len(before - after)} out"),
            )
            if count
        ),
    )


def _explain_empty(
    connection: Connection,
    briefing: Briefing,
    day: date,
    now: datetime,
    edition: Edition | None,
    selection: Selection,
) -> EmptyEdition:
    newest = articles.newest(connection)
    if newest is None:
        return EmptyEdition(
            f"there is no story for {day}: the store is empty",
            hint="wait for the sources; operators run `briefing import PATH` or `briefing collect`",
        )
    told = _find_told(connection, briefing, day, now, edition)
    why = [
        f"“{headlines[0]}”{f' and {len(headlines) - 1:,} more' * (len(headlines) > 1)}: "
        f"in the edition of {other} already"
        for other, headlines in sorted(told.items())
    ]
    why += [f"“{out.article.headline}”: {out.reason}" for out in selection.left_out[:_MOST_TOLD]]
    if not why:
        published = newest.published_at.astimezone(briefing.timezone).date()
        too_old = newest.news_at < briefing.due_at(day) - briefing.max_age
        because = ", too old for this edition (max_age)" if too_old else ""
        why = [f"the newest article, “{newest.headline}”, is of {published}{because}"]
    more = len(selection.left_out) - _MOST_TOLD
    if more > 0:
        why.append(f"and {more:,} more")
    return EmptyEdition(
        f"there is no story for {day}:\n  " + "\n  ".join(why),
        hint="wait for newer articles; operators import them, give their day with "
        "`import --published DATE`, or make the edition of another day with --date",
    )


def _find_told(
    connection: Connection, briefing: Briefing, day: date, now: datetime, edition: Edition | None
) -> dict[date, list[str]]:
    """Headlines that might be news on that day, by the day of the other edition they stand in."""
    since = briefing.due_at(day) - briefing.max_age
    own = edition.id if edition else 0
    told: dict[date, list[str]] = {}
    for one in articles.recent(connection, since=since, now=now, limit=_MOST_LOOKED_AT):
        other = articles.told_on(connection, one.id or 0, briefing.slug, but_for=own)
        if other is not None:
            told.setdefault(other, []).append(one.headline)
    return told
