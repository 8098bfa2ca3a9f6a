"""Who vouches for a complaint: mailbox providers that sign their feedback reports (DKIM, RFC 6376).

A report counts as a configured reporter's where one signature of the reporter's own domain holds
and covers the whole body, From, and To. From has to be the reporter, since every user of a mailbox
provider sends mail that the provider signs. To has to be an address of ours: a reporter also sends
reports to whoever else asked for them, who may pass them on to us.

Written here with `cryptography`, since what a stranger sends decides how long it takes: dkimpy's
patterns take a time that is quadratic in a run of spaces, its RSA is Python's, and it honours `l=`,
after which anything may be appended.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from email.utils import getaddresses
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

__all__ = ["Lookup", "Reporters"]

Lookup = Callable[[str], Sequence[str]]
"""The TXT records of a name, none where the DNS does not answer. Bounded in time."""

_MOST_SIGNATURES: Final = 5
_LONGEST: Final = 1_000_000
_LONGEST_HEADER: Final = 65_536
_LONGEST_ADDRESS: Final = 1000
_SHORTEST_KEY: Final = 1024  # RFC 8301, 3.2
_WHITE: Final = re.compile(rb"[ \t]+")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})")


class _Field(NamedTuple):
    name: bytes
    whole: bytes  # with its name, its folds and no final line end


class Reporters:
    """The configured reporters: addresses, or whole domains. `domains` are our own, in lower case;
    `lookup` asks the DNS, and only for keys of reporters' domains."""

    def __init__(
        self, reporters: Collection[str], domains: Collection[str], lookup: Lookup
    ) -> None:
        self._reporters = frozenset(one.lower() for one in reporters)
        self._domains = frozenset(domains)
        self._lookup = lookup

    def vouch(self, raw: bytes, now: datetime) -> bool:
        """Whether a configured reporter has signed this mail, and for us. Never raises, whatever
        the mail is; may ask the DNS."""
        if not self._reporters or len(raw) > _LONGEST:
            return False
        try:
            fields, body = _take_apart(raw)
            sender = _only_address(fields, b"from")
            domain = sender.rpartition("@")[2]
            if not sender or not ({sender, domain} & self._reporters):
                return False
            if _only_address(fields, b"to").rpartition("@")[2] not in self._domains:
                return False
            signatures = [field for field in fields if field.name == b"dkim-signature"]
            return any(
                self._holds(signature, fields, body, domain, now)
                for signature in signatures[:_MOST_SIGNATURES]
            )
        except (ValueError, TypeError, LookupError, UnsupportedAlgorithm):
            return False

    def _holds(
        self,
        signature: _Field,
        fields: Sequence[_Field],
        body: Sequence[bytes],
        domain: str,
        now: datetime,
    ) -> bool:
        tags = _read_tags(signature.whole.partition(b":")[2])
        selector, signed = tags.get("s", ""), tags.get("h", "").lower().split(":")
        named = [name.strip().encode("ascii") for name in signed]
        until = tags.get("x", "")
        if (
            tags.get("v") != "1"
            or tags.get("d", "").lower() != domain
            or not _NAME.fullmatch(selector)
            or "l" in tags
            or not {b"from", b"to"} <= set(named)
            or (until and (not until.isdecimal() or int(until[:12]) < now.timestamp()))
        ):
            return False
        head, _, tail = tags.get("c", "simple/simple").partition("/")
        digest = hashlib.sha256(_canonical_body(body, tail or "simple")).digest()
        if digest != _decode(tags.get("bh", "")):
            return False
        text = _canonical_header(named, fields, signature, head)
        records = self._lookup(f"{selector}._domainkey.{domain}")
        return any(
            _verify(record, tags.get("a", ""), _decode(tags.get("b", "")), text)
            for record in records[:3]
        )


