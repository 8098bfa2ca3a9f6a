"""The compiled mail: what goes in comes out, in bytes that nothing on the way needs to change."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from html import escape, unescape
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given
from hypothesis import strategies as st

from briefing.composition.headers import HeaderFault, SmtpUtf8Needed
from briefing.composition.mime import NOMINAL_LINK, BodyFault, MimeTemplate
from briefing.composition.slots import (
    Links,
    Slot,
    SlotFault,
    fill_edition_slots,
    find_slots,
    neutralise,
)
from briefing.model import Recipient

ONE_CLICK = "https://brief.example/leave/" + "A1b2-_" * 46
LINKS = Links(
    unsubscribe="https://brief.example/u/Zm9v.YmFy=?edition=17&x='" + "q" * 90,
    preferences="https://brief.example/p/..." + "." * 200,
    one_click=ONE_CLICK,
    mailto="mailto:leave+Zm9v@brief.example",
)
HTML = (
    f'<p>Hi</p>\n<a href="{Slot.UNSUBSCRIBE}">Leave</a> <a href="{Slot.PREFERENCES}">Choose</a>\n'
    f'<a class="x" href="{Slot.UNSUBSCRIBE}">{Slot.UNSUBSCRIBE}</a>'
)
TEXT = f"Hi\n\nLeave: {Slot.UNSUBSCRIBE}\nChoose: {Slot.PREFERENCES} ({Slot.UNSUBSCRIBE}).\n"
FIELDS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Feedback-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "Content-Language", "MIME-Version", "Content-Type",
]  # fmt: skip
# What trips encoders: runs of white space, dots, mbox lines, escapes, wide and joined characters.
TRICKY = st.lists(
    st.sampled_from(
        [".", "..", " ", "  ", "\t", "\n", "\r\n", "\r", "From ", "=", "=3D", "--", "é", "日",
         "👩‍👧", "\x00", "\x0c", "\x85", "\u2028", "a" * 70, "b" * 75, "<&>\"'",
         Slot.UNSUBSCRIBE + " ", Slot.PREFERENCES + "\n", Slot.UNSUBSCRIBE + ".\n"]
    ),
    max_size=40,
).map("".join)  # fmt: skip
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
LINE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=120)


def compile_edition(**changed: Any) -> MimeTemplate:
    given: dict[str, Any] = {
        "from_name": "Alien Road",
        "from_address": "briefing@alienroad.example",
        "reply_to": "desk@alienroad.example",
        "subject": "Visa rules change",
        "date": datetime(2026, 7, 1, 5, 0, tzinfo=UTC),
        "text": TEXT,
        "html": HTML,
        "list_id": "daily.alienroad.example",
        "list_name": "Alien Road Daily",
        "feedback_id": "e17:daily:v0:alienroad",
        "id_domain": "alienroad.example",
    }
    return MimeTemplate.compile(**given | changed)


def splice(template: MimeTemplate, name: str = "Ana Lima", links: Links = LINKS) -> bytes:
    head, body = template.splice("ana@example.org", name, "e17.k42", links)
    return head + b"\r\n" + body


def fill(text: str, *, html: bool) -> str:
    """What a reader should see, worked out the simple way; line ends as \\n."""
    show = escape if html else str
    text = text.replace(Slot.UNSUBSCRIBE, show(LINKS.unsubscribe))
    text = text.replace(Slot.PREFERENCES, show(LINKS.preferences))
    return re.sub(r"\r\n?", "\n", text)


def read_parts(message: Message) -> tuple[str, str]:
    _, plain, rich = message.walk()
    found = []
    for part in (plain, rich):
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        found.append(payload.decode("utf-8").replace("\r\n", "\n"))
    return found[0], found[1]


def relax(body: bytes) -> bytes:
    """Relaxed body canonicalisation, word for word from RFC 6376, 3.4.4."""
    lines = body.split(b"\r\n")
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def check_body(body: bytes) -> None:
    assert body.isascii()
    assert body.endswith(b"--\r\n")
    assert relax(body) == body
    for line in body[:-2].split(b"\r\n"):
        assert b"\n" not in line
        assert b"\r" not in line
        assert b"\t" not in line
        assert b"  " not in line
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith(b" ")


@given(TRICKY | ANY, TRICKY | ANY)
@example("", "")
@example("x" * 73 + "\n" + "x" * 76 + "\n", "." * 300)
@example("a" * 74 + " \n" + "b" * 75 + " ", "From " * 40 + "\n\n\n")
def test_both_parts_come_back_and_the_bytes_keep_their_rules(text: str, html: str) -> None:
    template = compile_edition(text=text, html=html)
    _, body = template.splice("ana@example.org", "", "e17.k42", LINKS)
    check_body(body)
    wire = splice(template)
    expected = fill(text, html=False), fill(html, html=True)
    for policy in (email.policy.default, email.policy.compat32):
        parsed = email.message_from_bytes(wire, policy=policy)
        assert read_parts(parsed) == expected
        assert not parsed.defects


@given(LINE, LINE, LINE)
def test_headers_come_back_whatever_their_words(subject: str, sender: str, reader: str) -> None:
    wire = splice(compile_edition(subject=subject, from_name=sender, list_name=sender), reader)
    head = wire.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert all(len(line) <= 998 and line == line.rstrip() for line in head.split(b"\r\n"))
    parsed = email.message_from_bytes(wire, policy=email.policy.default)
    assert list(parsed.keys()) == FIELDS
    assert parsed["Subject"] == subject
    assert parsed["To"].addresses[0].addr_spec == "ana@example.org"
    assert parsed["From"].addresses[0].addr_spec == "briefing@alienroad.example"


def test_the_headers_stand_in_a_fixed_order_with_their_values() -> None:
    wire = splice(compile_edition())
    head = wire.partition(b"\r\n\r\n")[0].decode("ascii")
    assert head.split("\r\n")[:-1] == [
        'From: "Alien Road" <briefing@alienroad.example>',
        'To: "Ana Lima" <ana@example.org>',
        "Reply-To: desk@alienroad.example",
        "Subject: Visa rules change",
        "Date: Wed, 01 Jul 2026 05:00:00 +0000",
        "Message-ID: <e17.k42@alienroad.example>",
        'List-Id: "Alien Road Daily" <daily.alienroad.example>',
        f"List-Unsubscribe: <{ONE_CLICK}>,",
        " <mailto:leave+Zm9v@brief.example>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Feedback-ID: e17:daily:v0:alienroad",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Content-Language: en",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
    ]


def test_a_long_one_click_address_is_there_literally() -> None:
    assert len(ONE_CLICK) > 300
    assert f"\r\nList-Unsubscribe: <{ONE_CLICK}>,\r\n".encode() in splice(compile_edition())


def test_the_parts_are_plain_first_then_html() -> None:
    parsed = email.message_from_bytes(splice(compile_edition()), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert parsed.get_body(("plain",)) is not None


def test_links_are_escaped_in_the_html_and_plain_in_the_text() -> None:
    text, html = read_parts(email.message_from_bytes(splice(compile_edition())))
    assert LINKS.unsubscribe in text
    assert f'<a class="x" href="{escape(LINKS.unsubscribe)}">' in html
    assert unescape(html).count(LINKS.unsubscribe) == 3


def test_a_slot_value_has_lines_of_its_own() -> None:
    wire = splice(compile_edition(text=f"See {Slot.PREFERENCES}, please", html=""))
    link = b"https://brief.example/p/" + b"." * 51
    assert b"\r\nSee =\r\n" + link + b"=\r\n=2E" in wire
    assert b"=\r\n, please\r\n" in wire


def test_the_same_edition_compiles_to_the_same_bytes() -> None:
    assert splice(compile_edition()) == splice(compile_edition())


def test_readers_do_not_leak_into_each_other() -> None:
    template = compile_edition()
    first = splice(template)
    other = LINKS._replace(unsubscribe="https://brief.example/u/other")
    assert b"/u/other" in splice(template, "Bo", other)
    assert splice(template) == first


def test_a_splice_leaves_the_template_as_it_was_for_other_threads() -> None:
    template = compile_edition()
    before = template._segments.copy()
    splice(template)
    assert template._segments == before


def test_the_boundary_cannot_be_forged_by_content() -> None:
    boundary = re.search(rb'boundary="([^"]+)"', splice(compile_edition()))
    assert boundary is not None
    forged = f"--{boundary[1].decode()}--\n"
    template = compile_edition(text=forged, html=forged * 2)
    text, html = read_parts(email.message_from_bytes(splice(template)))
    assert (text, html) == (forged, forged * 2)


def test_sizes_are_told_before_any_reader_is_known() -> None:
    template = compile_edition(html=f"é\n<a href='{Slot.UNSUBSCRIBE}'>\r\n")
    assert template.html_size == len("é\r\n<a href=''>\r\n".encode()) + NOMINAL_LINK
    nominal = "https://brief.example/".ljust(NOMINAL_LINK, "x")
    wire = splice(template, links=Links(nominal, nominal, nominal))
    assert abs(template.size - len(wire)) < 250


def test_a_message_is_ready_for_a_mailer() -> None:
    template = compile_edition()
    ana = Recipient(id=7, key=42, address="ana@example.org", name="Ana Lima")
    message = template.render(ana, LINKS, id_left="e17.k42", sender="b+17-42@alienroad.example")
    assert message.recipient_id == 7
    assert message.sender == "b+17-42@alienroad.example"
    assert message.recipient == "ana@example.org"
    assert message.message_id == "<e17.k42@alienroad.example>"
    assert message.data == splice(template)


def test_an_address_beyond_ascii_is_written_where_it_is_asked_for() -> None:
    template = compile_edition()
    jose = Recipient(id=8, key=43, address="josé@example.org")
    with pytest.raises(SmtpUtf8Needed):
        template.render(jose, LINKS, id_left="e17.k43", sender="b@alienroad.example")
    message = template.render(jose, LINKS, id_left="e17.k43", sender="b@a.example", utf8=True)
    assert "\r\nTo: josé@example.org\r\n".encode() in message.data
    assert message.recipient == "josé@example.org"


def test_a_dkim_signature_over_the_spliced_bytes_verifies() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
    seen: list[bytes] = []

    def sign(head: bytes, body: bytes) -> bytes:
        seen.append(body)
        signature = dkim.sign(
            head + b"\r\n" + body,
            b"s1",
            b"alienroad.example",
            private,
            canonicalize=(b"relaxed", b"simple"),
        )
        assert isinstance(signature, bytes)
        return signature

    ana = Recipient(id=7, key=42, address="ana@example.org", name="Ana Gómez")
    template = compile_edition(html=HTML + "  \t \n.\n\n")
    message = template.render(
        ana, LINKS, id_left="e17.k42", sender="b@alienroad.example", sign=sign
    )
    assert message.data.startswith(b"DKIM-Signature:")
    assert message.data.endswith(seen[0])
    assert dkim.verify(message.data, dnsfunc=lambda *_, **__: record)
    tampered = message.data.replace(b"Leave", b"Stay!", 1)
    assert not dkim.verify(tampered, dnsfunc=lambda *_, **__: record)


@pytest.mark.parametrize("url", ["", "/u/x", "https://a.example/x\r\n", "https://a.example/<é>"])
def test_a_wrong_link_refuses_the_reader(url: str) -> None:
    with pytest.raises(BodyFault, match="unsubscribe"):
        splice(compile_edition(), links=LINKS._replace(unsubscribe=url))


@pytest.mark.parametrize(
    ("changed", "header"),
    [
        ({"subject": "News\r\nBcc: x@example.org"}, "Subject"),
        ({"from_name": "Road\nX: y"}, "From"),
        ({"from_address": "road"}, "From"),
        ({"reply_to": "desk"}, "Reply-To"),
        ({"list_id": "daily"}, "List-Id"),
        ({"feedback_id": "daily"}, "Feedback-ID"),
        ({"id_domain": "a b"}, "Message-ID"),
        ({"language": "en\r\n"}, "Content-Language"),
        ({"date": datetime(2026, 7, 1)}, "Date"),  # noqa: DTZ001
    ],
)
def test_a_wrong_edition_is_refused_when_it_is_compiled(
    changed: dict[str, Any], header: str
) -> None:
    with pytest.raises(HeaderFault, match=header):
        compile_edition(**changed)


def test_a_wrong_name_of_a_reader_is_refused_by_header() -> None:
    with pytest.raises(HeaderFault, match="To"):
        splice(compile_edition(), "Ana\r\nBcc: x@example.org")


@pytest.mark.parametrize("part", ["text", "html"])
def test_half_a_character_is_refused_by_part(part: str) -> None:
    with pytest.raises(BodyFault, match=f"(?i)the {part} part"):
        compile_edition(**{part: "a\ud83d"})


def test_an_open_edition_slot_is_refused() -> None:
    with pytest.raises(SlotFault, match="HTML part still has"):
        compile_edition(html=f'<a href="{Slot.VIEW}">')


@pytest.mark.parametrize(
    "address",
    [
        "https://slot.invalid/unsub", "https://slot.invalid/unsubscribe2", "https://slot.invalid",
        "https://slot.invalid/", "http://slot.invalid/view", "HTTPS://SLOT.invalid/unsubscribe",
        "https://slot.invalid/unsubscribe?x=1", "https://slot.invalid/unsubscribe/x",
    ],
)  # fmt: skip
def test_an_unknown_slot_is_an_error(address: str) -> None:
    with pytest.raises(SlotFault, match=re.escape(address)):
        compile_edition(html=f'<a href="{address}">')


def test_slots_are_found_in_order_and_end_where_a_sentence_does() -> None:
    text = f"({Slot.PREFERENCES}) {Slot.UNSUBSCRIBE}. <{Slot.VIEW}>「{Slot.VIEW}」"
    assert find_slots(text) == [Slot.PREFERENCES, Slot.UNSUBSCRIBE, Slot.VIEW, Slot.VIEW]


def test_an_edition_slot_is_filled_and_the_others_stay_open() -> None:
    url = "https://brief.example/view?d=1&e=2"
    source = f"{Slot.VIEW} {Slot.UNSUBSCRIBE}"
    assert fill_edition_slots(source, {Slot.VIEW: url}, html=False) == f"{url} {Slot.UNSUBSCRIBE}"
    assert fill_edition_slots(source, {Slot.VIEW: url}, html=True) == (
        f"{escape(url)} {Slot.UNSUBSCRIBE}"
    )


@given(
    st.lists(
        st.sampled_from(["https://", "slot.invalid", "SLOT.Invalid", "/view", "x", "-", "."]),
        max_size=12,
    ).map("".join)
)
def test_foreign_text_never_opens_a_slot(text: str) -> None:
    quiet = neutralise(text)
    assert find_slots(quiet) == []
    assert neutralise(quiet) == quiet
    if "slot.invalid" not in text.lower():
        assert quiet == text
