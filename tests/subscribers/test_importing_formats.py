"""One file of each exporter, in tests/subscribers/exports, each with people who have left."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from briefing.store import Connection, Database
from subscribers import roll
from subscribers.importing import FORMATS, FileRefused, ImportOutcome
from subscribers.tables import subscribers
from tests.kit.moving import bring_in, standing

EXPORTS = Path(__file__).parent / "exports"
ANA, BOB, CARLA, DARIO, ELENA, FRITZ = (
    f"{name}@readers.example" for name in ("ana", "bob", "carla", "dario", "elena", "fritz")
)
ACTIVE, PENDING = ("active", ""), ("pending", "")
LEFT, BOUNCED, COMPLAINED, BARRED = (
    ("suppressed", reason) for reason in ("unsubscribed", "bounce", "complaint", "manual")
)
MAILCHIMP = (
    "subscribed_email_audience_export_1a2b.csv",
    "unsubscribed_email_audience_export_1a2b.csv",
    "cleaned_email_audience_export_1a2b.csv",
    "nonsubscribed_email_audience_export_1a2b.csv",
)


@pytest.fixture
def database(sqlite: Database) -> Database:
    """How a file is read has nothing to do with the database."""
    return sqlite


def load(connection: Connection, name: str, **how: Any) -> ImportOutcome:
    return bring_in(connection, (EXPORTS / name).read_bytes(), name=name, **how)


def row(connection: Connection, address: str) -> Any:
    return connection.execute(select(subscribers).where(subscribers.c.address == address)).one()


def story(connection: Connection, address: str) -> dict[str, Any]:
    (event,) = roll.story_of(connection, row(connection, address).id)
    return event


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        (MAILCHIMP[0], "Mailchimp", {ANA: ACTIVE, "Bob@readers.example": ACTIVE}),
        (MAILCHIMP[1], "Mailchimp", {CARLA: LEFT}),
        (MAILCHIMP[2], "Mailchimp", {DARIO: BOUNCED}),
        ("substack.csv", "Substack", {ANA: ACTIVE, BOB: ACTIVE, CARLA: LEFT}),
        ("ghost.csv", "Ghost", {ANA: ACTIVE, BOB: ACTIVE, CARLA: LEFT, DARIO: LEFT}),
        (
            "beehiiv.csv",
            "beehiiv",
            {ANA: ACTIVE, BOB: ACTIVE, CARLA: LEFT, DARIO: BOUNCED, ELENA: PENDING},
        ),
        ("listmonk.csv", "listmonk", {ANA: ACTIVE, BOB: ACTIVE, CARLA: BARRED, DARIO: BARRED}),
        ("keila.csv", "Keila", {ANA: ACTIVE, BOB: ACTIVE, CARLA: LEFT, DARIO: BOUNCED}),
        (
            "mailpoet.csv",
            "MailPoet",
            {ANA: ACTIVE, BOB: ACTIVE, CARLA: LEFT, DARIO: BOUNCED, ELENA: PENDING},
        ),
        (
            "buttondown.csv",
            "Buttondown",
            {
                ANA: ACTIVE,
                BOB: ACTIVE,
                CARLA: LEFT,
                DARIO: BOUNCED,
                ELENA: PENDING,
                FRITZ: COMPLAINED,
            },
        ),
        (
            "phplist.csv",
            "phpList",
            {
                ANA: ACTIVE,
                BOB: ACTIVE,
                CARLA: BARRED,
                DARIO: BOUNCED,
                ELENA: PENDING,
                FRITZ: LEFT,
            },
        ),
        ("plain.csv", "plain CSV", {ANA: ACTIVE, BOB: ACTIVE}),
    ],
)
def test_an_export_is_recognised_and_nobody_who_left_is_active(
    connection: Connection, name: str, label: str, expected: dict[str, tuple[str, str]]
) -> None:
    outcome = load(connection, name)

    assert [part.format for part in outcome.parts] == [label]
    assert outcome.refused == 0
    assert standing(connection) == expected
    assert roll.count(connection, "daily", datetime.now(UTC)) == outcome.added


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        (
            MAILCHIMP[0],
            {
                "Address": "12 Harbour Street\nValletta",
                "timezone": "Europe/Malta",
                "tags": ["daily", "Friends, of the house"],
            },
        ),
        ("substack.csv", {"active_subscription": "false", "plan": "other"}),
        ("ghost.csv", {"complimentary_plan": "false", "tags": ["daily", "friends"]}),
        ("beehiiv.csv", {"tier": "free", "utm_source": "friend"}),
        ("listmonk.csv", {"city": "Valletta", "age": 41}),
        ("keila.csv", {"city": "Valletta", "External ID": "crm-1"}),
        ("mailpoet.csv", {'Favourite "beat"': 'the "sea"', "List": "Daily"}),
        ("buttondown.csv", {"city": "Valletta", "tags": ["daily", "friends"]}),
        ("phplist.csv", {"Country": "Malta"}),
        ("plain.csv", {"timezone": "Europe/Malta", "Club": "Rowers"}),
    ],
)
def test_what_is_not_of_the_tool_itself_is_kept(
    connection: Connection, name: str, attributes: dict[str, Any]
) -> None:
    load(connection, name)

    assert row(connection, ANA).attributes == attributes


@pytest.mark.parametrize(
    "name", [MAILCHIMP[0], "ghost.csv", "beehiiv.csv", "keila.csv", "mailpoet.csv", "plain.csv"]
)
def test_a_name_is_put_together(connection: Connection, name: str) -> None:
    load(connection, name)

    assert row(connection, ANA).name == "Ana Vella"
    assert row(connection, ANA).language == ("en-GB" if name == "plain.csv" else "")


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        (
            MAILCHIMP[0],
            {
                "optin_time": "2021-03-02 09:15:00",
                "optin_ip": "192.0.2.10",
                "confirm_time": "2021-03-02 09:16:30",
                "confirm_ip": "192.0.2.10",
            },
        ),
        ("substack.csv", {"created_at": "2021-03-02T09:15:00.000Z", "email_disabled": "false"}),
        (
            "mailpoet.csv",
            {
                "subscription_ip": "192.0.2.10",
                "subscription_time": "2021-03-02 09:15:00",
                "confirmation_time": "2021-03-02 09:16:30",
                "confirmation_ip": "192.0.2.10",
                "list_status": "subscribed",
                "global_status": "subscribed",
            },
        ),
        (
            "buttondown.csv",
            {"creation_date": "2021-03-02T09:15:00Z", "source": "organic", "type": "regular"},
        ),
    ],
)
def test_the_evidence_of_consent_is_kept_in_the_story(
    connection: Connection, name: str, evidence: dict[str, str]
) -> None:
    load(connection, name)

    told = story(connection, ANA)
    assert told["kind"] == "imported"
    assert told["actor"] == f"import {name}"
    assert evidence.items() <= told.items()
    assert row(connection, ANA).created_at.replace(microsecond=0) == datetime(
        2021, 3, 2, 9, 15, tzinfo=UTC
    )


def test_the_story_of_who_left_tells_when_and_why(connection: Connection) -> None:
    load(connection, MAILCHIMP[1])

    told = story(connection, CARLA)
    assert told["kind"] == "unsubscribed"
    assert told["unsub_time"] == "2023-07-08 12:30:00"
    assert told["unsub_reason"] == "NORMAL"


def test_a_zip_is_imported_as_one_without_those_who_never_agreed(connection: Connection) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in MAILCHIMP:
            archive.write(EXPORTS / name, name)
        archive.writestr("posts.csv", "post_id,title\n1,Hello\n")
        archive.writestr("notes.html", "<p>")

    outcome = bring_in(connection, packed.getvalue(), name="export.zip")

    assert standing(connection) == {
        ANA: ACTIVE,
        "Bob@readers.example": ACTIVE,
        CARLA: LEFT,
        DARIO: BOUNCED,
    }
    assert [name.rpartition("/")[2] for name in outcome.left_out] == [MAILCHIMP[3], "posts.csv"]


def test_contacts_who_never_agreed_are_no_list(connection: Connection) -> None:
    with pytest.raises(FileRefused, match="never agreed"):
        load(connection, MAILCHIMP[3])


def test_a_renamed_file_still_tells_who_left_by_its_header(connection: Connection) -> None:
    bring_in(connection, (EXPORTS / MAILCHIMP[1]).read_bytes(), name="subscribed.csv")

    assert standing(connection) == {CARLA: LEFT}


def test_every_format_has_a_file_here() -> None:
    tried = {path.stem for path in EXPORTS.glob("*.csv")} | {"mailchimp", "csv", "briefing"}

    assert {one.name for one in FORMATS} <= tried


def test_a_format_can_be_asked_for(connection: Connection) -> None:
    outcome = load(connection, "ghost.csv", wanted="csv")

    assert outcome.parts[0].format == "plain CSV"
    assert standing(connection)[CARLA] == LEFT


def test_a_format_that_does_not_fit_is_refused(connection: Connection) -> None:
    with pytest.raises(FileRefused, match="is no export of Mailchimp") as caught:
        load(connection, "ghost.csv", wanted="mailchimp")

    assert "--format" in caught.value.hint


def test_it_is_told_of_each_column_what_becomes_of_it(connection: Connection) -> None:
    (part,) = load(connection, "ghost.csv", dry_run=True).parts

    told = {column.header: column.told for column in part.columns}
    assert told["email"] == "the address"
    assert told["note"] == "kept as an attribute “note”"
    assert told["stripe_customer_id"] == "ignored"
    assert told["deleted_at"] == "nobody is mailed who has it filled in (unsubscribed)"
    assert list(told) == (EXPORTS / "ghost.csv").read_text().split("\n")[0].strip().split(",")
