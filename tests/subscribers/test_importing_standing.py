"""What other tools' words say about who may be mailed."""

from __future__ import annotations

import pytest

from briefing.store import Connection, Database
from subscribers import roll
from subscribers.importing import RefusedRow
from tests.kit.moving import bring_in, standing
from tests.kit.newsroom import NOW

ANA = "ana@readers.example"
ACTIVE, PENDING, LEFT = ("active", ""), ("pending", ""), ("suppressed", "unsubscribed")


@pytest.fixture
def database(sqlite: Database) -> Database:
    """How a file is read has nothing to do with the database."""
    return sqlite


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("subscribed", ACTIVE),
        ("Active", ACTIVE),
        ("ENABLED", ACTIVE),
        ("unsubscribed", LEFT),
        ("Opted-out", LEFT),
        ("inactive", LEFT),
        ("cleaned", ("suppressed", "bounce")),
        ("Hard Bounce", ("suppressed", "bounce")),
        ("complained", ("suppressed", "complaint")),
        ("marked_as_spam", ("suppressed", "complaint")),
        ("blocklisted", ("suppressed", "manual")),
        ("disabled", ("suppressed", "manual")),
        ("pending", PENDING),
        ("unconfirmed", PENDING),
    ],
)
def test_a_status_is_understood(
    connection: Connection, word: str, expected: tuple[str, str]
) -> None:
    bring_in(connection, f"email,status\n{ANA},{word}\n")

    assert standing(connection) == {ANA: expected}
    assert roll.count(connection, "daily", NOW) == (expected == ACTIVE)


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("email_disabled", "true", LEFT),
        ("email_disabled", "false", ACTIVE),
        ("unsubscribed", "2024-01-01", LEFT),
        ("unsubscribed", "", ACTIVE),
        ("bounced", "yes", ("suppressed", "bounce")),
        ("complained", "x", ("suppressed", "complaint")),
        ("subscribed", "no", LEFT),
        ("subscribed", "1", ACTIVE),
        ("unsubscribed_at", "2024-01-01", LEFT),
        ("unsubscribed_at", "NULL", ACTIVE),
        ("deleted_at", "2024-01-01", LEFT),
        ("CLEAN_TIME", "2024-01-01", ("suppressed", "bounce")),
    ],
)
def test_a_flag_or_a_moment_of_leaving_is_understood(
    connection: Connection, header: str, cell: str, expected: tuple[str, str]
) -> None:
    bring_in(connection, f"email,{header}\n{ANA},{cell}\n")

    assert standing(connection) == {ANA: expected}


@pytest.mark.parametrize(
    ("header", "cell"), [("status", "gold"), ("status", ""), ("subscribed", ""), ("opt in", "hm")]
)
def test_nobody_is_made_active_by_a_guess(connection: Connection, header: str, cell: str) -> None:
    refused: list[RefusedRow] = []
    bring_in(connection, f"email,{header}\n{ANA},{cell}\n", refused=refused)

    assert standing(connection) == {}
    assert f"“{header}”" in refused[0].reason


def test_the_strictest_column_counts(connection: Connection) -> None:
    bring_in(connection, f"email,status,unsubscribed_at\n{ANA},active,2024-01-01\n")

    assert standing(connection) == {ANA: LEFT}
