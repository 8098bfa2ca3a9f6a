"""Editions: reserved once, shaped as drafts, frozen when approved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, RowMapping, delete, func, select, update

from briefing.model import Composition, Edition, EditionState, Story, Treatment, Window
from briefing.store.articles import to_article
from briefing.store.tables import articles, compositions, edition_stories, editions, revisions
from subscribers.dialect import insert

_SNAPSHOT = TypeAdapter(Edition)


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


def dropped(connection: Connection, edition_id: int) -> dict[int, str]:
    """Article ids an editor took out of the edition, each with the reason."""
    rows = connection.execute(
        select(edition_stories.c.article_id, edition_stories.c.dropped).where(
            edition_stories.c.edition_id == edition_id, edition_stories.c.dropped != ""
        )
    )
    return {row.article_id: row.dropped for row in rows}


def is_touched(connection: Connection, edition_id: int) -> bool:
    """Whether a person has shaped the draft."""
    return bool(
        connection.execute(
            select(editions.c.touched).where(editions.c.id == edition_id)
        ).scalar_one()
    )


def save_draft(
    connection: Connection,
    edition: Edition,
    stories: Sequence[Story],
    window: Window,
) -> bool:
    """Write a new selection as the next revision of a draft.

    False when somebody else saved a revision since `edition` was read; nothing is changed then.
    """
    saved = connection.execute(
        update(editions)
        .where(editions.c.id == edition.id, editions.c.revision == edition.revision)
        .values(
            revision=edition.revision + 1,
            # A held edition stays held: new stories are no decision to let it go.
            state=(
                edition.state if edition.state is EditionState.HELD else EditionState.DRAFT
            ).value,
            reason=edition.reason if edition.state is EditionState.HELD else "",
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
    connection: Connection,
    edition_id: int,
    before: Iterable[EditionState],
    after: EditionState,
    **values: Any,
) -> bool:
    """Move an edition from one of some states to another; False when it is in none of them."""
    return bool(
        connection.execute(
            update(editions)
            .where(editions.c.id == edition_id, editions.c.state.in_([s.value for s in before]))
            .values(state=after.value, **values)
        ).rowcount
    )


def retire_drafts(
    connection: Connection, briefing: str, before: date, due_before: datetime
) -> None:
    """Skip drafts of earlier days that nobody sent in time: their stories and windows go to the
    next edition."""
    connection.execute(
        update(editions)
        .where(
            editions.c.briefing == briefing,
            editions.c.day < before,
            editions.c.due_at < due_before,
            editions.c.state.in_(
                [s.value for s in (EditionState.DRAFT, EditionState.REVIEW, EditionState.CHANGES)]
            ),
        )
        .values(
            state=EditionState.SKIPPED.value,
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


def freeze(
    connection: Connection,
    edition: Edition,
    composed: Iterable[tuple[str, Composition | None]],
    *,
    by: str,
    now: datetime,
) -> bool:
    """Approve a revision: keep the edition and its compositions as they are now (promise 7).

    False when the edition has moved on since `edition` was read.
    """
    approved = connection.execute(
        update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.revision == edition.revision,
            editions.c.state.in_(
                [s.value for s in (EditionState.DRAFT, EditionState.REVIEW, EditionState.HELD)]
            ),
        )
        .values(
            state=EditionState.APPROVED.value,
            approved_revision=edition.revision,
            approved_by=by,
            approved_at=now,
            reason="",
        )
    ).rowcount
    if not approved:
        return False
    keep = {
        "snapshot": _SNAPSHOT.dump_python(edition, mode="json"),
        "approved_by": by,
        "approved_at": now,
    }
    connection.execute(
        insert(connection, revisions)
        .values(edition_id=edition.id, revision=edition.revision, **keep)
        .on_conflict_do_update(index_elements=["edition_id", "revision"], set_=keep)
    )
    connection.execute(
        delete(compositions).where(
            compositions.c.edition_id == edition.id, compositions.c.revision == edition.revision
        )
    )
    for variant, composition in composed:
        keep_composition(connection, edition, variant, composition)
    return True


def keep_composition(
    connection: Connection, edition: Edition, variant: str, composition: Composition | None
) -> None:
    """Store one variant of a frozen revision; None for a variant without stories."""
    values: dict[str, Any] = {"empty": composition is None}
    if composition is not None:
        values |= {
            "subject": composition.subject,
            "preheader": composition.preheader,
            "html": composition.html,
            "text": composition.text,
            "language": composition.language,
        }
    connection.execute(
        insert(connection, compositions)
        .values(edition_id=edition.id, revision=edition.revision, variant=variant, **values)
        .on_conflict_do_nothing(index_elements=["edition_id", "revision", "variant"])
    )


def frozen(connection: Connection, edition_id: int) -> Edition | None:
    """The edition as it was approved, None if it is not."""
    row = connection.execute(
        select(revisions.c.snapshot)
        .join(editions, editions.c.id == revisions.c.edition_id)
        .where(
            revisions.c.edition_id == edition_id,
            revisions.c.revision == editions.c.approved_revision,
        )
    ).first()
    return _SNAPSHOT.validate_python(row.snapshot) if row else None


def composition(
    connection: Connection, edition_id: int, revision: int, variant: str
) -> tuple[bool, Composition | None]:
    """Whether a frozen variant is there, and the variant (None where it has no stories)."""
    row = connection.execute(
        select(compositions).where(
            compositions.c.edition_id == edition_id,
            compositions.c.revision == revision,
            compositions.c.variant == variant,
        )
    ).first()
    if row is None:
        return False, None
    if row.empty:
        return True, None
    return True, Composition(
        row.variant, row.subject, row.preheader, row.html, row.text, row.language
    )


def _insert_stories(connection: Connection, edition_id: int, stories: Sequence[Story]) -> None:
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
                }
                for story in stories
            ],
        )


def _one(connection: Connection, *conditions: Any) -> Edition | None:
    row = connection.execute(select(editions).where(*conditions)).first()
    return _to_edition(row, _stories(connection, row.id)) if row else None


def _stories(connection: Connection, edition_id: int) -> tuple[Story, ...]:
    placed = edition_stories.c
    rows = connection.execute(
        select(articles)
        .add_columns(*(column.label(f"placed_{column.name}") for column in edition_stories.columns))
        .join(edition_stories, placed.article_id == articles.c.id)
        .where(placed.edition_id == edition_id, placed.dropped == "")
        .order_by(placed.position)
    )
    return tuple(_to_story(row) for row in rows.mappings())


def _to_story(values: RowMapping) -> Story:
    return Story(
        article=to_article({k: v for k, v in values.items() if not k.startswith("placed_")}),
        section=values["placed_section"],
        position=values["placed_position"],
        treatment=Treatment(values["placed_treatment"]),
        headline=values["placed_headline"],
        standfirst=values["placed_standfirst"],
        pinned=values["placed_pinned"],
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
