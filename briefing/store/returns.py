"""Returned mail: what came back, kept so that nothing is done twice, and its part in the ledger.

A delivery that bounces after it was sent leaves the count of those who got it: its row moves from
`sent` to `refused` with one of the wordings below, so that the sum of an edition still holds
(promise 2) and says how many really got it. A row that was compacted away stays in its sum.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import (
    Connection,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from briefing.model import DeliveryReason, EditionState
from briefing.store.tables import (
    deliveries,
    edition_sums,
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
_MOST_LISTED: Final = 10_000


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


class Declared(StrEnum):
    """What a provider declared of the address, whatever the server's words were: `permanent` that
    mail will not arrive, `suppressed` that it holds the address on its list of such."""

    NOTHING = ""
    PERMANENT = "permanent"
    SUPPRESSED = "suppressed"


class Belief(StrEnum):
    """How far a return is believed. Only the first two change a reader."""

    MARKED = "marked"
    VOUCHED = "vouched"
    UNMARKED = "unmarked"


class Ground(StrEnum):
    """Why it is believed so far and no further.

    `mark` is our signed mark, of an edition that went to that reader; `webhook` a verified call of
    a provider; `reporter` a signed feedback report of a configured reporter. The others are why
    nothing vouches for it: there is no mark (`verp`: although each of our mails has one), the
    edition did not go to that reader, or it left longer ago than mail takes to bounce.
    """

    MARK = "mark"
    WEBHOOK = "webhook"
    REPORTER = "reporter"
    NO_MARK = "no-mark"
    VERP = "verp"
    NOT_SENT = "not-sent"
    TOO_OLD = "too-old"


class Review(StrEnum):
    """What became of a return that nothing vouches for."""

    NOT_NEEDED = ""
    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that came back about one reader.

    `id` tells the provider's events apart, at any length. `status` is an enhanced status code
    (RFC 3463) or "", `words` the server's. `sealed` holds the edition and reader that our own
    signed mark in it names. `trusted` is what its origin proves: the signature of a webhook.
    `declared` is what a provider says beside it.
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
    declared: Declared = Declared.NOTHING


class Failure(NamedTuple):
    """One thing a reader's mail met with: of which edition, when, and what was declared of it."""

    kind: EventKind
    edition_id: int | None
    at: datetime
    declared: Declared = Declared.NOTHING


BOUNCED: Final[Mapping[EventKind, DeliveryReason]] = {
    EventKind.HARD: DeliveryReason.BOUNCED_NO_MAILBOX,
    EventKind.SOFT: DeliveryReason.BOUNCED_SOFT,
    EventKind.BLOCKED: DeliveryReason.BOUNCED_POLICY,
}
"""The reason in the ledger for what came back after the mail server had taken it."""

# A row that is being handed over counts: a bounce may be faster than the answer is written.
_LEFT: Final = ("sent", "unknown", "sending")

_BELIEVED: Final = or_(
    return_events.c.belief != Belief.UNMARKED.value,
    return_events.c.review == Review.ACCEPTED.value,
)


