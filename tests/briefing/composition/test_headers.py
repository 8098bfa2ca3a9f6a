"""Header fields: encoded by RFC 5322, 2047 and 5891, folded, and closed to injection."""

from __future__ import annotations

import email.policy
import re
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from briefing.composition import headers
from briefing.composition.headers import HeaderFault, SmtpUtf8Needed
from briefing.errors import BriefingError

WORD = re.compile(rb"=\?utf-8\?([qb])\?([^? ]*)\?=")
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=300)
WORDY = st.text(st.sampled_from('ab =?_é日😀."\\()<>,'), max_size=200)


def parse(field: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=email.policy.default).parsebytes(field + b"\r\n")


def decode(value: str) -> str:
    """Encoded words decoded by the older of the library's two decoders."""
    return str(make_header(decode_header(re.sub(r"\r\n(?=[ \t])", "", value))))


def check_shape(field: bytes) -> None:
    assert field.endswith(b"\r\n")
    assert field.isascii()
    lines = field[:-2].split(b"\r\n")
    for line in lines:
        assert b"\n" not in line
        assert b"\r" not in line
        assert len(line) <= 76
        assert line.strip()
        assert line == line.rstrip()
    assert all(line.startswith(b" ") for line in lines[1:])
    for kind, payload in WORD.findall(field):
        assert len(payload) + 12 <= 75
        if kind == b"b":
            assert len(payload) % 4 == 0


@given(TEXT | WORDY)
@example("=?utf-8?q?not_a_word?=")
@example(" leading and  double and trailing ")
@example("x" * 400)
@example("日本の入管法改正案、" * 20)
@example("a" * 66 + " b")
@example("a" * 67 + " b")
@example("a" * 68 + " b")
def test_any_subject_comes_back_as_it_was(subject: str) -> None:
    field = headers.write_text("Subject", subject)
    check_shape(field)
    parsed = parse(field)
    assert str(parsed["Subject"]) == subject
    assert len(parsed.defects) == 0


@given(TEXT | WORDY)
def test_the_older_decoder_reads_any_subject_alike(subject: str) -> None:
    raw = headers.write_text("Subject", subject)[len("Subject:") : -2].decode("ascii")
    assert decode(raw.removeprefix(" ")) == subject


def check_words(subject: str) -> None:
    for found in WORD.finditer(headers.write_text("Subject", subject)):
        ((payload, charset),) = decode_header(found[0].decode("ascii"))
        assert isinstance(payload, bytes)
        assert charset == "utf-8"
        payload.decode("utf-8")


@given(TEXT)
def test_every_encoded_word_decodes_alone(subject: str) -> None:
    check_words(subject)


@pytest.mark.parametrize("before", range(40, 70))
def test_a_character_is_never_split_wherever_the_word_ends(before: int) -> None:
    check_words("a" * before + "€" + "b" * 99)


def test_a_plain_subject_stays_readable() -> None:
    assert headers.write_text("Subject", "Visa rules change on 1 July") == (
        b"Subject: Visa rules change on 1 July\r\n"
    )


def test_a_long_plain_subject_is_folded_at_spaces() -> None:
    field = headers.write_text("Subject", "rules " * 29 + "rules")
    assert b"=?" not in field
    assert field.count(b"\r\n") == 3
    check_shape(field)


def test_mostly_latin_text_is_q_and_other_scripts_are_b() -> None:
    assert b"?q?Caf=C3=A9_news?=" in headers.write_text("Subject", "Café news")
    assert b"?b?" in headers.write_text("Subject", "今日のニュース")


@given(TEXT | WORDY, st.sampled_from(["a@b.example", "x" * 60 + "@" + "y" * 60 + ".example"]))
def test_any_display_name_comes_back_as_it_was(name: str, address: str) -> None:
    field = headers.write_mailbox("To", address, name)
    if len(address) < 60:
        check_shape(field)
    raw = field[len("To: ") : -2].decode("ascii").replace("\r\n ", " ")
    shown = name.strip()
    if not shown:
        assert raw == address
        return
    phrase, _, rest = raw.rpartition(" <")
    assert rest == f"{address}>"
    if phrase.startswith('"'):
        assert re.sub(r"\\(.)", r"\1", phrase[1:-1]) == shown
    else:
        assert decode(phrase) == shown
    (mailbox,) = parse(field)["To"].addresses
    assert mailbox.addr_spec == address


