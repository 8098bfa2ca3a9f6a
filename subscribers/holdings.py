"""Holdings: everything the roll holds on one person, for the copy they may ask for (GDPR, 15)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from subscribers.addresses import Address
from subscribers.roll import story_of, suppression_of
from subscribers.tables import subscribers, subscriptions


def holdings(connection: Connection, subscriber_id: int) -> dict[str, Any] | None:
    """All of it as plain values, times as ISO 8601 in UTC; None for somebody who is not there."""
    row = connection.execute(select(subscribers).where(subscribers.c.id == subscriber_id)).first()
    if row is None:
        return None
    places = connection.execute(
        select(subscriptions)
        .where(subscriptions.c.subscriber_id == subscriber_id)
        .order_by(subscriptions.c.briefing)
    )
    reason = suppression_of(connection, Address(row.address, row.address_key))
    return {
        "address": row.address,
        "name": row.name,
        "language": row.language,
        "status": row.status,
        "suppressed": reason.value if reason else None,
        "paused_until": _written(row.paused_until),
        "attributes": row.attributes,
        "created_at": _written(row.created_at),
        "confirmed_at": _written(row.confirmed_at),
        "briefings": [
            {
                "briefing": place.briefing,
                "sections": place.sections.split(",") if place.sections else "all",
                "since": _written(place.since),
                "left_at": _written(place.left_at),
            }
            for place in places
        ],
        "events": [
            {name: _written(value) for name, value in event.items()}
            for event in story_of(connection, subscriber_id)
        ],
    }


def _written(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
