"""A message taken apart, and what several have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from briefing.mailers.letter import Letter, bare, quoted, share
from briefing.model import Message
from tests.kit.providers import parse

MakeMails = Callable[..., list[Message]]


def test_the_parts_are_those_that_a_mail_program_reads(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    content, parsed = Letter(mail).content, parse(mail.data)
    text, html = parsed.iter_parts()
    assert content.subject == parsed["Subject"]
    assert content.text.replace("\r\n", "\n") == text.get_content().replace("\r\n", "\n")
    assert content.html.replace("\r\n", "\n") == html.get_content().replace("\r\n", "\n")


def test_names_are_decoded_and_the_readers_address_is_the_envelopes(make_mails: MakeMails) -> None:
    letter = Letter(make_mails(1)[0])
    assert letter.sender == ("Alien Road", "briefing@alienroad.example")
    assert letter.reader == ("Ana Gómez, editor", "reader1@readers.example")
    assert letter.reply_to is None


def test_the_fields_left_over_are_on_one_line_each_and_ascii(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    folded = mail.data.replace(
        b'List-Id: "The Daily Briefing"', b"List-Id: =?utf-8?q?Di=C3=A1rio?=\r\n", 1
    )
    fields = Letter(dataclasses.replace(mail, data=folded)).fields
    assert fields["List-Id"] == "=?utf-8?q?Di=C3=A1rio?= <daily.alienroad.example>"
    assert list(fields) == [
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Feedback-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "Content-Language",
    ]


def test_what_is_no_mail_says_so(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    empty = dataclasses.replace(mail, data=b"Subject: x\r\n\r\n")
    with pytest.raises(ValueError, match="neither"):
        _ = Letter(empty).content


def test_letters_of_one_content_differ_in_their_addresses_alone(make_mails: MakeMails) -> None:
    letters = [Letter(mail) for mail in make_mails(5)]
    (shared,) = share(letters)
    assert len(shared.tags) == 2
    for letter, values in zip(letters, shared.values, strict=True):
        html = shared.html
        for tag in shared.tags:
            html = html.replace(tag, values[tag])
        assert html == letter.content.html


def test_one_letter_has_nothing_to_share(make_mails: MakeMails) -> None:
    (shared,) = share([Letter(make_mails(1)[0])])
    assert (shared.tags, shared.values) == ([], [{}])


def test_letters_that_differ_in_a_word_share_nothing(make_mails: MakeMails) -> None:
    one, other = make_mails(2)
    changed = dataclasses.replace(other, data=other.data.replace(b"Ferry", b"Bus"))
    changed = dataclasses.replace(changed, data=changed.data.replace(b"shelters", b"schools"))
    assert len(share([Letter(one), Letter(changed)])) == 2


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "a@b.example"),
        ("Ana", '"Ana" <a@b.example>'),
        ('A "B" \\ C', '"A \\"B\\" \\\\ C" <a@b.example>'),
    ],
)
def test_a_mailbox_is_quoted(name: str, written: str) -> None:
    assert quoted((name, "a@b.example")) == written


def test_a_list_id_goes_without_its_name() -> None:
    assert bare('"The Daily" <daily.example.org>') == "<daily.example.org>"
    assert bare("daily.example.org") == "daily.example.org"
