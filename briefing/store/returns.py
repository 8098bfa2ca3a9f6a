"""Returned mail: what came back, kept so that nothing is done twice, and its part in the ledger.

A delivery that bounces after it was sent leaves the count of those who got it: its row moves from
`sent` to `refused` with one of the wordings below, so that the sum of an edition still holds
(promise 2) and says how many really got it. A row that was compacted away stays in its sum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, and_, delete, func, select, update

from briefing.model import EditionState
from briefing.store.tables import (
    deliveries,
    editions,
    hook_tokens,
    return_counts,
    return_events,
)
from subscribers.dialect import insert
from subscribers.tables import events as person_events

RAW: Final = 32_768
"""Characters kept of a raw event or mail."""

_WORDS = 500
_MOST_FAILURES = 300


class EventKind(StrEnum):
    """All that can come back, whoever says it. Closed: what fits nothing is `unknown`.

    `hard` says that the mailbox does not exist. `soft` is a failure that is the mailbox's and may
    pass: full, disabled, expired. `blocked` blames the sender or the message: policy, content, a
    block list; it says nothing about the reader. `ignored` is what nobody watches: opened, clicked,
    queued.
    """

    DELIVERED = "delivered"
    HARD = "hard"
    SOFT = "soft"
    BLOCKED = "blocked"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    REPLIED = "auto-reply"
    DELAYED = "delayed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that came back about one reader.

    `id` tells the provider's events apart, at any length. `status` is an enhanced status code
    (RFC 3463) or "", `words` the server's. `sealed` holds the edition and reader that our own
    signed mark in it names. `trusted` is what its origin proves: the signature of a webhook.
    """

    provider: str
    id: str
    kind: EventKind
    at: datetime
    address: str = ""
    status: str = ""
    words: str = ""
    sealed: tuple[int, int] | None = None
    trusted: bool = False
    raw: str = field(default="", repr=False)


BOUNCED: Final[Mapping[EventKind, str]] = {
    EventKind.HARD: "bounced after it was sent: no such mailbox",
    EventKind.SOFT: "bounced after it was sent: not delivered",
    EventKind.BLOCKED: "bounced after it was sent: refused by policy",
}
"""The reasons in the ledger: few wordings, since a tally counts by them."""


def keep(
    connection: Connection,
    event: Event,
    edition_id: int | None,
    subscriber_id: int | None,
    now: datetime,
) -> int | None:
    """Write an event down; its number, or None where it was known already."""
    row = connection.execute(
        insert(connection, return_events)
        .values(
            provider=event.provider,
            mark=_mark(event.id),
            kind=event.kind.value,
            at=event.at,
            received_at=now,
            edition_id=edition_id,
            subscriber_id=subscriber_id,
            status=_storable(event.status)[:12],
            words=_storable(event.words)[:_WORDS],
            raw=_storable(event.raw)[:RAW],
        )
        .on_conflict_do_nothing(index_elements=["provider", "mark"])
        .returning(return_events.c.id)
    ).first()
    return row.id if row else None


def note_effect(connection: Connection, number: int, effect: str) -> None:
    """Write down what an event changed."""
    connection.execute(
        update(return_events).where(return_events.c.id == number).values(effect=effect)
    )


def count(connection: Connection, provider: str, kind: EventKind, events: int, day: date) -> None:
    """Add to a day's count of one kind."""
    fresh = insert(connection, return_counts).values(
        day=day, provider=provider, kind=kind.value, events=events
    )
    connection.execute(
        fresh.on_conflict_do_update(
            index_elements=["day", "provider", "kind"],
            set_={"events": return_counts.c.events + fresh.excluded.events},
        )
    )


def counts(connection: Connection, since: date) -> list[tuple[str, str, int]]:
    """Provider, kind and how many, summed from a day on."""
    rows = connection.execute(
        select(return_counts.c.provider, return_counts.c.kind, func.sum(return_counts.c.events))
        .where(return_counts.c.day >= since)
        .group_by(return_counts.c.provider, return_counts.c.kind)
        .order_by(return_counts.c.provider, return_counts.c.kind)
    )
    return [(row[0], row[1], int(row[2])) for row in rows]


