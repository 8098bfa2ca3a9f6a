"""Editions: reserved once, shaped as drafts. What is approved of one: `revisions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    and_,
    case,
    delete,
    func,
    select,
    update,
)

from briefing.model import (
    DAILY,
    OPEN,
    Dropped,
    Edition,
    EditionState,
    Story,
    Transition,
    Treatment,
    Window,
    edition_path,
)
from briefing.store import revisions
from briefing.store.articles import TOLD, to_article
from briefing.store.tables import articles, compositions, edition_stories, editions
from subscribers.dialect import insert

# What a person has said of a draft stands when the machine adds to it: new stories are no decision
# to let a held edition go, and no answer to the changes asked for.
_STANDS = (EditionState.REVIEW, EditionState.CHANGES, EditionState.HELD)

# Editions in these states are what was approved, whatever their sources say since.
_FROZEN = (
    EditionState.APPROVED,
    EditionState.SENDING,
    EditionState.SENT,
    EditionState.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class ReviewStatus:
    """What is noted of an edition beside its contents: whether a person has shaped it, and who
    approved it last."""

    touched: bool
    approved_by: str
    approved_at: datetime | None


def reserve(
    connection: Connection,
    briefing: str,
    day: date,
    slot: str,
    *,
    due_at: datetime,
    window: Window,
    now: datetime,
) -> tuple[Edition, bool]:
    """The edition of a briefing, day and slot, made if it is not there (promise 1).

    True beside it for the one caller who made it.
    """
    number = (
        connection.execute(
            select(func.coalesce(func.max(editions.c.number), 0)).where(
                editions.c.briefing == briefing
            )
        ).scalar_one()
        + 1
    )
    made = connection.execute(
        insert(connection, editions)
        .values(
            briefing=briefing,
            day=day,
            slot=slot,
            number=number,
            state=EditionState.DRAFT.value,
            due_at=due_at,
            window_start=window.start,
            window_end=window.end,
            revision=0,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["briefing", "day", "slot"])
        .returning(editions.c.id)
    ).first()
    edition = find(connection, briefing, day, slot)
    assert edition is not None  # noqa: S101 - inserted in this transaction, or there before
    return edition, made is not None


def find(connection: Connection, briefing: str, day: date, slot: str) -> Edition | None:
    return _one(
        connection,
        editions.c.briefing == briefing,
        editions.c.day == day,
        editions.c.slot == slot,
    )


def on_day(connection: Connection, briefing: str, day: date) -> list[Edition]:
    """The editions of a day: the daily one and alerts, in the order in which they were made."""
    rows = connection.execute(
        select(editions.c.id)
        .where(editions.c.briefing == briefing, editions.c.day == day)
        .order_by(editions.c.id)
    )
    found = (get(connection, row.id) for row in rows.all())
    return [edition for edition in found if edition is not None]


def get(connection: Connection, edition_id: int) -> Edition | None:
    return _one(connection, editions.c.id == edition_id)


def recent(connection: Connection, briefing: str, limit: int = 30) -> list[Edition]:
    """The latest editions, newest first, without their stories."""
    rows = connection.execute(
        select(editions)
        .where(editions.c.briefing == briefing)
        .order_by(editions.c.due_at.desc(), editions.c.id.desc())
        .limit(limit)
    )
    return [_to_edition(row, ()) for row in rows]


def published(
    connection: Connection, briefing: str, limit: int, before: date | None = None
) -> list[tuple[Edition, str, str]]:
    """The latest editions the public may see (being sent, or sent), newest day first, without
    their stories; of `limit` or a few more, for those of one day stay together.

    Each has its subject and preheader as approved for all sections ("" where that variant is
    empty). `before` leaves out that day and what follows it.
    """
    shown = [EditionState.SENDING.value, EditionState.SENT.value]
    public = select(editions.c.day).where(
        editions.c.briefing == briefing, editions.c.state.in_(shown)
    )
    if before is not None:
        public = public.where(editions.c.day < before)
    last = connection.execute(
        public.order_by(editions.c.day.desc()).offset(limit - 1).limit(1)
    ).scalar()
    query = (
        select(
            editions,
            func.coalesce(compositions.c.subject, "").label("title"),
            func.coalesce(compositions.c.preheader, "").label("summary"),
        )
        .outerjoin(
            compositions,
            and_(
                compositions.c.edition_id == editions.c.id,
                compositions.c.revision == editions.c.approved_revision,
                compositions.c.variant == "",
            ),
        )
        .where(editions.c.briefing == briefing, editions.c.state.in_(shown))
        .order_by(editions.c.day.desc(), editions.c.due_at.desc(), editions.c.id.desc())
    )
    if before is not None:
        query = query.where(editions.c.day < before)
    if last is not None:
        query = query.where(editions.c.day >= last)
    return [(_to_edition(row, ()), row.title, row.summary) for row in connection.execute(query)]


def in_state(connection: Connection, *states: EditionState) -> list[Edition]:
    """Editions in given states, the earliest due first, without their stories."""
    rows = connection.execute(
        select(editions)
        .where(editions.c.state.in_([state.value for state in states]))
        .order_by(editions.c.due_at, editions.c.id)
    )
    return [_to_edition(row, ()) for row in rows]


def approved(connection: Connection) -> list[tuple[Edition, datetime]]:
    """Approved editions that have not begun to leave, without their stories, each with the moment
    of its approval; the earliest due first."""
    rows = connection.execute(
        select(editions)
        .where(editions.c.state == EditionState.APPROVED.value)
        .order_by(editions.c.due_at, editions.c.id)
    )
    return [(_to_edition(row, ()), row.approved_at) for row in rows]


def window_before(connection: Connection, briefing: str, slot: str, day: date) -> datetime | None:
    """Where the news of the edition before a day ended; None for the first edition."""
    end: datetime | None = connection.execute(
        select(func.max(editions.c.window_end)).where(
            editions.c.briefing == briefing, editions.c.slot == slot, editions.c.day < day
        )
    ).scalar()
    return end


def window_after(connection: Connection, briefing: str, slot: str, day: date) -> datetime | None:
    """Where the news of the edition after a day begins; None when there is none yet."""
    start: datetime | None = connection.execute(
        select(func.min(editions.c.window_start)).where(
            editions.c.briefing == briefing, editions.c.slot == slot, editions.c.day > day
        )
    ).scalar()
    return start


def lock(connection: Connection, edition_id: int) -> Edition | None:
    """The edition as it stands; until the transaction ends nobody else changes it."""
    connection.execute(
        select(editions.c.id).where(editions.c.id == edition_id).with_for_update()
    ).all()
    return get(connection, edition_id)


def dropped(connection: Connection, edition_id: int) -> tuple[Dropped, ...]:
    """What editors took out of the edition, in the order in which it stood there."""
    return tuple(
        Dropped(_to_story(row), row["placed_dropped"])
        for row in _placed(connection, edition_id, edition_stories.c.dropped != "")
    )


def standing(connection: Connection, edition_id: int) -> ReviewStatus:
    """What is noted of an edition beside its contents."""
    row = connection.execute(
        select(editions.c.touched, editions.c.approved_by, editions.c.approved_at).where(
            editions.c.id == edition_id
        )
    ).one()
    return ReviewStatus(row.touched, row.approved_by, row.approved_at)


def alerted(connection: Connection, briefing: str) -> dict[int, str]:
    """Article ids that an alert of the briefing has told, each with the alert's `Edition.path`."""
    rows = connection.execute(
        select(edition_stories.c.article_id, editions.c.day, editions.c.slot)
        .join(editions, editions.c.id == edition_stories.c.edition_id)
        .where(
            editions.c.briefing == briefing,
            editions.c.slot != DAILY,
            editions.c.state.in_(TOLD),
            edition_stories.c.dropped == "",
        )
        .order_by(editions.c.sending_started_at, editions.c.id)
    )
    return {row.article_id: edition_path(briefing, row.day, row.slot) for row in rows}


