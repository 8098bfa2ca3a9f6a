"""DKIM signatures (RFC 6376, RFC 8463) for mail that is canonical already.

A message from `MimeTemplate` has a body whose relaxed canonical form is itself, so the body is
hashed as it is sent, and of its header only three fields differ between readers: the others are
canonicalised once. What remains is the signature: with RSA of 2048 bits about a quarter of a
millisecond, all of it outside the interpreter's lock.

Both algorithms sign, each with a selector of its own: RSA is what everybody verifies, Ed25519
what is small and quick where it is understood (RFC 8463, 4).

What is signed: From, To, Subject, Date, Reply-To, Message-ID, MIME-Version, Content-Type,
Feedback-ID and the List fields (RFC 8058, 4 wants both of one-click's). Each is named once more
than it stands there, so that nobody can add another one (RFC 6376, 5.4.2 and 8.15). There is no
`l=`: what is signed is the whole body. There is no `x=`: a mail that lies in a queue over a weekend
must not lose its name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

__all__ = ["SIGNED", "DkimSigner", "Key", "sign_with"]

SIGNED: Final = (
    "from",
    "to",
    "subject",
    "date",
    "reply-to",
    "message-id",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-help",
    "feedback-id",
)
"""The fields that are signed, each once more than it stands there."""

# These differ by reader: kept, they would only fill the memory.
_ONES_OWN = (b"to:", b"message-id:", b"list-unsubscribe:")
_MOST_KEPT = 512
_FIELD = re.compile(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")
_SPACE = re.compile(rb"[ \t]+")
_LINE = 72

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Key:
    """A private key and the selector that its public half stands under in the DNS."""

    selector: str
    private: PrivateKey


class DkimSigner:
    """Signs for one domain with one or more keys; a `briefing.composition.mime.Signer`. For several
    threads."""

    def __init__(self, domain: str, keys: Sequence[Key]) -> None:
        self._signers = [_one(domain, key) for key in keys]
        self._wanted = {name.encode() for name in SIGNED}
        self._canonical: dict[bytes, tuple[bytes, bytes]] = {}

    def __call__(self, head: bytes, body: bytes) -> bytes:
        """The signature fields, one for each key, for a header and body as they will be sent.

        Both have CRLF line ends, the header ends with one. A body in relaxed canonical form (RFC
        6376, 3.4.4), as `MimeTemplate` makes it, costs one look and no copy.
        """
        found: dict[bytes, list[bytes]] = {}
        for raw in _FIELD.findall(head):
            name, canonical = self._canonicalise(raw)
            if name in self._wanted:
                found.setdefault(name, []).append(canonical)
        names: list[str] = []
        fields: list[bytes] = []
        for wanted in SIGNED:
            there = found.get(wanted.encode(), ())
            # From the bottom up (RFC 6376, 5.4.2).
            fields += reversed(there)
            names += [wanted] * (len(there) + 1)
        digest = base64.b64encode(sha256(_relax(body)).digest())
        listed = ":".join(names)
        above = b"".join(fields)
        return b"".join(signer(above, listed, digest) for signer in self._signers)

    def _canonicalise(self, raw: bytes) -> tuple[bytes, bytes]:
        """Name and relaxed form (RFC 6376, 3.4.2) of a field, with its CRLF."""
        kept = self._canonical.get(raw)
        if kept is not None:
            return kept
        name, _, value = raw.partition(b":")
        name = name.rstrip(b" \t").lower()
        value = _SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")
        canonical = name + b":" + value + b"\r\n"
        if not canonical.startswith(_ONES_OWN):
            if len(self._canonical) >= _MOST_KEPT:
                self._canonical.clear()
            self._canonical[raw] = (name, canonical)
        return name, canonical


def sign_with(private: PrivateKey, signed: bytes) -> bytes:
    """The signature of canonical bytes: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8301), or Ed25519 over
    their SHA-256 (RFC 8463, 3)."""
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return private.sign(sha256(signed).digest())


def _one(domain: str, key: Key) -> Callable[[bytes, str, bytes], bytes]:
    """Signs with one key; everything but the three parts that change is written once."""
    algorithm = "rsa-sha256" if isinstance(key.private, rsa.RSAPrivateKey) else "ed25519-sha256"
    start = f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain};\r\n s={key.selector};".encode()
    heads: dict[str, tuple[bytes, bytes]] = {}

    def write_head(listed: str) -> tuple[bytes, bytes]:
        value = start + b"\r\n h=" + _fold(listed, ":").encode() + b";\r\n bh="
        plain = _SPACE.sub(b" ", value.replace(b"\r\n", b""))
        return b"DKIM-Signature: " + value, b"dkim-signature:" + plain

    def sign(above: bytes, listed: str, digest: bytes) -> bytes:
        if listed not in heads:
            heads[listed] = write_head(listed)
        raw, canonical = heads[listed]
        signed = b"".join((above, canonical, digest, b"; b="))
        signature = base64.b64encode(sign_with(key.private, signed)).decode("ascii")
        lines = [signature[at : at + _LINE] for at in range(0, len(signature), _LINE)]
        return b"".join((raw, digest, b";\r\n b=", "\r\n ".join(lines).encode(), b"\r\n"))

    return sign


def _relax(body: bytes) -> bytes:
    """The body as it is hashed (RFC 6376, 3.4.4)."""
    if not any(mark in body for mark in (b"  ", b"\t", b" \r\n")):
        ends_well = body.endswith(b"\r\n") and not body.endswith(b"\r\n\r\n")
        if ends_well and body != b"\r\n":
            return body
    body = _SPACE.sub(b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" ")
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _fold(listed: str, at: str) -> str:
    lines, line = [], ""
    for word in listed.split(at):
        if len(line) + len(word) + 1 > _LINE:
            lines.append(line)
            line = ""
        line += word + at
    lines.append(line)
    return "\r\n ".join(lines).removesuffix(at)
