"""What the roll gives out: a person whole, the list as it comes, and back in again."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from briefing.store import Connection, Database
from subscribers import exporting, roll
from subscribers.addresses import read_address
from subscribers.confirmations import Asked, ask
from subscribers.roll import Suppressed
from subscribers.tables import roll_settings, subscribers
from tests.kit.moving import bring_in, standing
from tests.kit.newsroom import NOW

ANA, BOB, EVE = (read_address(f"{name}@readers.example") for name in ("ana", "bob", "eve"))


def fill(connection: Connection) -> None:
    """Ana reads two briefings, Bob has left one, Eve may never be mailed."""
    for address in (ANA, BOB, EVE):
        briefings = ["daily", "weekly"] if address is ANA else ["daily"]
        roll.add(
            connection,
            address.envelope,
            briefings,
            now=NOW,
            actor="operator",
            name="=HYPERLINK(1)" if address is ANA else "",
            sections=["policy", "borders"] if address is ANA else [],
        )
    connection.execute(
        update(subscribers)
        .where(subscribers.c.address == ANA.envelope)
        .values(
            attributes={"city": "Valletta", "tags": ["vip"]}, paused_until=NOW + timedelta(days=1)
        )
    )
    (bob,) = roll.people(connection, address=BOB.envelope)
    roll.leave(connection, bob.key, "daily", now=NOW + timedelta(hours=1), actor="reader")
    roll.suppress(connection, EVE.envelope, Suppressed.COMPLAINT, now=NOW, actor="bounce")


def listed(connection: Connection, **how: str) -> list[dict[str, str]]:
    out = io.StringIO()
    count = exporting.write_csv(exporting.everybody(connection, **how), out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == count
    return rows


def test_everything_held_on_a_person_is_told(connection: Connection) -> None:
    fill(connection)
    ask(connection, Asked.JOIN, "weekly", BOB, now=NOW, detail={"consent": {"form": "page"}})

    held = exporting.everything_on(connection, BOB)

    assert json.loads(json.dumps(held)) == held
    assert (held["address"], held["status"]) == ("bob@readers.example", "suppressed")
    assert held["briefings"] == [
        {
            "briefing": "daily",
            "sections": "all",
            "since": "2026-03-10T06:00:00+00:00",
            "left_at": "2026-03-10T07:00:00+00:00",
        }
    ]
    assert [event["kind"] for event in held["events"]] == ["added", "left", "unsubscribed"]
    assert held["suppression"]["reason"] == "unsubscribed"
    assert held["asked"][0]["detail"] == {"consent": {"form": "page"}}
    assert "key" not in held["asked"][0]


def test_of_an_erased_person_only_the_mark_is_held(connection: Connection) -> None:
    fill(connection)
    roll.erase(connection, ANA.envelope, now=NOW)

    held = exporting.everything_on(connection, ANA)

    assert set(held) == {"address", "suppression"}
    assert held["suppression"]["reason"] == "erased"


def test_nothing_is_held_on_a_stranger(connection: Connection) -> None:
    fill(connection)

    assert exporting.everything_on(connection, read_address("who@readers.example")) == {}


def test_looking_makes_no_key(connection: Connection) -> None:
    assert exporting.everything_on(connection, ANA) == {}
    assert list(exporting.everybody(connection)) == []
    assert connection.execute(roll_settings.select()).all() == []


def test_the_list_tells_each_person_in_a_row(connection: Connection) -> None:
    fill(connection)

    ana, bob, eve = listed(connection)

    assert tuple(ana) == exporting.COLUMNS
    assert ana["briefings"] == "daily (borders, policy); weekly (borders, policy)"
    assert json.loads(ana["attributes"]) == {"city": "Valletta", "tags": ["vip"]}
    assert ana["paused_until"] == "2026-03-11T06:00:00+00:00"
    assert (bob["status"], bob["reason"], bob["briefings"]) == ("suppressed", "unsubscribed", "")
    assert bob["left_at"] == "2026-03-10T07:00:00+00:00"
    assert (eve["status"], eve["reason"]) == ("suppressed", "complaint")


def test_the_list_can_be_narrowed(connection: Connection) -> None:
    fill(connection)

    assert [row["email"] for row in listed(connection, briefing="weekly")] == [ANA.envelope]
    assert [row["email"] for row in listed(connection, status="suppressed")] == [
        BOB.envelope,
        EVE.envelope,
    ]


def test_no_cell_is_a_formula(connection: Connection) -> None:
    fill(connection)
    for n, name in enumerate(["+1", "-1", "@SUM(1)", "=1", "plain"]):
        roll.add(connection, f"{n}@x.example", ["daily"], now=NOW, actor="t", name=name)
    roll.add(connection, "+49@x.example", ["daily"], now=NOW, actor="t")

    cells = [cell for row in listed(connection) for cell in row.values()]

    assert "'+49@x.example" in cells
    assert "'=HYPERLINK(1)" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_the_list_as_json_is_an_object_a_line(connection: Connection) -> None:
    fill(connection)
    out = io.StringIO()

    assert exporting.write_json(exporting.everybody(connection), out) == 3

    ana = json.loads(out.getvalue().splitlines()[0])
    assert ana["name"] == "=HYPERLINK(1)"
    assert ana["briefings"]["weekly"] == {
        "sections": ["borders", "policy"],
        "since": "2026-03-10T06:00:00+00:00",
        "left_at": None,
    }


def test_the_list_is_read_in_pages(connection: Connection) -> None:
    content = "email\n" + "".join(f"reader{n}@readers.example\n" for n in range(1201))
    bring_in(connection, content)

    assert [person["email"] for person in exporting.everybody(connection)] == [
        f"reader{n}@readers.example" for n in range(1201)
    ]


def test_the_list_moves_into_another_house(connection: Connection, tmp_path: Any) -> None:
    fill(connection)
    roll.add(connection, "+49@x.example", ["daily"], now=NOW, actor="t", name="Zoë")
    out = io.StringIO()
    exporting.write_csv(exporting.everybody(connection), out)
    other = Database(f"sqlite:///{tmp_path}/other.db")
    other.migrate()

    with other.write() as there:
        outcome = bring_in(there, out.getvalue())
        assert outcome.parts[0].format == "our own export"
        assert standing(there) == standing(connection)
        held = exporting.everything_on(there, ANA)
        assert (held["name"], held["attributes"]) == (
            "=HYPERLINK(1)",
            {"city": "Valletta", "tags": ["vip"]},
        )
    other.close()
