"""Notices: single mails that wait in the database, so that no page waits for a mail server.

A notice is claimed for a while, then its mail is written; `hand_over` is the gate before the byte
that makes the server responsible. Behind the gate a notice is never sent again: who dies there has
sent it at most once. What is done is deleted, so that no address stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, delete, or_, select, update

from briefing.store.tables import notices

CLAIM: Final = timedelta(minutes=5)
"""How long a claimant has for what it claimed."""

LIFE: Final = timedelta(days=1)
"""After so long a mail that could not be sent is no answer to anything any more."""


class NoticeKind(StrEnum):
    """What is told: what is to be confirmed, that somebody has joined, that an address moved or
    moved back; to editors, that a draft is ready, that it is not approved shortly before its hour,
    that errors of the check hold it, and that an alert waits for an approval."""

    CONFIRM = "confirm"
    WELCOME = "welcome"
    MOVED = "moved"
    RESTORED = "restored"
    READY = "ready"
    DEADLINE = "deadline"
    ERRORS = "errors"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail that waits. It goes to the confirmation's address, else to the person's, unless it
    has an `address` of its own (and the confirmation is the way back); about an edition, to a user.
    `attempts` counts this claim."""

    id: int
    kind: NoticeKind
    briefing: str
    confirmation: int | None
    subscriber_id: int | None
    address: str
    queued_at: datetime
    attempts: int
    edition_id: int | None = None
    user_id: int | None = None


def queue(
    connection: Connection,
    kind: NoticeKind,
    briefing: str,
    *,
    now: datetime,
    confirmation: int | None = None,
    subscriber_id: int | None = None,
    address: str = "",
    edition_id: int | None = None,
    user_id: int | None = None,
) -> None:
    """Let a notice be sent as soon as somebody sends notices."""
    connection.execute(
        notices.insert().values(
            kind=kind.value,
            briefing=briefing,
            confirmation=confirmation,
            subscriber_id=subscriber_id,
            address=address,
            edition_id=edition_id,
            user_id=user_id,
            queued_at=now,
            due=now,
        )
    )


def claim(connection: Connection, now: datetime, most: int) -> list[Notice]:
    """Take the notices that are due, the oldest first; nobody else gets them for `CLAIM`."""
    rows = connection.execute(
        select(notices)
        .where(notices.c.due <= now, notices.c.handed_at.is_(None))
        .order_by(notices.c.due, notices.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        connection.execute(
            update(notices)
            .where(notices.c.id.in_([row.id for row in rows]))
            .values(attempts=notices.c.attempts + 1, due=now + CLAIM)
        )
    return [
        Notice(
            row.id,
            NoticeKind(row.kind),
            row.briefing,
            row.confirmation,
            row.subscriber_id,
            row.address,
            row.queued_at,
            row.attempts + 1,
            row.edition_id,
            row.user_id,
        )
        for row in rows
    ]


def hand_over(connection: Connection, notice: Notice, now: datetime) -> bool:
    """Whether a claimed notice may be handed over now. False where it is gone, or another's."""
    return bool(
        connection.execute(
            update(notices)
            .where(
                notices.c.id == notice.id,
                notices.c.attempts == notice.attempts,
                notices.c.handed_at.is_(None),
            )
            .values(handed_at=now)
        ).rowcount
    )


def put_off(connection: Connection, notice: Notice, until: datetime) -> None:
    """Let a notice that the server did not take be tried again, unless it has had its time."""
    own = (notices.c.id == notice.id, notices.c.attempts == notice.attempts)
    if until >= notice.queued_at + LIFE:
        connection.execute(delete(notices).where(*own))
    else:
        connection.execute(update(notices).where(*own).values(due=until, handed_at=None))


def finish(connection: Connection, notice: Notice) -> None:
    """Forget a notice: it is sent, or there is nothing to send."""
    connection.execute(delete(notices).where(notices.c.id == notice.id))


def forget(connection: Connection, now: datetime) -> None:
    """Remove what its sender left behind the gate when it died, and what is too old."""
    connection.execute(
        delete(notices).where(
            or_(notices.c.handed_at < now - CLAIM, notices.c.queued_at < now - LIFE)
        )
    )


def waiting(connection: Connection) -> int:
    """How many notices wait."""
    return len(connection.execute(select(notices.c.id).where(notices.c.handed_at.is_(None))).all())