@pytest.mark.parametrize(
    "name", ["Alien Road", "Ana Gómez", "O'Brien, Pat (desk)", 'The "Road"', "路 怪", "Back\\slash"]
)
def test_the_library_reads_a_display_name(name: str) -> None:
    (mailbox,) = parse(headers.write_mailbox("From", "news@alienroad.example", name))[
        "From"
    ].addresses
    assert mailbox.display_name == name


def test_a_sender_is_quoted_and_bracketed() -> None:
    assert headers.write_mailbox("From", "briefing@alienroad.example", "Alien Road") == (
        b'From: "Alien Road" <briefing@alienroad.example>\r\n'
    )


def test_a_nameless_mailbox_is_the_bare_address() -> None:
    assert headers.write_mailbox("To", "ana@example.org") == b"To: ana@example.org\r\n"


def test_an_international_domain_is_written_in_ascii() -> None:
    assert headers.write_mailbox("To", "ana@münchen.example") == (
        b"To: ana@xn--mnchen-3ya.example\r\n"
    )


def test_a_local_part_beyond_ascii_is_refused_unless_asked_for() -> None:
    with pytest.raises(SmtpUtf8Needed, match=r"To: “josé@example\.org”"):
        headers.write_mailbox("To", "josé@example.org", "José")
    assert headers.write_mailbox("To", "josé@bücher.example", "José", utf8=True) == (
        "To: =?utf-8?b?Sm9zw6k=?= <josé@xn--bcher-kva.example>\r\n".encode()
    )


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a..b@example.org", '"a..b"@example.org'),
        ("a b@example.org", '"a b"@example.org'),
        ('"a b"@example.org', '"a b"@example.org'),
        ("a,b@example.org", '"a,b"@example.org'),
        ("a+b@example.org", "a+b@example.org"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
    ],
)
def test_a_local_part_with_specials_is_quoted(address: str, written: str) -> None:
    assert headers.write_address("To", address) == written


@pytest.mark.parametrize(
    "address",
    ["", "ana", "@example.org", "ana@", "ana@exa mple.org", "ana@x>y.org", "a@" + "b." * 130 + "c"],
)
def test_what_is_no_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(HeaderFault, match="Reply-To"):
        headers.write_address("Reply-To", address)


def test_a_long_unsubscribe_address_is_written_literally() -> None:
    url = "https://brief.example/u/" + "a1-_" * 75
    field = headers.write_list_unsubscribe(url, "mailto:leave+x@brief.example?subject=leave")
    assert field == (
        f"List-Unsubscribe: <{url}>,\r\n <mailto:leave+x@brief.example?subject=leave>\r\n".encode()
    )


def test_an_unsubscribe_address_may_fill_the_line_and_no_more() -> None:
    start = "https://brief.example/"
    url = start + "a" * (998 - len("List-Unsubscribe: <>,") - len(start))
    field = headers.write_list_unsubscribe(url, "mailto:x@brief.example")
    assert max(map(len, field.split(b"\r\n"))) == 998
    with pytest.raises(HeaderFault, match="List-Unsubscribe: an address of 978 characters"):
        headers.write_list_unsubscribe(url + "a")


@pytest.mark.parametrize(
    "url", ["", "ftp://a.example/", "https://a.example/x y", "https://a.example/>", "https://é.fr/"]
)
def test_what_is_no_web_address_cannot_unsubscribe(url: str) -> None:
    with pytest.raises(HeaderFault, match="List-Unsubscribe"):
        headers.write_list_unsubscribe(url)


def test_a_list_id_has_its_name_and_identifier() -> None:
    assert headers.write_list_id("Daily", "daily.alienroad.example") == (
        b'List-Id: "Daily" <daily.alienroad.example>\r\n'
    )
    assert headers.write_list_id("", "daily.alienroad.example") == (
        b"List-Id: <daily.alienroad.example>\r\n"
    )


