"""DKIM signatures, verified by programs of others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from briefing.composition.dkim import SIGNED, DkimSigner, Key
from briefing.composition.keys import record
from briefing.composition.notice import Note, write_notice
from briefing.model import Message, Recipient
from tests.kit import mails, newsroom, parts

DOMAIN = "alienroad.example"
READER = Recipient(7, 7, "ana@reader.example", "Ana  Gómez")


@pytest.fixture(scope="module")
def keys() -> list[Key]:
    return [
        Key("r1", rsa.generate_private_key(65537, 2048)),
        Key("e1", ed25519.Ed25519PrivateKey.generate()),
    ]


@pytest.fixture(scope="module")
def signer(keys: list[Key]) -> DkimSigner:
    return DkimSigner(DOMAIN, keys)


def letter(theme: str, case: str, signer: DkimSigner, reader: Recipient = READER) -> bytes:
    letters = mails.letters(theme, case)
    template = letters.template("")
    assert template is not None
    message = template.render(
        reader, letters.links(reader), id_left="a.b", sender="r@x.example", sign=signer
    )
    return message.data


Look = Callable[..., bytes]


def look_up(keys: Sequence[Key]) -> Look:
    found = {
        f"{key.selector}._domainkey.{DOMAIN}.".encode(): record(key.private).encode()
        for key in keys
    }
    return lambda name, timeout=5: found[name]


def verify(data: bytes, keys: Sequence[Key]) -> list[bool]:
    count = data.lower().count(b"dkim-signature:")
    return [dkim.DKIM(data).verify(idx=n, dnsfunc=look_up(keys)) for n in range(count)]


@pytest.mark.parametrize(("theme", "case"), mails.MAILS, ids=mails.NAMES)
def test_dkimpy_verifies_both_signatures_of_every_kind_of_edition(
    theme: str, case: str, signer: DkimSigner, keys: list[Key]
) -> None:
    assert verify(letter(theme, case, signer), keys) == [True, True]


def test_many_readers_are_signed_by_one_signer(signer: DkimSigner, keys: list[Key]) -> None:
    for number in range(1, 8):
        reader = Recipient(number, number, f"r{number}@reader.example", "Ñ" * number)
        assert verify(letter("gazette", "full_day", signer, reader), keys) == [True, True]


def test_mail_program_mail_dkim_verifies_them(
    signer: DkimSigner, keys: list[Key], tmp_path: Path
) -> None:
    """Mail::DKIM, what SpamAssassin uses, with the keys given to it instead of the DNS."""
    perl = parts.program("mail-dkim", "perl")
    script = tmp_path / "verify.pl"
    script.write_text(PERL)
    probe = [perl, "-MMail::DKIM::Verifier", "-e", "1"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        parts.skip("mail-dkim")
    pairs = [f"{key.selector}._domainkey.{DOMAIN}={record(key.private)}" for key in keys]
    done = subprocess.run(
        [perl, str(script), *pairs],
        input=letter("gazette", "full_day", signer),
        capture_output=True,
        check=True,
    )
    first, second = done.stdout.decode().splitlines()
    assert first == "rsa-sha256 pass"
    # Its older versions do not know Ed25519, and say so; that spoils nothing (RFC 8463, 3).
    assert second in ("ed25519-sha256 pass", "ed25519-sha256 invalid")


PERL = r"""
use strict; use warnings;
use Mail::DKIM::Verifier; use Mail::DKIM::PublicKey; use Mail::DKIM::DNS;
my %known = map { my ($n, $v) = split /=/, $_, 2; ($n => $v) } @ARGV;
{ no warnings 'redefine';
  *Mail::DKIM::DNS::query = sub {
    my ($name, $type) = @_;
    return unless exists $known{$name};
    require Net::DNS::RR;
    my $text = join ' ', map { "\"$_\"" } ($known{$name} =~ /(.{1,255})/g);
    return Net::DNS::RR->new("$name. 60 IN TXT $text");
  };
}
my $dkim = Mail::DKIM::Verifier->new();
binmode STDIN;
while (<STDIN>) { s/\r?\n$//; $dkim->PRINT("$_\r\n"); }
$dkim->CLOSE;
print join(' ', $_->algorithm, $_->result), "\n" for $dkim->signatures;
"""


def test_opendkim_verifies_them(signer: DkimSigner, keys: list[Key], tmp_path: Path) -> None:
    program = parts.program("opendkim", "opendkim")
    rsa_key, _ = keys
    (tmp_path / "keys").write_text(f"r1._domainkey.{DOMAIN} {record(rsa_key.private)}\n")
    mail = tmp_path / "mail.eml"
    # OpenDKIM knows RSA alone.
    mail.write_bytes(letter("gazette", "full_day", DkimSigner(DOMAIN, [rsa_key])))
    settings = tmp_path / "opendkim.conf"
    settings.write_text(f"TestPublicKeys {tmp_path / 'keys'}\nMode v\n")
    command = [program, "-x", str(settings), "-t", str(mail), "-vv"]

    def run() -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert "succeeded" in run()
    mail.write_bytes(mail.read_bytes().replace(b"Border towns", b"Harbour towns"))
    assert "succeeded" not in run()


@pytest.mark.parametrize(
    "change",
    [
        (b"Border towns", b"Harbour towns"),
        (b"ana@reader.example", b"eve@reader.example"),
        (b"List-Unsubscribe-Post: List", b"List-Unsubscribe-Post: Lost"),
        (b"Date: Fri", b"Date: Sat"),
    ],
)
def test_a_change_breaks_them(
    change: tuple[bytes, bytes], signer: DkimSigner, keys: list[Key]
) -> None:
    data = letter("gazette", "full_day", signer)
    assert change[0] in data
    assert verify(data.replace(*change, 1), keys) == [False, False]


@pytest.mark.parametrize("name", SIGNED)
def test_nobody_can_add_a_second_of_the_fields_that_count(
    name: str, signer: DkimSigner, keys: list[Key]
) -> None:
    data = letter("gazette", "full_day", signer)
    head, gap, body = data.partition(b"\r\n\r\n")
    assert verify(head + f"\r\n{name}: another".encode() + gap + body, keys) == [False, False]


def test_everything_that_should_be_is_signed_once_more_than_it_stands_there(
    signer: DkimSigner,
) -> None:
    data = letter("gazette", "full_day", signer)
    head = data.partition(b"\r\n\r\n")[0]
    (listed,) = {
        re.sub(rb"\s", b"", found) for found in re.findall(rb"(?<!b)h=([^;]+);", head, re.DOTALL)
    }
    names = listed.decode().split(":")
    for name in SIGNED:
        there = len(re.findall(rf"^{name}:".encode(), head, re.MULTILINE | re.IGNORECASE))
        assert names.count(name) == there + 1
    assert b" l=" not in head


def test_the_signature_fields_are_lines_of_a_mail(signer: DkimSigner) -> None:
    data = letter("gazette", "full_day", signer)
    for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        assert len(line) <= 998
        assert line.isascii()
    signature = data.partition(b"From:")[0]
    assert max(map(len, signature.split(b"\r\n"))) <= 78


def test_a_notice_is_signed_though_its_body_is_not_canonical(
    signer: DkimSigner, keys: list[Key]
) -> None:
    text = "Two  spaces,\n\na tab\tand an end \n\n\n"
    note = Note("Please confirm", text=text, html="<p>Two  spaces</p>\n", language="en")
    message = write_notice(
        note,
        newsroom.briefing(),
        "ana@reader.example",
        number=-1,
        id_left="notice.x",
        sender="r@x.example",
        date=datetime(2026, 3, 10, tzinfo=UTC),
        sign=signer,
    )
    assert isinstance(message, Message)
    assert verify(message.data, keys) == [True, True]


@pytest.mark.parametrize(
    "body",
    [b"", b"\r\n", b"x\r\n\r\n\r\n", b"a  b \t c \r\n d\r\n", b" \r\n\r\n", b"a\t\r\n"],
)
def test_any_body_is_hashed_as_rfc_6376_says(
    body: bytes, signer: DkimSigner, keys: list[Key]
) -> None:
    head = b"From: a@alienroad.example\r\nTo:  b@c.example\r\nSubject:\ta\r\n  b \r\n"
    assert verify(signer(head, body) + head + b"\r\n" + body, keys) == [True, True]
