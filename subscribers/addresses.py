"""Email addresses: what is one, how it goes on an envelope, when two are the same."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email


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
