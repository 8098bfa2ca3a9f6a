"""An edition being sent, and one process's part in it, without what surrounds them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from briefing.delivery import OpenChunks, Retry, Sending, Throttle
from briefing.mailers import Mailer
from briefing.mailers.smtp import Smtp
from briefing.model import EditionState, Message, NoMessage, Recipient, Window
from briefing.store import Connection, Database, editions, ledger, tables
from briefing.store.tables import deliveries
from tests.kit.newsroom import NOW, Clock


def freeze(database: Database, chunk_size: int = 10) -> int:
    """An edition that began to leave at `NOW`, to whoever is on the roll."""
    with database.write() as connection:
        edition, _ = editions.reserve(
            connection,
            "daily",
            date(2026, 3, 10),
            "daily",
            due_at=NOW,
            window=Window(NOW - timedelta(days=1), NOW),
            now=NOW,
        )
        put_in_state(connection, edition.id, EditionState.SENDING, sending_started_at=NOW)
        ledger.freeze_audience(connection, edition.id, "daily", NOW, chunk_size)
    return edition.id


def put_in_state(
    connection: Connection, edition_id: int, state: EditionState, **values: Any
) -> None:
    """An edition in a state, whatever leads there in real life."""
    connection.execute(
        update(tables.editions)
        .where(tables.editions.c.id == edition_id)
        .values(state=state.value, **values)
    )


def write_message(recipient: Recipient) -> Message | NoMessage:
    """The shortest message there is."""
    return Message(recipient.id, "from@x.example", recipient.address, f"<{recipient.id}>", b"\r\n")


def sending(
    database: Database,
    edition_id: int,
    mailer: Mailer,
    *,
    clock: Clock | None = None,
    retry: Retry | None = None,
    write: Callable[[Recipient], Message | NoMessage] = write_message,
    stop: threading.Event | None = None,
    throttle: Throttle | None = None,
    owner: str = "test",
) -> Sending:
    """A run, with whatever a test does not care about filled in."""
    retry = retry or Retry()
    return Sending(
        database,
        mailer,
        edition_id,
        write,
        OpenChunks(edition_id, owner, resend_unknown=retry.resend_unknown),
        started=NOW,
        throttle=throttle or Throttle(chunk_size=10),
        retry=retry,
        clock=clock or Clock(),
        stop=stop or threading.Event(),
        progress=lambda _: None,
    )


def to(port: int, connections: int = 1, *, timeout: float = 5.0) -> Smtp:
    """A mailer to a scripted server."""
    return Smtp(
        "127.0.0.1",
        port,
        security="none",
        helo="test.example",
        connections=connections,
        timeout=timeout,
    )


def sums(database: Database, edition_id: int) -> ledger.Tally:
    with database.read() as connection:
        return ledger.tally(connection, edition_id)


def row(database: Database, recipient_id: int) -> tuple[str, int, int]:
    """State, attempts and due time (ms after `NOW`, 0 for at once) of one reader."""
    with database.read() as connection:
        found = connection.execute(
            select(deliveries.c.state, deliveries.c.attempts, deliveries.c.due).where(
                deliveries.c.recipient_id == recipient_id
            )
        ).one()
    return found.state, found.attempts, found.due and found.due - ledger.to_ms(NOW)
