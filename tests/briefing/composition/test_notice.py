"""Single mails: their bytes, their words, their colours."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import briefing.composition
from briefing.composition import shipped_templates
from briefing.composition.headers import HeaderFault
from briefing.composition.notice import KINDS, check_notices, compose_notice, write_notice
from briefing.errors import ThemeError
from briefing.model import Briefing, Look, Message
from tests.briefing.composition.conftest import Put
from tests.kit import newsroom
from tests.kit.themes import load_theme

LINK = "https://briefing.alienroad.example/c/daily/" + "A" * 27
HOSTILE = '<script>alert(1)</script>"\r\nBcc: all@readers.example {{ 7*7 }}'
VALUES = {
    "days": "7",
    "address": "a•••@b.example",
    "day": "Tuesday",
    "stories": "12",
    "time": "07:00",
    "zone": "UTC",
    "otherwise": "hold",
    "found": f"1 error of the check: subject: {HOSTILE}",
    "headline": HOSTILE,
}
CATALOGUES = Path(briefing.composition.__file__).parent / "locale" / "notices"


def write(
    kind: str,
    of: Briefing,
    address: str = "ana@readers.example",
    *,
    search_path: Sequence[Path] = (),
) -> Message:
    dress = load_theme().dress(of.look)
    publication = newsroom.PUBLICATION
    link = "" if kind == "restored" else LINK
    note = compose_notice(
        kind, of, publication, dress, link=link, search_path=search_path, **VALUES
    )
    sender = "bounces@alienroad.example"
    return write_notice(
        note, of, address, number=-1, id_left="notice.x", sender=sender, date=newsroom.NOW
    )


def read(message: Message) -> tuple[EmailMessage, str, str]:
    parsed = email.message_from_bytes(message.data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    text, html = (parsed.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return parsed, text.get_content(), html.get_content()


@pytest.mark.parametrize("language", ["en", "es", "ja", "ar"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_are_what_a_mailer_takes(kind: str, language: str) -> None:
    data = write(kind, newsroom.briefing(language=language, name="La Mañana 朝刊")).data
    lines = data.split(b"\r\n")
    assert data.isascii()
    assert data.endswith(b"\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 76
    assert not any(line.startswith((b".", b"From ")) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_notice_is_no_mail_of_a_list(kind: str) -> None:
    parsed, _, _ = read(write(kind, newsroom.briefing()))
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert not [name for name in parsed if name.lower().startswith("list-")]
    assert parsed["Message-ID"] == "<notice.x@alienroad.example>"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "restored"])
def test_both_parts_hold_the_whole_link(kind: str) -> None:
    _, text, html = read(write(kind, newsroom.briefing()))
    assert LINK in text.splitlines()
    assert f'href="{LINK}"' in html


@pytest.mark.parametrize("kind", KINDS)
def test_both_parts_end_with_the_postal_address(kind: str) -> None:
    _, text, html = read(write(kind, newsroom.briefing()))
    assert text.rstrip().endswith("Malta")
    assert "1 Harbour Street" in html


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_text_is_text_in_all_parts(kind: str) -> None:
    parsed, _, html = read(write(kind, newsroom.briefing(name=HOSTILE)))
    assert parsed["Bcc"] is None
    assert "<script" not in html
    assert "49" not in str(parsed["Subject"])


def test_a_notice_wears_the_briefing_s_colours_in_both_schemes() -> None:
    look = Look(colors=(("accent", "#0b5c63"), ("dark_accent", "#74cfc6")))
    _, _, html = read(write("confirm", newsroom.briefing(look=look)))
    assert "background-color:#0b5c63" in html
    assert "background-color:#74cfc6!important" in html


def test_a_line_that_begins_with_a_dot_or_from_is_escaped() -> None:
    message = write("confirm", newsroom.briefing(name=".hidden"))
    assert b"\r\n." not in message.data
    _, text, _ = read(message)
    assert ".hidden" in text


def test_an_address_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(HeaderFault):
        write("confirm", newsroom.briefing(), "ana@readers.example\r\nBcc: b@c.example")


def test_every_word_of_the_notices_has_its_spanish() -> None:
    said = {
        message
        for path in (shipped_templates() / "notices").rglob("*.*")
        for _, message, _, _ in extract_from_file("jinja2", path, keywords={"_": None})
    }
    with (CATALOGUES / "es.po").open("rb") as source:
        catalogue = read_po(source, locale="es")
    assert {message.id for message in catalogue if message.id} == said
    named = re.compile(r"%\(\w+\)s")
    for message in catalogue:
        if message.id:
            assert message.string
            assert set(named.findall(str(message.id))) == set(named.findall(str(message.string)))


def test_there_is_a_folder_for_each_kind_and_no_other() -> None:
    folders = {path.name for path in (shipped_templates() / "notices").iterdir()}
    assert folders == {*KINDS, "_base"}


def test_the_publishers_words_come_first_and_the_rest_stays(put: Put, tmp_path: Path) -> None:
    put("notices/confirm/subject.txt", "One more step, please")
    put(
        "notices/confirm/body.txt",
        '{% extends "shipped/confirm/body.txt" %}{% block main %}Here: {{ link }}{% endblock %}',
    )

    parsed, text, html = read(write("confirm", newsroom.briefing(), search_path=[tmp_path]))

    assert parsed["Subject"] == "One more step, please"
    assert f"Here: {LINK}" in text
    assert "Press the button to say that it was you" in html
    assert text.rstrip().endswith("Malta")


def test_one_file_of_the_publishers_changes_the_frame_of_all_notices(
    put: Put, tmp_path: Path
) -> None:
    put(
        "notices/_base/body.html",
        '{% extends "shipped/_base/body.html" %}'
        "{% block css %}{{ super() }}.title{font-size:31px}{% endblock %}"
        "{% block name %}<p>Since 1901</p>{% endblock %}",
    )

    for kind in KINDS:
        _, _, html = read(write(kind, newsroom.briefing(), search_path=[tmp_path]))
        assert "font-size:31px" in html
        assert "Since 1901" in html


@pytest.mark.parametrize("part", ["body.html", "body.txt"])
def test_a_template_that_leaves_out_the_link_is_refused(
    put: Put, tmp_path: Path, part: str
) -> None:
    path = put(f"notices/confirm/{part}", "Welcome!")

    with pytest.raises(ThemeError, match="leaves out the link") as caught:
        write("confirm", newsroom.briefing(), search_path=[tmp_path])

    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("{% if %}", "line 2"),
        ("{{ subscriber }}", "line 2"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "line 2"),
        ('{% include "nowhere.html" %}', "nowhere.html"),
    ],
)
def test_a_fault_in_a_publishers_template_names_its_place(
    put: Put, tmp_path: Path, fault: str, place: str
) -> None:
    path = put("notices/welcome/body.html", f"{{{{ link }}}}\n{fault}")

    with pytest.raises(ThemeError) as caught:
        write("welcome", newsroom.briefing(), search_path=[tmp_path])

    assert place in caught.value.message
    assert str(path) in caught.value.message or "nowhere" in place


def test_a_value_that_a_notice_does_not_get_is_found_beforehand(put: Put, tmp_path: Path) -> None:
    dress = load_theme().dress(Look())
    put("notices/welcome/body.txt", "{{ link }} is good for {{ days }} days")

    check_notices(newsroom.briefing(), newsroom.PUBLICATION, dress, [])
    with pytest.raises(ThemeError, match="'days' is undefined"):
        check_notices(newsroom.briefing(), newsroom.PUBLICATION, dress, [tmp_path])
