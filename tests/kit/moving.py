"""Imports in tests: a file's text in, what came of it and who is on the roll out."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from sqlalchemy import select

from briefing.store import Connection
from subscribers import roll
from subscribers.importing import ImportOutcome, RefusedRow, import_people, open_sources
from subscribers.tables import events, subscribers, subscriptions, suppressions
from tests.kit.newsroom import NOW


def bring_in(
    connection: Connection,
    content: str | bytes,
    *,
    name: str = "list.csv",
    briefing: str = "daily",
    now: datetime = NOW,
    refused: list[RefusedRow] | None = None,
    pepper: bytes = b"",
    **how: Any,
) -> ImportOutcome:
    """Import a file of this content."""
    raw = content.encode() if isinstance(content, str) else content
    return import_people(
        connection,
        open_sources(name, io.BytesIO(raw)),
        briefing,
        pepper=pepper or roll.pepper(connection),
        now=now,
        actor=f"import {name}",
        refuse=(refused if refused is not None else []).append,
        **how,
    )


def standing(connection: Connection) -> dict[str, tuple[str, str]]:
    """Status and reason of everybody on the roll, by address."""
    return {one.address: (one.status, one.reason) for one in roll.people(connection)}


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the roll's tables."""
    tables = (subscribers, subscriptions, suppressions, events)
    return {
        table.name: [tuple(row) for row in connection.execute(select(table))] for table in tables
    }