@pytest.mark.parametrize("value", ["daily", "daily briefing.example", "daily@a.example", "d.é"])
def test_a_wrong_list_identifier_is_refused(value: str) -> None:
    with pytest.raises(HeaderFault, match="List-Id"):
        headers.write_list_id("Daily", value)


@pytest.mark.parametrize("value", ["e17:daily:v0:alienroad", ":::alienroad", "e17:::alien"])
def test_a_feedback_id_is_written_as_given(value: str) -> None:
    assert headers.write_feedback_id(value) == f"Feedback-ID: {value}\r\n".encode()


@pytest.mark.parametrize(
    "value",
    ["alienroad", "a:b:c:road", "a:b:c:" + "s" * 16, "a:a:c:alienroad", "a:b c:d:alienroad"],
)
def test_a_wrong_feedback_id_is_refused(value: str) -> None:
    with pytest.raises(HeaderFault, match="Feedback-ID"):
        headers.write_feedback_id(value)


def test_a_message_id_is_a_token() -> None:
    assert headers.write_message_id("e17.k42", "alienroad.example") == (
        b"Message-ID: <e17.k42@alienroad.example>\r\n"
    )
    with pytest.raises(HeaderFault, match="Message-ID"):
        headers.write_message_id("e17 k42", "alienroad.example")


def test_a_date_is_written_in_utc() -> None:
    moment = datetime(2026, 7, 1, 7, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert headers.write_date(moment) == b"Date: Wed, 01 Jul 2026 05:00:05 +0000\r\n"
    assert parse(headers.write_date(moment))["Date"].datetime == moment.astimezone(UTC)


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(HeaderFault, match="Date"):
        headers.write_date(datetime(2026, 7, 1))  # noqa: DTZ001


def test_a_language_tag_is_checked() -> None:
    assert headers.write_language("pt-BR") == b"Content-Language: pt-BR\r\n"
    with pytest.raises(HeaderFault, match="Content-Language"):
        headers.write_language("pt_BR")


@pytest.mark.parametrize("bad", ["\r\nBcc: x@example.org", "\n", "\r", "\0", "\t", "\x7f", "\x85"])
@pytest.mark.parametrize(
    ("header", "write"),
    [
        ("Subject", lambda v: headers.write_text("Subject", v)),
        ("To", lambda v: headers.write_mailbox("To", "a@b.example", f"Ana{v}Lima")),
        ("To", lambda v: headers.write_mailbox("To", f"a{v}@b.example")),
        ("To", lambda v: headers.write_mailbox("To", f"a@b.example{v}")),
        ("From", lambda v: headers.write_mailbox("From", f'"a{v}"@b.example', utf8=True)),
        ("List-Id", lambda v: headers.write_list_id("Daily", f"daily.example{v}")),
        ("List-Id", lambda v: headers.write_list_id(f"Da{v}ily", "daily.example")),
        ("List-Unsubscribe", lambda v: headers.write_list_unsubscribe(f"https://a.example/{v}")),
        (
            "List-Unsubscribe",
            lambda v: headers.write_list_unsubscribe("https://a.example/", f"mailto:a@b{v}"),
        ),
        ("Feedback-ID", lambda v: headers.write_feedback_id(f"a:b:c:alien{v}")),
        ("Message-ID", lambda v: headers.write_message_id(f"a{v}", "b.example")),
        ("Message-ID", lambda v: headers.write_message_id("a", f"b.example{v}")),
        ("Content-Language", lambda v: headers.write_language(f"en{v}")),
    ],
)
def test_no_header_takes_a_line_break_or_control(header: str, write: object, bad: str) -> None:
    assert callable(write)
    with pytest.raises(HeaderFault, match="line break or control character") as caught:
        write(f"{bad}")
    assert caught.value.header == header
    assert str(caught.value).startswith(header)
    assert isinstance(caught.value, BriefingError)
    assert isinstance(caught.value, ValueError)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(HeaderFault, match=r"U\+D800"):
        headers.write_text("Subject", "a\ud800")
