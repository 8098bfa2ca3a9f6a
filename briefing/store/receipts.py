"""Receipts: which editions one person was sent, for the copy of their data they may ask for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, select

from briefing.store.tables import deliveries, editions


def receipts(connection: Connection, subscriber_id: int) -> list[dict[str, Any]]:
    """The person's rows of the ledger, oldest first, as JSON holds them."""
    # By edition, each of which is one look into the ledger's key: no index leads by person.
    rows = connection.execute(
        select(editions.c.briefing, editions.c.day, deliveries)
        .select_from(editions)
        .join(
            deliveries,
            and_(
                deliveries.c.edition_id == editions.c.id,
                deliveries.c.recipient_id == subscriber_id,
            ),
        )
        .order_by(editions.c.due_at, editions.c.id)
    )
    return [
        {
            "briefing": row.briefing,
            "day": row.day.isoformat(),
            "state": row.state,
            "reason": row.reason,
            "status": row.status,
            "answer": row.answer,
        }
        for row in rows
    ]