def save_edit(
    connection: Connection,
    edition: Edition,
    dropped: Sequence[Dropped],
    thaw: Transition | None = None,
) -> None:
    """Write what a person made of an edition. To be called while it is locked.

    `edition` holds everything as it is to be, `revision` too, but for its state: that stays, unless
    the edit is a `thaw` of what was approved.
    """
    if thaw is not None:
        change_state(connection, edition.id, thaw)
    connection.execute(
        update(editions)
        .where(editions.c.id == edition.id)
        .values(
            revision=edition.revision,
            due_at=edition.due_at,
            reason=edition.reason,
            subject=edition.subject,
            preheader=edition.preheader,
            note=edition.note,
            corrections=list(edition.corrections),
            touched=True,
        )
    )
    connection.execute(delete(edition_stories).where(edition_stories.c.edition_id == edition.id))
    _insert_stories(connection, edition.id, edition.stories)
    _insert_stories(
        connection,
        edition.id,
        [out.story for out in dropped],
        {out.story.article.id or 0: out.reason for out in dropped},
    )


def bring_forward(connection: Connection, edition_id: int, now: datetime) -> bool:
    """Let an approved edition leave now instead of at its hour; False where it is not approved."""
    return bool(
        connection.execute(
            update(editions)
            .where(editions.c.id == edition_id, editions.c.state == EditionState.APPROVED.value)
            .values(due_at=now)
        ).rowcount
    )


def save_draft(
    connection: Connection,
    edition: Edition,
    stories: Sequence[Story],
    window: Window,
) -> bool:
    """Write a new selection as the next revision of a draft, whose state stays.

    False when somebody else saved a revision since `edition` was read; nothing is changed then.
    """
    saved = connection.execute(
        update(editions)
        .where(editions.c.id == edition.id, editions.c.revision == edition.revision)
        .values(
            revision=edition.revision + 1,
            reason=edition.reason if edition.state in _STANDS else "",
            window_start=window.start,
            window_end=window.end,
        )
    ).rowcount
    if not saved:
        return False
    connection.execute(
        delete(edition_stories).where(
            edition_stories.c.edition_id == edition.id, edition_stories.c.dropped == ""
        )
    )
    _insert_stories(connection, edition.id, stories)
    return True


