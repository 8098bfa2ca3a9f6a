"""Recall: a delivery that has begun, but reached nobody, is taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select, update

from briefing.model import DAILY, Edition, Transition
from briefing.store import articles, editions
from briefing.store.tables import chunks, deliveries, edition_stories


def recall(
    connection: Connection, edition: Edition, transition: Transition, now: datetime, **values: Any
) -> bool:
    """Take an edition that is being sent through a transition, as if it had not begun to leave;
    False where a message has left, or may have. To be called while it is locked (`editions.lock`).
    """
    edition_id = edition.id
    # Senders lock a chunk before they hand a message over. Once all are locked, none is at it; and
    # whoever wanted to finds its chunk gone afterwards, as if it had been taken over.
    connection.execute(
        select(chunks.c.number)
        .where(chunks.c.edition_id == edition_id)
        .order_by(chunks.c.number)
        .with_for_update()
    ).all()
    reached = connection.execute(
        select(
            exists().where(
                deliveries.c.edition_id == edition_id,
                or_(
                    deliveries.c.state.not_in(["waiting", "skipped"]),
                    deliveries.c.may_have_it,
                ),
            )
        )
    ).scalar_one()
    if reached:
        return False
    connection.execute(delete(deliveries).where(deliveries.c.edition_id == edition_id))
    connection.execute(delete(chunks).where(chunks.c.edition_id == edition_id))
    editions.change_state(
        connection,
        edition_id,
        transition,
        sending_started_at=None,
        paused=False,
        pause_reason="",
        **values,
    )
    if edition.slot != DAILY:
        # The daily edition's story is no update any more: nobody was told before.
        marked = connection.execute(
            update(edition_stories)
            .where(edition_stories.c.update_of == edition.path)
            .values(update_of="")
            .returning(edition_stories.c.article_id)
        ).scalars()
        told = {*marked, *(story.article.id or 0 for story in edition.stories)}
        articles.renew_drafts(connection, sorted(told), "update", now)
    return True
