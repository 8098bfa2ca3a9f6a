"""Email addresses: what is one, how it goes on an envelope, when two are the same."""

from __future__ import annotations

import hashlib
import hmac
import re
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


class AddressRefused(ValueError):
    """Not an address mail can be sent to; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """`envelope` has its domain in ASCII (RFC 5890) and the local part as given; `folded` is for
    comparing: local part NFC and case-folded, although RFC 5321 lets a server tell cases apart,
    because no large provider does and people type both."""

    envelope: str
    folded: str


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
    domain = checked.ascii_domain.lower()
    return Address(
        envelope=f"{checked.local_part}@{domain}",
        folded=f"{unicodedata.normalize('NFC', checked.local_part.casefold())}@{domain}",
    )


def mark_address(folded: str, pepper: bytes) -> str:
    """The one-way mark by which a suppressed or erased address is recognised again.

    Keyed (`pepper`), since a plain hash of an address is found by trying the known ones.
    """
    return hmac.digest(pepper, folded.encode(), hashlib.sha256).hex()