def use_token(connection: Connection, token: str, until: datetime) -> bool:
    """Whether this is the first use of what may be used once; it is used from now on."""
    return bool(
        connection.execute(
            insert(connection, hook_tokens)
            .values(mark=_mark(token), until=until)
            .on_conflict_do_nothing(index_elements=["mark"])
            .returning(hook_tokens.c.mark)
        ).first()
    )


def forget(connection: Connection, now: datetime, received_before: datetime) -> None:
    """Remove events that are old: they hold addresses. The counts stay."""
    connection.execute(delete(return_events).where(return_events.c.received_at < received_before))
    connection.execute(delete(hook_tokens).where(hook_tokens.c.until < now))


def mark_bounced(
    connection: Connection, edition_id: int, reader_id: int, kind: EventKind, words: str
) -> bool:
    """Take a reader out of those who got an edition. False where they are not among them."""
    return bool(
        connection.execute(
            update(deliveries)
            .where(
                deliveries.c.edition_id == edition_id,
                deliveries.c.recipient_id == reader_id,
                deliveries.c.state.in_(["sent", "unknown"]),
            )
            .values(state="refused", reason=BOUNCED[kind], answer=_storable(words)[:_WORDS])
        ).rowcount
    )


def mark_delivered(connection: Connection, edition_id: int, reader_id: int) -> None:
    """Settle a row whose answer was lost: the provider says that the mail arrived."""
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.recipient_id == reader_id,
            deliveries.c.state == "unknown",
        )
        .values(state="sent", reason="")
    )


def briefing_of(connection: Connection, edition_id: int) -> tuple[str, datetime] | None:
    """The slug of an edition's briefing, and when the edition began to leave."""
    row = connection.execute(
        select(editions.c.briefing, editions.c.sending_started_at, editions.c.due_at).where(
            editions.c.id == edition_id
        )
    ).first()
    return (row.briefing, row.sending_started_at or row.due_at) if row else None


def changed_at(connection: Connection, reader_id: int) -> datetime | None:
    """When a person last got another address, was released or rejoined: what older mails say of
    them is true no more."""
    moment: datetime | None = connection.execute(
        select(person_events.c.at)
        .where(
            person_events.c.subscriber_id == reader_id,
            person_events.c.kind.in_(["address", "released", "rejoined"]),
        )
        .order_by(person_events.c.at.desc())
        .limit(1)
    ).scalar()
    return moment


def failures(
    connection: Connection, reader_id: int, since: datetime
) -> list[tuple[EventKind, int | None, datetime]]:
    """What a reader's mail met with since a moment, besides success: kind, edition, when. The last
    ones where there are very many."""
    rows = connection.execute(
        select(return_events.c.kind, return_events.c.edition_id, return_events.c.at)
        .where(
            return_events.c.subscriber_id == reader_id,
            return_events.c.at >= since,
            return_events.c.kind.in_(
                [EventKind.SOFT.value, EventKind.BLOCKED.value, EventKind.DELAYED.value]
            ),
        )
        .distinct()
        .order_by(return_events.c.at.desc())
        .limit(_MOST_FAILURES)
    )
    return [(EventKind(row.kind), row.edition_id, row.at) for row in rows]


def attempts(
    connection: Connection, reader_id: int, since: datetime
) -> dict[int, tuple[datetime, bool]]:
    """The editions that began to leave since a moment and had this reader in their audience: when,
    and whether the row is `sent`."""
    rows = connection.execute(
        select(editions.c.id, editions.c.sending_started_at, deliveries.c.state)
        .select_from(
            editions.join(
                deliveries,
                and_(
                    deliveries.c.edition_id == editions.c.id,
                    deliveries.c.recipient_id == reader_id,
                ),
            )
        )
        .where(
            editions.c.sending_started_at >= since,
            editions.c.state.in_([EditionState.SENDING.value, EditionState.SENT.value]),
        )
    )
    return {row.id: (row.sending_started_at, row.state == "sent") for row in rows}


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _storable(text: str) -> str:
    """PostgreSQL keeps neither NUL nor half a character."""
    return text.replace("\0", "�").encode(errors="replace").decode()
