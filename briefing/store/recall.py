"""Recall: a delivery that has begun, but reached nobody, is taken back."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, or_, select, update

from briefing.model import EditionState
from briefing.store.leases import TO_BE_REPEATED
from briefing.store.tables import chunks, deliveries, editions


def recall(connection: Connection, edition_id: int) -> bool:
    """Make an edition that is being sent a draft again; False where a message has left, or may
    have. To be called while the edition is locked (`editions.lock`)."""
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
                    deliveries.c.reason.startswith(TO_BE_REPEATED),
                ),
            )
        )
    ).scalar_one()
    if reached:
        return False
    connection.execute(delete(deliveries).where(deliveries.c.edition_id == edition_id))
    connection.execute(delete(chunks).where(chunks.c.edition_id == edition_id))
    connection.execute(
        update(editions)
        .where(editions.c.id == edition_id, editions.c.state == EditionState.SENDING.value)
        .values(
            state=EditionState.DRAFT.value,
            sending_started_at=None,
            paused=False,
            pause_reason="",
        )
    )
    return True