def keep(
    connection: Connection,
    event: Event,
    edition_id: int | None,
    subscriber_id: int | None,
    now: datetime,
    *,
    belief: Belief,
    ground: Ground,
    review: Review = Review.NOT_NEEDED,
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
            belief=belief.value,
            ground=ground.value,
            declared=event.declared.value,
            review=review.value,
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


def went_at(connection: Connection, edition_id: int, reader_id: int) -> datetime | None:
    """When an edition went to a reader; None where it did not.

    Of an edition whose rows were made into sums the genuine mark alone tells, and the moment is
    when it began to leave.
    """
    row = connection.execute(
        select(deliveries.c.state, deliveries.c.reason, deliveries.c.at).where(
            deliveries.c.edition_id == edition_id, deliveries.c.recipient_id == reader_id
        )
    ).first()
    began = connection.execute(
        select(editions.c.sending_started_at).where(editions.c.id == edition_id)
    ).scalar()
    if row is None:
        compacted = exists().where(edition_sums.c.edition_id == edition_id)
        return began if connection.execute(select(compacted)).scalar() else None
    left = row.state in _LEFT or (row.state == "refused" and row.reason in BOUNCED.values())
    if not left:
        return None
    return began if row.at is None else datetime.fromtimestamp(row.at / 1000, UTC)


def listed_by_provider(
    connection: Connection, since: datetime
) -> list[tuple[int, int, datetime, str]]:
    """Edition, reader, moment and words of each message that a provider refused, of editions that
    began to leave since a moment, because the address is on its own list. The last ones where
    there are very many."""
    rows = connection.execute(
        select(
            deliveries.c.edition_id, deliveries.c.recipient_id, deliveries.c.at, deliveries.c.answer
        )
        .select_from(editions.join(deliveries, deliveries.c.edition_id == editions.c.id))
        .where(
            editions.c.sending_started_at >= since,
            deliveries.c.state == "refused",
            deliveries.c.reason == DeliveryReason.ON_PROVIDERS_LIST.value,
        )
        .order_by(deliveries.c.edition_id.desc())
        .limit(_MOST_LISTED)
    )
    return [
        (row.edition_id, row.recipient_id, datetime.fromtimestamp(row.at / 1000, UTC), row.answer)
        for row in rows
        if row.at is not None
    ]


def went_since(connection: Connection, reader_id: int, since: datetime) -> bool:
    """Whether any edition that began to leave since a moment went to a reader."""
    left = or_(
        deliveries.c.state.in_(_LEFT),
        and_(
            deliveries.c.state == "refused",
            deliveries.c.reason.in_([it.value for it in BOUNCED.values()]),
        ),
    )
    query = (
        select(editions.c.id)
        .select_from(editions.join(deliveries, deliveries.c.edition_id == editions.c.id))
        .where(deliveries.c.recipient_id == reader_id, left, editions.c.sending_started_at >= since)
        .limit(1)
    )
    return connection.execute(query).first() is not None


def kept_of(
    connection: Connection, edition_id: int, reader_id: int, kinds: Collection[EventKind]
) -> Counter[EventKind]:
    """How many believed events of these kinds are kept about one edition and reader."""
    rows = connection.execute(
        select(return_events.c.kind, func.count())
        .where(
            return_events.c.edition_id == edition_id,
            return_events.c.subscriber_id == reader_id,
            return_events.c.kind.in_([kind.value for kind in kinds]),
            _BELIEVED,
        )
        .group_by(return_events.c.kind)
    )
    return Counter({EventKind(row[0]): int(row[1]) for row in rows})


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
            .values(
                state="refused",
                reason=BOUNCED[kind].value,
                status="",
                answer=_storable(words)[:_WORDS],
            )
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
        .values(state="sent", reason="", status="")
    )


def briefing_of(connection: Connection, edition_id: int) -> str | None:
    """The slug of an edition's briefing."""
    slug: str | None = connection.execute(
        select(editions.c.briefing).where(editions.c.id == edition_id)
    ).scalar()
    return slug


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


def failures(connection: Connection, reader_id: int, since: datetime) -> list[Failure]:
    """What a reader's mail met with since a moment, besides success, as far as it is believed. The
    last ones where there are very many."""
    rows = connection.execute(
        select(
            return_events.c.kind,
            return_events.c.edition_id,
            return_events.c.at,
            return_events.c.declared,
        )
        .where(
            return_events.c.subscriber_id == reader_id,
            return_events.c.at >= since,
            or_(
                return_events.c.kind.in_(
                    [EventKind.SOFT.value, EventKind.BLOCKED.value, EventKind.DELAYED.value]
                ),
                return_events.c.declared != "",
            ),
            _BELIEVED,
        )
        .distinct()
        .order_by(return_events.c.at.desc())
        .limit(_MOST_FAILURES)
    )
    return [
        Failure(EventKind(row.kind), row.edition_id, row.at, Declared(row.declared)) for row in rows
    ]


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
