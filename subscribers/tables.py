"""Tables of the roll, and the column types both packages use.

The pipeline's tables (`briefing.store.tables`) join the same `metadata`: one Alembic history
describes the whole database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows only in a column declared INTEGER.
Identity = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime; SQLite, which has no zones, stores it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"{value!r} has no time zone"
            raise ValueError(msg)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    # Opaque and random: what stands in a person's links, for as long as they are on the roll.
    Column("key", BigInteger, nullable=False, unique=True),
    # The same for the link to their choices, made anew whenever their address changes. NULL before
    # the first time: then it is `key`.
    Column("preferences_key", BigInteger),
    # As written on the envelope (domain in ASCII), and as compared (ASCII in lower case).
    Column("address", String(320), nullable=False),
    Column("address_key", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False, server_default=""),
    Column("language", String(35), nullable=False, server_default=""),
    # pending (not confirmed) | active | suppressed (why: table suppressions)
    Column("status", String(10), nullable=False),
    Column("paused_until", Moment),
    Column("attributes", JSON, nullable=False, server_default="{}"),
    Column("created_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    # Otherwise SQLite would give the number of who was erased to who comes next, and with it what
    # the ledger and links in old mails say.
    sqlite_autoincrement=True,
)

Index("ix_subscribers_preferences_key", subscribers.c.preferences_key, unique=True)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("briefing", String(63), primary_key=True),
    Column(
        "subscriber_id",
        Identity,
        ForeignKey("subscribers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # Chosen section slugs, sorted and comma-joined; empty for all.
    Column("sections", String(1000), nullable=False, server_default=""),
    Column("since", Moment, nullable=False),
    # Kept after leaving, so that no import takes a person back in.
    Column("left_at", Moment),
    sqlite_with_rowid=False,
)
Index("ix_subscriptions_subscriber_id", subscriptions.c.subscriber_id)

suppressions = Table(
    "suppressions",
    metadata,
    # One-way mark of the folded address (`mark_address`): outlives erasure, names nobody.
    Column("mark", String(64), primary_key=True),
    # The strictest there is: bounce | unsubscribed | erased | manual | complaint
    Column("reason", String(12), nullable=False),
    Column("at", Moment, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    # The briefing whose leaving it was, "" for every other reason.
    Column("briefing", String(63), nullable=False, server_default=""),
    # Weaker reasons that stand beneath, strictest first, as objects of the columns above.
    Column("beneath", JSON, nullable=False, server_default="[]"),
    # Made when addresses were case-folded: it may be of an address in other letters than ASCII
    # that would have another mark today.
    Column("casefolded", Boolean, nullable=False, server_default=false()),
)

former_addresses = Table(
    "former_addresses",
    metadata,
    # One-way mark (`mark_address`) of an address that its reader has changed for another: an old
    # list that comes in again must not mail it. It names nobody, and outlives erasure.
    Column("mark", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
)

events = Table(
    "subscriber_events",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column(
        "subscriber_id",
        Identity,
        ForeignKey("subscribers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("at", Moment, nullable=False),
    Column("kind", String(20), nullable=False),
    # Who did it: "operator", "reader", "import FILE", "bounce", …
    Column("actor", String(200), nullable=False),
    Column("detail", JSON, nullable=False, server_default="{}"),
)

roll_settings = Table(
    "roll_settings",
    metadata,
    # "pepper": keys the marks of `suppressions`. It lives with them, since rotating the signing
    # secrets must not make anybody mailable again.
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)

confirmations = Table(
    "confirmations",
    metadata,
    # Random: what the link in the mail holds, and nothing else does.
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    # join | move | address | undo | erase | download
    Column("kind", String(10), nullable=False),
    Column("briefing", String(63), nullable=False),
    # Who asked; NULL for somebody who need not be on the roll.
    Column("subscriber_id", Identity, ForeignKey("subscribers.id", ondelete="CASCADE"), index=True),
    # The mailbox whose owner confirms, and what was agreed to. Emptied once it is confirmed; the
    # row itself goes when it expires.
    Column("address", String(320), nullable=False, server_default=""),
    Column("address_key", String(320), nullable=False, server_default="", index=True),
    Column("detail", JSON, nullable=False, server_default="{}"),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("used_at", Moment),
    # The same number for two mailboxes that have to confirm one thing.
    Column("pair", BigInteger),
)

page_limits = Table(
    "page_limits",
    metadata,
    # One-way mark of an address, a network or a person: the limits name nobody.
    Column("mark", String(64), primary_key=True),
    # When it was used in the window, in milliseconds since 1970 UTC, oldest first.
    Column("times", JSON, nullable=False),
    # After this moment (ms) the row says nothing any more.
    Column("until", BigInteger, nullable=False, index=True),
)
