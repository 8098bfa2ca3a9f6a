"""Joining: consent asked for on a page, confirmed by mail, kept as evidence.

Whoever asks is told the same, whatever the roll knows of the address: `join` does not look at it.
What the mail says is decided when it is written, by `standing`.

Confirming anew lifts a suppression where it can be the person's own wish and the mailbox has just
shown that it works: they had left, mail had bounced, they had been erased. It does not lift a
complaint (the sender's good name hangs on never mailing that person again) nor an operator's own
decision: those are lifted by `briefing subscribers release`, with the person's word.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from subscribers.addresses import Address, mark_address
from subscribers.confirmations import Asked, Confirmation, ask, use
from subscribers.dialect import insert
from subscribers.former import forget_former
from subscribers.roll import pepper, record, suppression_of
from subscribers.suppression import NEVER, lift_all
from subscribers.tables import subscribers, subscriptions

__all__ = ["NEVER"]


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to, and where: the evidence that is asked for years later.

    `wording` is the sentence they agreed to, `form` where it stood ("page", "embedded" in the
    publisher's own site, "preferences"), `origin` that site as the browser names it, `host` the
    visitor's IP address.
    """

    wording: str
    form: str
    host: str = ""
    origin: str = ""
    language: str = ""

    def facts(self) -> dict[str, str]:
        """As JSON holds it; the digest finds all who agreed to the same words."""
        # Of no words there is no digest: it would look like evidence of some.
        digest = hashlib.sha256(self.wording.encode()).hexdigest()[:16] if self.wording else ""
        told = {
            "form": self.form,
            "origin": self.origin,
            "from": self.host,
            "language": self.language,
            "wording": self.wording,
            "wording_sha256": digest,
        }
        return {name: value for name, value in told.items() if value}


class SignupStatus(StrEnum):
    """What the roll says to somebody who asks to join."""

    NEW = "new"
    READING = "reading"
    NEVER = "never"


def join(
    connection: Connection,
    address: Address,
    briefing: str,
    consent: Consent,
    *,
    now: datetime,
    sections: Sequence[str] = (),
    attributes: Mapping[str, str] | None = None,
) -> int:
    """Keep what was asked for until the mailbox confirms it. Returns the key for its link."""
    detail = {
        "consent": consent.facts(),
        "sections": sorted(set(sections)),
        "attributes": dict(attributes or {}),
    }
    return ask(connection, Asked.JOIN, briefing, address, now=now, detail=detail)


def standing(connection: Connection, address: Address, briefing: str) -> SignupStatus:
    """Whether an address may be asked to confirm, reads it already, or is never mailed."""
    if suppression_of(connection, address) in NEVER:
        return SignupStatus.NEVER
    reads = connection.execute(
        select(subscriptions.c.subscriber_id)
        .join(subscribers)
        .where(
            subscribers.c.address_key == address.folded,
            subscribers.c.status == "active",
            subscriptions.c.briefing == briefing,
            subscriptions.c.left_at.is_(None),
        )
    ).first()
    return SignupStatus.READING if reads else SignupStatus.NEW


def confirm(
    connection: Connection,
    confirmation: Confirmation,
    *,
    now: datetime,
    host: str,
    wording: str = "",
) -> int | None:
    """Put the person on the roll, active, for the briefing. Returns the row's id.

    None, and nobody is put anywhere, where the link was used before or the address may never be
    mailed. `host` is where the confirmation came from, `wording` what stood beside its button.
    """
    address, briefing = confirmation.address, confirmation.briefing
    if not use(connection, confirmation, now):
        return None
    suppressed = suppression_of(connection, address)
    if suppressed in NEVER:
        return None
    detail = confirmation.detail
    forget_former(connection, address)
    subscriber_id = _activate(connection, address, now, detail["attributes"])
    if suppressed is not None:
        lift(connection, address)
        record(connection, subscriber_id, "lifted", "reader", now, reason=suppressed.value)
    subscribe(connection, subscriber_id, briefing, detail["sections"], now)
    record(
        connection,
        subscriber_id,
        "consent",
        "reader",
        now,
        briefing=briefing,
        asked_at=confirmation.asked_at.isoformat(timespec="seconds"),
        confirmed_from=host,
        confirmed_wording=wording,
        **detail["consent"],
    )
    return subscriber_id


def subscribe(
    connection: Connection,
    subscriber_id: int,
    briefing: str,
    sections: Sequence[str],
    now: datetime,
) -> None:
    """Give a person a briefing, again where they had left it. One they read stays as it is."""
    fresh = {"sections": ",".join(sections), "since": now, "left_at": None}
    connection.execute(
        insert(connection, subscriptions)
        .values(briefing=briefing, subscriber_id=subscriber_id, **fresh)
        .on_conflict_do_update(
            index_elements=["briefing", "subscriber_id"],
            set_=fresh,
            where=subscriptions.c.left_at.is_not(None),
        )
    )


def lift(connection: Connection, address: Address) -> None:
    """Take a suppression back, by the person's own word."""
    lift_all(connection, mark_address(address.folded, pepper(connection)))


def _activate(
    connection: Connection, address: Address, now: datetime, attributes: Mapping[str, Any]
) -> int:
    made = connection.execute(
        insert(connection, subscribers)
        .values(
            key=secrets.randbits(63),
            address=address.envelope,
            address_key=address.folded,
            status="active",
            attributes=dict(attributes),
            created_at=now,
            confirmed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["address_key"])
        .returning(subscribers.c.id)
    ).first()
    if made is not None:
        return int(made.id)
    there = connection.execute(
        select(subscribers).where(subscribers.c.address_key == address.folded)
    ).one()
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == there.id)
        .values(
            status="active",
            confirmed_at=there.confirmed_at if there.status == "active" else now,
            attributes={**there.attributes, **attributes},
        )
    )
    return int(there.id)
