"""Keys: made for their owner alone, read with clear errors, published in strings."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from briefing.composition.keys import describe, make_key, read_key, record, split_record
from briefing.errors import ConfigError, UsageError


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_is_its_owners_alone_and_can_be_read_again(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "dkim" / "a.pem"
    private = make_key(kind, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert record(read_key("a", path).private) == record(private)


def test_an_rsa_key_has_2048_bits(tmp_path: Path) -> None:
    private = make_key("rsa", tmp_path / "a.pem")
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        make_key("rsa", path)
    assert path.read_text() == "mine"


def test_a_record_stands_in_strings_of_255_octets(tmp_path: Path) -> None:
    text = record(make_key("rsa", tmp_path / "a.pem"))
    strings = split_record(text)
    assert [len(part) <= 255 for part in strings] == [True, True]
    assert "".join(strings) == text
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=[A-Za-z0-9+/]+=*", text)
    line = describe("a", "x.example", text)
    assert line == f'a._domainkey.x.example. IN TXT ( "{strings[0]}" "{strings[1]}" )'


def test_an_ed25519_record_has_the_bare_key(tmp_path: Path) -> None:
    text = record(make_key("ed25519", tmp_path / "a.pem"))
    assert re.fullmatch(r"v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=", text)


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_what_cannot_sign_mail_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    with pytest.raises(ConfigError, match="cannot read"):
        read_key("a", path)
    path.write_text("sesame")
    with pytest.raises(ConfigError, match="holds no private key") as caught:
        read_key("a", path)
    assert "sesame" not in str(caught.value)
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ConfigError, match="neither RSA nor Ed25519"):
        read_key("a", path)
