"""Files as they come: encodings, separators, damage, and what is meant to do harm."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from briefing.store import Connection, Database
from subscribers import roll
from subscribers.importing import FileRefused, RefusedRow
from tests.kit.moving import bring_in, standing
from tests.kit.newsroom import NOW

PEOPLE = "email,name\nana@readers.example,Ana Muñoz\nbob@readers.example,Bob\n"
BOTH = {"ana@readers.example": ("active", ""), "bob@readers.example": ("active", "")}


@pytest.fixture
def database(sqlite: Database) -> Database:
    """How a file is read has nothing to do with the database."""
    return sqlite


def names(connection: Connection) -> list[str]:
    return [one.name for one in roll.people(connection)]


def refusals(connection: Connection, content: str | bytes) -> list[tuple[int, str]]:
    refused: list[RefusedRow] = []
    outcome = bring_in(connection, content, refused=refused)
    assert not outcome.done
    return [(each.line, each.reason) for each in refused]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be-bom"]
)
def test_an_encoding_is_recognised(connection: Connection, encoding: str) -> None:
    raw = PEOPLE.encode(encoding.removesuffix("-bom"))
    bring_in(connection, b"\xfe\xff" + raw if encoding.endswith("-bom") else raw)

    assert names(connection) == ["Ana Muñoz", "Bob"]


def test_latin_1_is_refused_by_line_and_read_where_it_is_named(connection: Connection) -> None:
    raw = PEOPLE.encode("latin-1")
    with pytest.raises(FileRefused, match=r"line 2: is not in the encoding utf-8") as caught:
        bring_in(connection, raw)
    assert "--encoding windows-1252" in caught.value.hint
    assert names(connection) == []

    bring_in(connection, raw, encoding="windows-1252")
    assert names(connection) == ["Ana Muñoz", "Bob"]


def test_the_line_of_a_wrong_byte_is_told_far_into_a_file(connection: Connection) -> None:
    rows = [f"reader{n}@readers.example,{n}" for n in range(20_000)]
    rows[15_000] = "x@readers.example,Mu\udcf1oz"
    content = "\n".join(["email,name", *rows]).encode("utf-8", "surrogateescape")

    with pytest.raises(FileRefused, match="line 15002"):
        bring_in(connection, content)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_recognised(
    connection: Connection, separator: str, ending: str
) -> None:
    bring_in(connection, PEOPLE.replace(",", separator).replace("\n", ending))

    assert standing(connection) == BOTH


@pytest.mark.parametrize(
    "header", ["EMAIL,Name", " E-mail , Name ", "email_address,name", '"Email Address","Full Name"']
)
def test_headers_may_be_in_any_case_and_spacing(connection: Connection, header: str) -> None:
    bring_in(connection, PEOPLE.replace("email,name", header))

    assert standing(connection) == BOTH


def test_a_spreadsheets_hint_at_its_separator_is_no_header(connection: Connection) -> None:
    bring_in(connection, "sep=;\n" + PEOPLE.replace(",", ";"))

    assert standing(connection) == BOTH


def test_lines_without_text_do_not_count(connection: Connection) -> None:
    outcome = bring_in(connection, "\n,\n" + PEOPLE.replace("\nbob", "\n\n,\n\nbob") + "\n\n")

    assert (outcome.rows, outcome.added) == (2, 2)


def test_a_file_without_a_last_line_break_is_whole(connection: Connection) -> None:
    bring_in(connection, PEOPLE.rstrip())

    assert standing(connection) == BOTH


def test_a_header_alone_is_nobody(connection: Connection) -> None:
    outcome = bring_in(connection, "email,name\n")

    assert (outcome.rows, outcome.done) == (0, True)


def test_lines_are_counted_through_line_breaks_in_quotes(connection: Connection) -> None:
    content = 'email,note\nana@readers.example,"one\ntwo\n\nthree"\nnobody,\n'

    ((line, reason),) = refusals(connection, content)
    assert line == 6
    assert "“nobody” is not an email address" in reason


def test_a_row_that_was_cut_off_is_refused(connection: Connection) -> None:
    content = "email,name,status\nana@readers.example,Ana,active\nbob@readers.example,B"

    assert refusals(connection, content) == [(3, "has 2 cells, the header 3")]


def test_a_row_with_more_than_the_header_is_refused(connection: Connection) -> None:
    content = "email,name\nana@readers.example,Vella, Ana\nbob@readers.example,Bob,,\n"

    assert refusals(connection, content) == [(2, "has 3 cells, the header 2")]


def test_a_row_with_nul_bytes_is_refused(connection: Connection) -> None:
    assert refusals(connection, PEOPLE + "c@readers.example,C\0\n") == [(4, "holds NUL bytes")]


def test_a_name_that_swallowed_others_is_refused(connection: Connection) -> None:
    ((line, reason),) = refusals(connection, f"email,name\nana@readers.example,{'x' * 201}\n")

    assert line == 2
    assert "longer than 200" in reason


def test_control_characters_do_not_get_into_a_name(connection: Connection) -> None:
    bring_in(connection, 'email,name\nana@readers.example,"Ana\r\nBcc: \x1b[31mall\u2028@x"\n')

    assert names(connection) == ["Ana Bcc: [31mall @x"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 1: is not in the encoding utf-8"),
        (b"email,na\0me\n", "line 1: holds NUL bytes, so it is no text"),
        (b"ana@readers.example\nbob@readers.example\n", "line 1: names no column for the address"),
        (b"name,city\nAna,Valletta\n", "line 1: names no column for the address"),
        (b"email,e-mail\na,b\n", "line 1: has several columns for the address: “email”, “e-mail”"),
        (b"email" + b",x" * 100_000, "line 1: has 100,001 columns, more than 500"),
        (b"email,name\n" + b"x" * 10_000_000, "line 2: is longer than 1,048,576 characters"),
        (b"x" * 10_000_000, "line 1: is longer than 1,048,576 characters"),
        (b'email,name\na@b.example,"Ana\n' + b"b@b.example,B\n" * 2000, "line 2: the row"),
        (b'email,name\na@b.example,"Ana\nb@b.example,Bob\n', "line 2: the row that begins here"),
        (b'email,name\na@b.example,A\nb@b.example,"B"ob\n', "line 3: the row that begins here"),
        (b'email,name\na@b.example,"' + b"x" * 200_000 + b'"\n', "line 2: the row"),
        (b"email,name\na@b.example" + b',"\n"' * 2000, "line 2: the row"),
        (b"PK\x03\x04 and no more", "is a damaged zip"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_line(
    connection: Connection, content: bytes, told: str
) -> None:
    with pytest.raises(FileRefused) as caught:
        bring_in(connection, content)

    assert told in str(caught.value)
    assert str(caught.value).startswith("list.csv")
    assert caught.value.hint
    assert len(str(caught.value)) < 500


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_csv", ".csv"), text)
    return out.getvalue()


def test_a_zip_without_csv_is_refused(connection: Connection) -> None:
    with pytest.raises(FileRefused, match="holds no CSV"):
        bring_in(connection, packed(readme="hello"))


def test_a_zip_without_people_is_refused(connection: Connection) -> None:
    with pytest.raises(FileRefused, match=r"posts.csv, line 1: names no column"):
        bring_in(connection, packed(posts_csv="title\nHello\n"))


def test_a_zip_that_is_damaged_inside_is_refused(connection: Connection) -> None:
    raw = bytearray(packed(people_csv=PEOPLE * 50))
    raw[60] ^= 0xFF

    with pytest.raises(FileRefused, match="cannot be unpacked"):
        bring_in(connection, bytes(raw))


def test_one_damaged_file_keeps_a_whole_zip_out(connection: Connection) -> None:
    with pytest.raises(FileRefused, match="is empty"):
        bring_in(connection, packed(subscribed_csv=PEOPLE, unsubscribed_csv=""))


def test_bytes_read_are_told_as_they_are(connection: Connection) -> None:
    told: list[int] = []
    content = PEOPLE + "".join(f"r{n}@readers.example,{n}\n" for n in range(20_000))
    bring_in(connection, content, progress=told.append)

    assert sum(told) == len(content.encode())
    assert len(told) > 2


def test_others_write_while_a_file_is_read(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/briefing.db") for _ in range(2))
    first.migrate()
    with first.write() as connection:
        pepper = roll.pepper(connection)
    seen: list[roll.Added] = []

    def write_meanwhile(octets: int) -> None:
        if octets and not seen:
            with second.write() as other:
                seen.append(roll.add(other, "eve@readers.example", ["daily"], now=NOW, actor="t"))

    with first.read() as connection:
        outcome = bring_in(connection, PEOPLE, pepper=pepper, progress=write_meanwhile)

    assert outcome.done
    with first.read() as connection:
        assert set(standing(connection)) == {*BOTH, "eve@readers.example"}
    first.close()
    second.close()
