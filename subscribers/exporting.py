"""What the roll holds, for taking along: all of one person, and the whole list a person at a time.

The list comes back in by `subscribers.importing`; a person's copy is for the person (GDPR, 15).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TextIO

from sqlalchemy import Connection, Row, select

from subscribers.addresses import Address, mark_address
from subscribers.holdings import holdings
from subscribers.importing.reading import guard
from subscribers.roll import peek_pepper
from subscribers.tables import confirmations, subscribers, subscriptions, suppressions

_PAGE: Final = 500

COLUMNS: Final = (
    "email",
    "name",
    "language",
    "status",
    "reason",
    "briefings",
    "paused_until",
    "created_at",
    "confirmed_at",
    "left_at",
    "attributes",
)
"""The list's columns as CSV has them."""


def everything_on(connection: Connection, address: Address) -> dict[str, Any]:
    """Everything the roll holds on an address, as JSON holds it; empty where that is nothing.

    Of somebody who was erased only the one-way mark is left, and when and why it was set. The
    ledger's rows are the store's: `id` is who they are about.
    """
    subscriber_id = connection.execute(
        select(subscribers.c.id).where(subscribers.c.address_key == address.folded)
    ).scalar()
    held: dict[str, Any] = {}
    if subscriber_id is not None:
        held = {"id": subscriber_id, **(holdings(connection, subscriber_id) or {})}
    mark = mark_address(address.folded, peek_pepper(connection))
    barred = connection.execute(select(suppressions).where(suppressions.c.mark == mark)).first()
    if barred is not None:
        held["suppression"] = {
            "reason": barred.reason,
            "at": _written(barred.at),
            "detail": barred.detail,
            "mark": barred.mark,
        }
    asked = connection.execute(
        select(confirmations)
        .where(confirmations.c.address_key == address.folded)
        .order_by(confirmations.c.asked_at)
    ).all()
    if asked:
        # But for the key: it is what the mailbox alone has.
        held["asked"] = [
            {
                "kind": row.kind,
                "briefing": row.briefing,
                "asked_at": _written(row.asked_at),
                "expires_at": _written(row.expires_at),
                "detail": row.detail,
            }
            for row in asked
        ]
    return {"address": address.envelope, **held} if held else {}


def everybody(
    connection: Connection, *, briefing: str = "", status: str = ""
) -> Iterator[dict[str, Any]]:
    """People of the roll in the order they joined, as JSON holds them, read in pages.

    `briefing` narrows them to those who get it, `status` to active, pending or suppressed ones.
    """
    pepper = peek_pepper(connection)
    after = 0
    while True:
        query = select(subscribers).where(subscribers.c.id > after).order_by(subscribers.c.id)
        if status:
            query = query.where(subscribers.c.status == status)
        if briefing:
            query = query.join(subscriptions).where(
                subscriptions.c.briefing == briefing, subscriptions.c.left_at.is_(None)
            )
        page = connection.execute(query.limit(_PAGE)).all()
        if not page:
            return
        yield from _facts(connection, page, pepper)
        after = page[-1].id


def write_csv(people: Iterator[Mapping[str, Any]], out: TextIO) -> int:
    """Write `everybody` as CSV (RFC 4180), guarded against spreadsheets that take text for
    formulas. Returns how many there were."""
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    count = 0
    for count, person in enumerate(people, 1):  # noqa: B007 - it is the answer
        places = person["briefings"]
        stands = {slug: at["sections"] for slug, at in places.items() if at["left_at"] is None}
        left = [at["left_at"] for at in places.values() if at["left_at"]]
        cells = {
            **person,
            "briefings": "; ".join(
                slug + (f" ({', '.join(sections)})" if sections else "")
                for slug, sections in stands.items()
            ),
            # Only of those who get nothing any more: who left one of two has not left.
            "left_at": max(left) if left and not stands else "",
            "attributes": json.dumps(person["attributes"], ensure_ascii=False)
            if person["attributes"]
            else "",
        }
        rows.writerow([guard(str(cells[name] or "")) for name in COLUMNS])
    return count


def write_json(people: Iterator[Mapping[str, Any]], out: TextIO) -> int:
    """Write `everybody` as JSON, an object a line. Returns how many there were."""
    count = 0
    for count, person in enumerate(people, 1):  # noqa: B007 - it is the answer
        out.write(json.dumps(person, ensure_ascii=False) + "\n")
    return count


def _facts(
    connection: Connection, page: Sequence[Row[Any]], pepper: bytes
) -> Iterator[dict[str, Any]]:
    places: dict[int, dict[str, Any]] = {row.id: {} for row in page}
    for place in connection.execute(
        select(subscriptions)
        .where(subscriptions.c.subscriber_id.in_(places))
        .order_by(subscriptions.c.briefing)
    ):
        places[place.subscriber_id][place.briefing] = {
            "sections": place.sections.split(",") if place.sections else [],
            "since": _written(place.since),
            "left_at": _written(place.left_at),
        }
    marks = {
        mark_address(row.address_key, pepper): row.id for row in page if row.status == "suppressed"
    }
    reasons: dict[int, str] = {}
    if marks:
        found = connection.execute(select(suppressions).where(suppressions.c.mark.in_(marks)))
        reasons = {marks[row.mark]: row.reason for row in found}
    for row in page:
        yield {
            "email": row.address,
            "name": row.name,
            "language": row.language,
            "status": row.status,
            "reason": reasons.get(row.id, ""),
            "briefings": places[row.id],
            "paused_until": _written(row.paused_until),
            "created_at": _written(row.created_at),
            "confirmed_at": _written(row.confirmed_at),
            "attributes": row.attributes,
        }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
