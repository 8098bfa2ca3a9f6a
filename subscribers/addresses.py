"""Email addresses: what is one, how it goes on an envelope, when two are the same."""

from __future__ import annotations

import hashlib
import hmac
import re
import string
import unicodedata
from dataclasses import dataclass

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

# What nearly all addresses look like, and a part of what the validator takes; it asks 20 times as
# long, which shows when a million move in. No double hyphen: that may be an encoded name, or wrong.
_PLAIN = re.compile(
    r"(?!.*--)(?=[^@]{1,64}@)"
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    rf"(?!(?:{'|'.join(SPECIAL_USE_DOMAIN_NAMES)})\Z)[a-z]{{2,63}}",
    re.ASCII | re.IGNORECASE,
)
_LONGEST = 254
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class AddressRefused(ValueError):
    """Not an address mail can be sent to; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """`envelope` has its domain in ASCII (RFC 5890) and the local part as given, in NFC (RFC 6532,
    3.1); `folded` is for comparing, and is `envelope` with A to Z in lower case.

    RFC 5321 (2.4) lets a server tell "Ana" from "ana", but no large provider does and people type
    both, so they are one person here. Nothing more is alike: what becomes of letters outside ASCII
    is for the receiving server alone to say (RFC 6530, 4.3; RFC 6531 maps none of them). A
    case-fold would make "ſam" of somebody else into "sam", "straße" into "strasse", and NFKC
    "ｓａｍ" into "sam": mailboxes of three people.
    """

    envelope: str
    folded: str


def fold_address(envelope: str) -> str:
    """An address as compared: A to Z in lower case, and no other letter touched."""
    # `str.lower` would also turn U+212A, the Kelvin sign, into "k", and U+0130 into two letters.
    return envelope.translate(_LOWER)


def casefold_address(folded: str) -> str:
    """An address as it was compared before 0.1.0: for marks that were made then."""
    local, _, domain = folded.rpartition("@")
    return f"{unicodedata.normalize('NFC', local.casefold())}@{domain}"


def read_address(raw: str) -> Address:
    """Check and normalise an address without asking DNS. Raises `AddressRefused`."""
    if len(raw) <= _LONGEST and _PLAIN.fullmatch(raw):
        folded = raw.lower()
        local, _, domain = raw.rpartition("@")
        # The validator lowers the names of offices, as RFC 2142 has it.
        if raw == folded or local.lower() not in CASE_INSENSITIVE_MAILBOX_NAMES:
            return Address(f"{local}@{domain.lower()}", folded)
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in raw)
    if any(unicodedata.category(c) == "Cc" for c in raw.strip()):
        msg = f"“{shown}” holds a line break or control character"
        raise AddressRefused(msg)
    try:
        checked = validate_email(
            raw.strip(),
            check_deliverability=False,
            allow_smtputf8=True,
            allow_quoted_local=False,
            strict=True,
            globally_deliverable=False,
        )
    except EmailNotValidError as error:
        msg = f"“{shown}” is not an email address: {error}"
        raise AddressRefused(msg) from error
    if "." not in checked.ascii_domain:
        msg = f"“{shown}” is not an email address: its domain has no dot"
        raise AddressRefused(msg)
    envelope = f"{checked.local_part}@{checked.ascii_domain.lower()}"
    return Address(envelope, fold_address(envelope))


def mark_address(folded: str, pepper: bytes) -> str:
    """The one-way mark by which a suppressed or erased address is recognised again.

    Keyed (`pepper`), since a plain hash of an address is found by trying the known ones.
    """
    return hmac.digest(pepper, folded.encode(), hashlib.sha256).hex()