def _take_apart(raw: bytes) -> tuple[list[_Field], list[bytes]]:
    """The header's fields, in order, and the lines of the body."""
    lines = [line.removesuffix(b"\r") for line in raw.split(b"\n")]
    end = lines.index(b"") if b"" in lines else len(lines)
    if sum(map(len, lines[:end])) > _LONGEST_HEADER:
        raise ValueError("a header that is longer than any reporter's")
    folded: list[list[bytes]] = []
    for line in lines[:end]:
        if line[:1] in (b" ", b"\t"):
            folded[-1].append(line)
        else:
            folded.append([line])
    fields = [
        _Field(pieces[0].partition(b":")[0].strip().lower(), b"\r\n".join(pieces))
        for pieces in folded
    ]
    return fields, lines[end + 1 :]


def _only_address(fields: Sequence[_Field], name: bytes) -> str:
    """The one address of the only field of a name, in lower case; "" where there are others."""
    values = [field.whole.partition(b":")[2] for field in fields if field.name == name]
    if len(values) != 1 or len(values[0]) > _LONGEST_ADDRESS:
        return ""
    found = getaddresses([" ".join(values[0].decode("ascii").split())])
    return found[0][1].lower() if len(found) == 1 else ""


def _read_tags(value: bytes) -> dict[str, str]:
    """RFC 6376, 3.2; white space in a value says nothing in the tags that are read here."""
    tags: dict[str, str] = {}
    for part in value.decode("ascii").split(";"):
        name, sign, text = part.partition("=")
        if not sign:
            continue
        if name.strip() in tags:
            raise ValueError("a tag stands twice")
        tags[name.strip()] = "".join(text.split())
    return tags


def _canonical_body(lines: Sequence[bytes], way: str) -> bytes:
    """RFC 6376, 3.4.3 and 3.4.4."""
    if way == "relaxed":
        lines = [_WHITE.sub(b" ", line).rstrip(b" ") for line in lines]
    elif way != "simple":
        raise ValueError("no such canonicalization")
    end = len(lines)
    while end and not lines[end - 1]:
        end -= 1
    if not end:
        return b"" if way == "relaxed" else b"\r\n"
    return b"\r\n".join(lines[:end]) + b"\r\n"


def _canonical_header(
    named: Sequence[bytes], fields: Sequence[_Field], signature: _Field, way: str
) -> bytes:
    """RFC 6376, 3.4.1, 3.4.2 and 3.7: the named fields, of several with one name the last first."""
    if way not in ("simple", "relaxed"):
        raise ValueError("no such canonicalization")
    left: dict[bytes, list[_Field]] = {}
    for field in fields:
        left.setdefault(field.name, []).append(field)
    chosen = [left[name].pop() for name in named if left.get(name)]
    parts = [_canonical(field.whole, way) + b"\r\n" for field in chosen]
    return b"".join([*parts, _canonical(_without_value(signature.whole), way)])


def _canonical(whole: bytes, way: str) -> bytes:
    if way == "simple":
        return whole
    name, _, value = whole.partition(b":")
    unfolded = _WHITE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip().lower() + b":" + unfolded


def _without_value(whole: bytes) -> bytes:
    """The signature's field with an empty `b=`."""
    name, colon, value = whole.partition(b":")
    parts = value.split(b";")
    for number, part in enumerate(parts):
        tag, sign, _ = part.partition(b"=")
        if sign and tag.strip() == b"b":
            parts[number] = tag + sign
    return name + colon + b";".join(parts)


def _verify(record: str, algorithm: str, signature: bytes, text: bytes) -> bool:
    """Whether the key of a DNS record made the signature (RFC 6376, 3.6.1; RFC 8463)."""
    tags = _read_tags(record.encode("ascii", "replace"))
    if tags.get("v", "DKIM1") != "DKIM1" or not tags.get("p"):
        return False
    kind, der = tags.get("k", "rsa"), _decode(tags["p"])
    try:
        if kind == "ed25519" and algorithm == "ed25519-sha256":
            own = ed25519.Ed25519PublicKey.from_public_bytes(der)
            own.verify(signature, hashlib.sha256(text).digest())
            return True
        if kind != "rsa" or algorithm != "rsa-sha256":
            return False
        key = load_der_public_key(der)
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _SHORTEST_KEY:
            return False
        key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("is not Base64") from error