def extend_window(connection: Connection, edition_id: int, window: Window) -> None:
    """Let a draft whose stories did not change answer for the news until now."""
    connection.execute(
        update(editions)
        .where(editions.c.id == edition_id)
        .values(window_start=window.start, window_end=window.end)
    )


def change_state(
    connection: Connection, edition_id: int, transition: Transition, **values: Any
) -> bool:
    """Take an edition through a transition; False when it is in none of the states before it.

    What was frozen and may be shaped again is another revision: its sources may have changed under
    it, and an approval of the old number would cover words that nobody has seen (promise 7).
    """
    if transition.after in OPEN:
        thawed = editions.c.state.in_([s.value for s in _FROZEN])
        values["revision"] = editions.c.revision + case((thawed, 1), else_=0)
    return bool(
        connection.execute(
            update(editions)
            .where(editions.c.id == edition_id, _may_take(transition))
            .values(state=transition.after.value, **values)
        ).rowcount
    )


def retire_drafts(
    connection: Connection,
    briefing: str,
    before: date,
    due_before: datetime,
    transition: Transition,
) -> None:
    """Skip drafts of earlier days that nobody sent in time: their stories and windows go to the
    next edition."""
    connection.execute(
        update(editions)
        .where(
            editions.c.briefing == briefing,
            editions.c.day < before,
            editions.c.due_at < due_before,
            _may_take(transition),
        )
        .values(
            state=transition.after.value,
            reason="a draft that was not sent in time",
            window_end=editions.c.window_start,
        )
    )


def give_back_window(connection: Connection, edition_id: int) -> None:
    """Let the next edition answer for this one's news (it was spiked, or never approved)."""
    connection.execute(
        update(editions)
        .where(editions.c.id == edition_id)
        .values(window_end=editions.c.window_start)
    )


def _may_take(transition: Transition) -> ColumnElement[bool]:
    return editions.c.state.in_([state.value for state in transition.before])


def _insert_stories(
    connection: Connection,
    edition_id: int,
    stories: Sequence[Story],
    reasons: Mapping[int, str] = MappingProxyType({}),
) -> None:
    if stories:
        connection.execute(
            edition_stories.insert(),
            [
                {
                    "edition_id": edition_id,
                    "article_id": story.article.id,
                    "section": story.section,
                    "position": story.position,
                    "treatment": story.treatment.value,
                    "headline": story.headline,
                    "standfirst": story.standfirst,
                    "pinned": story.pinned,
                    "update_of": story.update_of,
                    "dropped": reasons.get(story.article.id or 0, ""),
                }
                for story in stories
            ],
        )


def _one(connection: Connection, *conditions: Any) -> Edition | None:
    row = connection.execute(select(editions).where(*conditions)).first()
    if row is None:
        return None
    if EditionState(row.state) in _FROZEN:
        kept = revisions.frozen(connection, row.id)
        if kept is not None:
            return _to_edition(row, kept.stories)
    rows = _placed(connection, row.id, edition_stories.c.dropped == "")
    stories = tuple(_to_story(placed) for placed in rows)
    # What an alert has told is an update in the daily edition, from the moment the alert leaves.
    if row.slot == DAILY:
        told = alerted(connection, row.briefing)
        stories = tuple(
            replace(story, update_of=told.get(story.article.id or 0, story.update_of))
            for story in stories
        )
    return _to_edition(row, stories)


def _placed(
    connection: Connection, edition_id: int, condition: ColumnElement[bool]
) -> Sequence[RowMapping]:
    placed = edition_stories.c
    return (
        connection.execute(
            select(articles)
            .add_columns(
                *(column.label(f"placed_{column.name}") for column in edition_stories.columns)
            )
            .join(edition_stories, placed.article_id == articles.c.id)
            .where(placed.edition_id == edition_id, condition)
            .order_by(placed.position, placed.article_id)
        )
        .mappings()
        .all()
    )


def _to_story(values: RowMapping) -> Story:
    return Story(
        article=to_article({k: v for k, v in values.items() if not k.startswith("placed_")}),
        section=values["placed_section"],
        position=values["placed_position"],
        treatment=Treatment(values["placed_treatment"]),
        headline=values["placed_headline"],
        standfirst=values["placed_standfirst"],
        pinned=values["placed_pinned"],
        update_of=values["placed_update_of"],
    )


def _to_edition(row: Row[Any], stories: tuple[Story, ...]) -> Edition:
    return Edition(
        id=row.id,
        briefing=row.briefing,
        day=row.day,
        slot=row.slot,
        number=row.number,
        state=EditionState(row.state),
        due_at=row.due_at,
        window=Window(row.window_start, row.window_end),
        revision=row.revision,
        approved_revision=row.approved_revision,
        subject=row.subject,
        preheader=row.preheader,
        note=row.note,
        corrections=tuple(row.corrections),
        stories=stories,
        reason=row.reason,
        sending_started_at=row.sending_started_at,
        finished_at=row.finished_at,
        paused=row.paused,
        pause_reason=row.pause_reason,
    )
