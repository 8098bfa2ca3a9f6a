"""Whose complaints are believed: reports that a configured reporter signed, for us, and whole."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from briefing.returns import Reporters
from briefing.store import Database
from tests.briefing.returns.conftest import Office, complaint, make_office

ANNA = "reader1@readers.example"
REPORTER = "feedback@mailbox.example"
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
NOW_HEADERS = (b"from", b"to", b"subject", b"date", b"message-id", b"content-type")


def record(key: rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def sign(
    text: str,
    *,
    key: rsa.RSAPrivateKey = KEY,
    domain: str = "mailbox.example",
    way: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    names: Sequence[bytes] = NOW_HEADERS,
    length: bool = False,
) -> bytes:
    """Signed by dkimpy, which is not what verifies."""
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    raw = text.replace("\n", "\r\n").encode()
    header = dkim.sign(
        raw, b"s1", domain.encode(), pem, canonicalize=way, include_headers=names, length=length
    )
    return bytes(header) + raw


class Names:
    """The DNS, and what it was asked."""

    def __init__(self) -> None:
        self.records = {
            "s1._domainkey.mailbox.example": [record(KEY)],
            "s1._domainkey.evil.example": [record(OTHER)],
        }
        self.asked: list[str] = []

    def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        return self.records.get(name, [])


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def office(sqlite: Database, names: Names) -> Office:
    reporters = Reporters([REPORTER], ["alienroad.example"], names)
    office = make_office(sqlite, reporters=reporters)
    office.send()
    return office


@pytest.mark.parametrize(
    "way", [(one, other) for one in (b"simple", b"relaxed") for other in (b"simple", b"relaxed")]
)
def test_a_signed_complaint_suppresses_whoever_it_names(
    office: Office, way: tuple[bytes, bytes]
) -> None:
    office.take_mail(sign(complaint(recipient=ANNA), way=way))
    assert office.suppressed() == {ANNA: "complaint"}
    assert office.kept(ANNA)[0].ground == "reporter"


def test_a_signed_complaint_with_only_our_mark_suppresses(office: Office) -> None:
    office.take_mail(sign(complaint(returned=office.marked(ANNA))))
    assert office.suppressed() == {ANNA: "complaint"}


def test_who_was_sent_nothing_has_nothing_to_complain_of(office: Office, sqlite: Database) -> None:
    stranger = make_office(sqlite, readers=9, reporters=office.intake._reporters)
    stranger.take_mail(sign(complaint(recipient="reader9@readers.example")))
    assert office.suppressed() == {}
    assert office.kept("reader9@readers.example")[0].ground == "not-sent"


GOOD = complaint(recipient=ANNA)


@pytest.mark.parametrize(
    "raw",
    [
        GOOD.encode(),
        sign(GOOD).replace(b"reader1@", b"reader2@"),
        sign(GOOD) + b"appended\r\n",
        sign(GOOD, key=OTHER),
        sign(GOOD, key=OTHER, domain="evil.example"),
        sign(GOOD.replace(REPORTER, "anybody@mailbox.example")),
        sign(GOOD.replace("complaints@alienroad.example", "fbl@evil.example")),
        sign(GOOD, names=[b"from", b"subject"]),
        sign(GOOD, length=True),
        b"From: <feedback@mailbox.example>\r\n" + sign(GOOD),
        b"To: <fbl@evil.example>\r\n" + sign(GOOD),
        sign(GOOD).replace(b"v=1;", b"v=1; x=1;", 1),
        sign(GOOD).replace(b"s=s1", b"s=../..", 1),
        b"DKIM-Signature: " + b";=" * 1000 + b"\r\n" + GOOD.encode(),
    ],
    ids=[
        "unsigned", "changed", "appended", "another-key", "another-domain", "another-user",
        "for-somebody-else", "to-is-not-signed", "with-a-length", "two-from", "two-to",
        "expired", "selector", "garbage",
    ],
)  # fmt: skip
def test_no_other_report_suppresses(office: Office, raw: bytes) -> None:
    office.take_mail(raw)
    assert office.suppressed() == {}


def test_the_dns_is_asked_for_keys_of_reporters_alone(office: Office, names: Names) -> None:
    office.take_mail(sign(GOOD, key=OTHER, domain="evil.example"))
    office.take_mail(GOOD)
    assert names.asked == []


def test_a_dns_without_an_answer_vouches_for_nobody(office: Office, names: Names) -> None:
    names.records.clear()
    office.take_mail(sign(GOOD))
    assert office.suppressed() == {}
    assert names.asked == ["s1._domainkey.mailbox.example"]
