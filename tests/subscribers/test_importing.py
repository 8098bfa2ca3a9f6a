"""What an import does to the roll, and above all what it never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from briefing.store import Connection, Database
from subscribers import changing, confirmations, former, roll
from subscribers.addresses import read_address
from subscribers.importing import ImportOutcome, RefusedRow
from subscribers.roll import Suppressed
from subscribers.tables import subscribers, subscriptions
from tests.kit.moving import bring_in, everything, standing
from tests.kit.newsroom import NOW

ANA = "ana@readers.example"
BOB = "bob@readers.example"
ACTIVE, PENDING, LEFT = ("active", ""), ("pending", ""), ("suppressed", "unsubscribed")
LATER = NOW + timedelta(days=3)


def add(connection: Connection, address: str = ANA, *briefings: str, name: str = "") -> None:
    roll.add(connection, address, briefings or ["daily"], now=NOW, actor="test", name=name)


def person(connection: Connection, address: str = ANA) -> roll.Person:
    (found,) = roll.people(connection, address=address)
    return found


def story(connection: Connection, address: str = ANA) -> list[dict[str, Any]]:
    return roll.story_of(connection, person(connection, address).id)


def total(outcome: ImportOutcome) -> int:
    return (
        outcome.added
        + outcome.pending
        + outcome.suppressed
        + outcome.known
        + outcome.kept_out
        + outcome.moved
        + outcome.elsewhere
        + outcome.duplicates
        + outcome.refused
    )


# Who is new.


def test_a_new_person_may_be_mailed_and_their_story_says_why(connection: Connection) -> None:
    outcome = bring_in(connection, f"email,name\n{ANA},Ana\n", now=LATER)

    assert (outcome.added, outcome.rows, outcome.done) == (1, 1, True)
    assert roll.count(connection, "daily", LATER) == 1
    assert person(connection).name == "Ana"
    assert story(connection) == [
        {
            "at": LATER,
            "kind": "imported",
            "actor": "import list.csv",
            "briefings": ["daily"],
            "tool": "plain CSV",
            "line": 2,
        }
    ]


def test_moments_of_another_zone_are_kept_in_utc_and_none_is_yet_to_come(
    connection: Connection,
) -> None:
    bring_in(
        connection,
        "email,created_at,confirmed_at\n"
        f"{ANA},2024-05-01T09:00:00+02:00,2024-05-01 07:30:00\n"
        f"{BOB},2099-01-01,soon\n",
    )

    rows = connection.execute(select(subscribers).order_by(subscribers.c.id)).all()
    assert [row.created_at for row in rows] == [datetime(2024, 5, 1, 7, tzinfo=UTC), NOW]
    # “soon” is no moment, and the import's own would be a false witness.
    assert [row.confirmed_at for row in rows] == [datetime(2024, 5, 1, 7, 30, tzinfo=UTC), None]


def test_many_people_are_one_import(connection: Connection) -> None:
    content = "email\n" + "".join(f"reader{n}@readers.example\n" for n in range(12_345))

    assert bring_in(connection, content).added == 12_345
    assert roll.count(connection, "daily", NOW) == 12_345
    keys = connection.execute(select(subscribers.c.key)).scalars().all()
    assert len(set(keys)) == 12_345
    assert min(keys) >= 0


def test_international_addresses_are_taken(connection: Connection) -> None:
    bring_in(connection, "email\n用户@例子.example\nana@bücher.example\n")

    assert list(standing(connection)) == ["用户@xn--fsqu00a.example", "ana@xn--bcher-kva.example"]


# Who has left elsewhere.


def test_who_left_elsewhere_cannot_be_added_here(connection: Connection) -> None:
    bring_in(connection, f"email,unsubscribed_at\n{ANA},2024-01-01\n")

    assert roll.add(connection, ANA, ["daily"], now=NOW, actor="t") is roll.Added.SUPPRESSED
    left = connection.execute(select(subscriptions.c.left_at)).scalar_one()
    assert left == datetime(2024, 1, 1, tzinfo=UTC)


def test_an_active_person_who_left_elsewhere_is_suppressed(connection: Connection) -> None:
    add(connection)

    outcome = bring_in(connection, f"email,status\n{ANA},unsubscribed\n", now=LATER)

    assert outcome.suppressed == 1
    assert standing(connection) == {ANA: LEFT}
    assert roll.count(connection, "daily", LATER) == 0
    told = story(connection)[-1]
    assert (told["kind"], told["at"], told["actor"]) == ("unsubscribed", LATER, "import list.csv")


# Suppression wins.


@pytest.mark.parametrize("reason", [one for one in Suppressed if one is not Suppressed.ERASED])
@pytest.mark.parametrize("known", [True, False])
def test_a_suppressed_address_stays_so(
    connection: Connection, reason: Suppressed, known: bool
) -> None:
    if known:
        add(connection)
    roll.suppress(connection, ANA, reason, now=NOW, actor="test")
    before = everything(connection)

    outcome = bring_in(connection, f"email,name,status\n{ANA.upper()},Ana,active\n")

    assert (outcome.kept_out, outcome.done) == (1, True)
    assert everything(connection) == before


def test_an_erased_person_does_not_come_back(connection: Connection) -> None:
    add(connection)
    roll.erase(connection, ANA, now=NOW)

    for row in (f"{ANA},active", f"{ANA},pending", f"{ANA},unsubscribed"):
        bring_in(connection, f"email,status\n{row}\n")

    assert standing(connection) == {}
    assert roll.suppression_of(connection, read_address(ANA)) is Suppressed.ERASED


def test_who_left_this_briefing_is_not_taken_back(connection: Connection) -> None:
    add(connection, ANA, "daily", "weekly")
    roll.leave(connection, person(connection).key, "daily", now=NOW, actor="reader")
    before = everything(connection)

    outcome = bring_in(connection, f"email,name\n{ANA},Ana\n")

    assert outcome.kept_out == 1
    assert everything(connection) == before


def test_an_earlier_reason_stays(connection: Connection) -> None:
    add(connection)
    roll.suppress(connection, ANA, Suppressed.COMPLAINT, now=NOW, actor="test")
    before = everything(connection)

    assert bring_in(connection, f"email,status\n{ANA},bounced\n").known == 1
    assert everything(connection) == before


# Who is known.


def test_a_known_person_keeps_what_they_have(connection: Connection) -> None:
    add(connection, name="Ana Vella")
    before = everything(connection)

    outcome = bring_in(connection, f"email,name,city\n{ANA},Somebody,Rome\n")

    assert (outcome.known, outcome.joined) == (1, 0)
    assert everything(connection) == before


def test_a_missing_name_is_filled_in(connection: Connection) -> None:
    add(connection)
    add(connection, BOB, name="Bob")

    bring_in(connection, f"email,name,language\n{ANA},Ana,mt\n{BOB},Robert,\n", now=LATER)

    assert (person(connection).name, person(connection).language) == ("Ana", "mt")
    assert person(connection, BOB).name == "Bob"
    assert story(connection)[-1]["kind"] == "completed"
    assert len(story(connection, BOB)) == 1


def test_a_known_person_gets_another_briefing(connection: Connection) -> None:
    add(connection, ANA, "weekly")

    outcome = bring_in(connection, f"email\n{ANA}\n", now=LATER)

    assert (outcome.known, outcome.joined) == (1, 1)
    assert set(person(connection).briefings) == {"daily", "weekly"}
    assert [event["kind"] for event in story(connection)] == ["added", "imported"]


def test_who_has_not_confirmed_here_is_not_confirmed_by_a_file(connection: Connection) -> None:
    add(connection)
    connection.execute(update(subscribers).values(status="pending", confirmed_at=None))

    outcome = bring_in(connection, f"email,status\n{ANA},active\n")

    assert outcome.known == 1
    assert standing(connection) == {ANA: PENDING}


def test_who_has_not_confirmed_there_stays_active_here(connection: Connection) -> None:
    add(connection)

    bring_in(connection, f"email,status\n{ANA},unconfirmed\n")

    assert standing(connection) == {ANA: ACTIVE}


MIXED = f"""email,name,status,joined_at,city
{ANA},Ana,active,2024-01-01,Valletta
{BOB},Bob,unsubscribed,2024-01-01,
carla@readers.example,,bounced,,
dario@readers.example,,pending,,
elena@readers.example,Elena,active,,
fritz@readers.example,,complained,,
{ANA.upper()},Again,active,,
"""


def test_importing_twice_changes_nothing(connection: Connection) -> None:
    add(connection, "elena@readers.example", "weekly")
    first = bring_in(connection, MIXED)
    before = everything(connection)

    second = bring_in(connection, MIXED, now=LATER)

    assert (first.added, first.suppressed, first.pending, first.joined) == (1, 3, 1, 1)
    assert (second.known, second.duplicates, second.rows) == (6, 1, 7)
    assert everything(connection) == before


# Former addresses.


def test_an_address_that_was_changed_here_is_not_mailed_again(connection: Connection) -> None:
    add(connection, BOB)
    former.remember_former(connection, read_address(ANA), now=NOW)

    outcome = bring_in(connection, f"email\n{ANA.upper()}\n{BOB}\n")

    assert (outcome.moved, outcome.known, outcome.added) == (1, 1, 0)
    assert standing(connection) == {BOB: ACTIVE}


def test_an_address_that_its_owner_wants_back_is_imported_again(connection: Connection) -> None:
    former.remember_former(connection, read_address(ANA), now=NOW)
    former.forget_former(connection, read_address(ANA))

    assert bring_in(connection, f"email\n{ANA}\n").added == 1


def test_after_a_move_an_old_list_does_not_mail_the_old_address(connection: Connection) -> None:
    add(connection)
    bob = read_address(BOB)
    for key in changing.ask_move(connection, person(connection), bob, "daily", now=NOW):
        asked = confirmations.find(connection, key, NOW)
        assert asked is not None
        moved = changing.agree_to_move(connection, asked, now=NOW, host="198.51.100.7")
    assert isinstance(moved, changing.Moved)

    assert bring_in(connection, f"email\n{ANA}\n").moved == 1

    undo = confirmations.find(connection, moved.undo or 0, NOW)
    assert undo is not None
    assert changing.undo_move(connection, undo, now=NOW, host="198.51.100.7")
    assert bring_in(connection, f"email\n{ANA}\n{BOB}\n").moved == 1
    assert standing(connection) == {ANA: ACTIVE}


# The stricter reason.


def test_a_stricter_reason_there_counts_here_from_now_on(connection: Connection) -> None:
    add(connection)
    roll.suppress(connection, ANA, Suppressed.BOUNCE, now=NOW, actor="test")

    assert bring_in(connection, f"email,status\n{ANA},complained\n", now=LATER).known == 1

    assert standing(connection) == {ANA: ("suppressed", "complaint")}
    assert story(connection)[-1]["kind"] == "complaint"


# Moments.


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2024-05-01 09:00:00.123456789 +0000 UTC", 9),
        ("2024-05-01 09:00:00 +0000 +0000", 9),
        ("2024-05-01 09:00:00.5 +0200 CEST", 7),
        ("2024-05-01 09:00:00 -0300 -03", 12),
        ("2024-05-01 09:00:00 +0000 UTC m=+0.000012", 9),
        ("Wed, 01 May 2024 09:00:00 +0200", 7),
        ("1714554000", 9),
        ("1714554000000", 9),
    ],
)
def test_a_moment_as_tools_write_it_is_read(
    connection: Connection, written: str, hour: int
) -> None:
    bring_in(connection, f'email,confirmed_at\n{ANA},"{written}"\n')

    confirmed = connection.execute(select(subscribers.c.confirmed_at)).scalar_one()
    assert confirmed.replace(microsecond=0) == datetime(2024, 5, 1, hour, tzinfo=UTC)


def test_a_moment_that_cannot_be_read_stays_unknown_and_is_told(connection: Connection) -> None:
    outcome = bring_in(connection, f"email,confirmed_at\n{ANA},03/04/2021\n")

    assert connection.execute(select(subscribers.c.confirmed_at)).scalar_one() is None
    assert standing(connection) == {ANA: ACTIVE}
    assert outcome.unread == {"confirmed_at": 1}


# Duplicates.


def test_one_address_in_other_letters_is_one_person(connection: Connection) -> None:
    outcome = bring_in(
        connection,
        "email,name\nJosé@readers.example,1\nJOSe\u0301@Readers.EXAMPLE,2\njosé@readers.example,3\n",
    )

    assert (outcome.added, outcome.duplicates) == (1, 2)
    assert person(connection, "josé@readers.example").name == "1"


@pytest.mark.parametrize("rows", [["active", "unsubscribed"], ["unsubscribed", "active"]])
def test_of_two_rows_the_stricter_counts(connection: Connection, rows: list[str]) -> None:
    outcome = bring_in(connection, "email,status\n" + "".join(f"{ANA},{row}\n" for row in rows))

    assert (outcome.suppressed, outcome.duplicates, outcome.added) == (1, 1, 0)
    assert standing(connection) == {ANA: LEFT}


# All or nothing.


FAULTY = f"email,status,plan\n{ANA},active,\nnobody,active,=1\n{BOB},gold,\n"


def test_one_refused_row_keeps_everybody_out(connection: Connection) -> None:
    before = everything(connection)
    refused: list[RefusedRow] = []

    outcome = bring_in(connection, FAULTY, refused=refused)

    assert (outcome.done, outcome.refused, outcome.added) == (False, 2, 1)
    assert everything(connection) == before
    assert [(each.line, each.cells[0]) for each in refused] == [(3, "nobody"), (4, BOB)]
    assert outcome.examples == tuple(refused)


def test_the_good_rows_go_in_where_asked_to_go_on(connection: Connection) -> None:
    outcome = bring_in(connection, FAULTY, keep_going=True)

    assert (outcome.done, outcome.refused, outcome.added) == (True, 2, 1)
    assert standing(connection) == {ANA: ACTIVE}


def test_a_dry_run_counts_the_same_and_writes_nothing(connection: Connection) -> None:
    add(connection, "elena@readers.example", "weekly")
    roll.suppress(connection, ANA, Suppressed.MANUAL, now=NOW, actor="t")
    before = everything(connection)
    dry = bring_in(connection, MIXED, dry_run=True)
    assert everything(connection) == before

    wet = bring_in(connection, MIXED)

    assert not dry.done
    assert [
        getattr(dry, name) == getattr(wet, name)
        for name in ImportOutcome.__slots__
        if name != "done"
    ] == [True] * (len(ImportOutcome.__slots__) - 1)
    assert total(dry) == dry.rows == 7


def test_a_dry_run_needs_no_lock(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/briefing.db") for _ in range(2))
    first.migrate()

    with second.write(), first.read() as connection:
        assert bring_in(connection, MIXED, dry_run=True, pepper=b"any").added == 2
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ('{"n": NaN}', {"attributes": '{"n": NaN}'}),
        ('{"n": 1e999}', {"attributes": '{"n": 1e999}'}),
        ("[1, 2]", {"attributes": "[1, 2]"}),
        ("{not json", {"attributes": "{not json"}),
        ("{}", {}),
        ('{"a": {"b": [1, null, true]}}', {"a": {"b": [1, None, True]}}),
        ('{"a": "\\ud83d\\ude00 “quoted”"}', {"a": "😀 “quoted”"}),
        ("[" * 50_000, {"attributes": "[" * 50_000}),
    ],
)
def test_foreign_json_is_data(
    connection: Connection, attributes: str, kept: dict[str, Any]
) -> None:
    quoted = attributes.replace('"', '""')
    bring_in(connection, f'uuid,email,status,attributes\n1,{ANA},enabled,"{quoted}"\n')

    assert connection.execute(select(subscribers.c.attributes)).scalar_one() == kept


@pytest.mark.parametrize("escape", ["\\ud800", "\\u0000"])
def test_foreign_json_with_half_characters_stops_nobody(
    connection: Connection, escape: str
) -> None:
    content = f'uuid,email,status,attributes\n1,{ANA},enabled,"{{""a"": ""{escape}""}}"\n'

    assert bring_in(connection, content).added == 1
    assert connection.execute(select(subscribers.c.attributes)).scalar_one()


def test_columns_of_one_name_are_all_kept(connection: Connection) -> None:
    bring_in(connection, f"email,city,city,\n{ANA},Valletta,Rome,x\n")

    assert connection.execute(select(subscribers.c.attributes)).scalar_one() == {
        "city": "Valletta",
        "city (2)": "Rome",
        "column 4": "x",
    }
