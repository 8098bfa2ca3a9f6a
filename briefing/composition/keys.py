"""Keys that mail is signed with: made, read, and as the records that the DNS publishes.

RSA keys have 2048 bits: RFC 8301 asks for no fewer, and with more the record outgrows what many
DNS services take. A record's text stands in strings of at most 255 octets (RFC 1035, 3.3), which
verifiers join without anything between (RFC 6376, 3.6.2.2).
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from briefing.composition.dkim import Key, PrivateKey
from briefing.errors import ConfigError, UsageError

__all__ = ["describe", "make_key", "read_key", "record", "split_record"]

_BITS = 2048
_STRING = 255


def make_key(kind: str, path: Path) -> PrivateKey:
    """A new key in a new file (PEM, PKCS 8), for its owner alone; `kind` is "rsa" or "ed25519".

    Raises `UsageError` where there is a file of that name already, which stays as it is.
    """
    private: PrivateKey = (
        rsa.generate_private_key(65537, _BITS)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{path} exists already",
            hint="choose another name; mail on its way needs the old key",
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint="choose a folder that can be written"
        ) from None
    with os.fdopen(opened, "wb") as file:
        file.write(pem)
    return private


def read_key(selector: str, path: Path) -> Key:
    """A key from its file. Raises `ConfigError` naming it where it is none that can sign mail."""
    hint = "make one with `briefing dkim keygen`"
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint=hint) from None
    except (ValueError, TypeError):
        # Nothing of the reason is told: what is in the file is secret.
        raise ConfigError(f"{path} holds no private key in PEM form", hint=hint) from None
    if isinstance(private, rsa.RSAPrivateKey):
        if private.key_size < 1024:
            raise ConfigError(
                f"the key in {path} has {private.key_size} bits; nobody believes it (RFC 8301)",
                hint=hint,
            )
        return Key(selector, private)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return Key(selector, private)
    raise ConfigError(f"the key in {path} is neither RSA nor Ed25519", hint=hint)


def record(private: PrivateKey) -> str:
    """The text of the TXT record for a key (RFC 6376, 3.6.1; RFC 8463, 4)."""
    public = private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        octets = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        kind = "rsa"
    else:
        octets = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        kind = "ed25519"
    return f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode('ascii')}"


def split_record(text: str) -> list[str]:
    """The strings of at most 255 octets that a record's text is published in."""
    return [text[at : at + _STRING] for at in range(0, len(text), _STRING)]


def describe(selector: str, domain: str, text: str) -> str:
    """A record as a line of a zone file, strings quoted."""
    strings = " ".join(f'"{part}"' for part in split_record(text))
    return f"{selector}._domainkey.{domain}. IN TXT ( {strings} )"
