"""The addresses a message travels under, as they may go on the wire."""

from __future__ import annotations

import re

import idna

__all__ = ["wire_address"]

# RFC 5321 4.5.3.1.3: a path is at most 256 octets with its angle brackets.
_LONGEST = 254
# What nearly every address looks like: checked in one match, with no need of a closer look.
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,188}")
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+|\[[A-Za-z0-9.:-]+\]")


def wire_address(address: str) -> tuple[bytes, bool]:
    """The address as the octets of MAIL and RCPT, and whether they need SMTPUTF8 (RFC 6531).

    An internationalised domain becomes A-labels (RFC 5891), which every server takes; only a
    non-ASCII local part has no such spelling. Whether the mailbox exists is the server's to say.

    Raises `ValueError` with the reason for an address that could break out of the command (line
    breaks, controls, spaces, angle brackets) or that has no place to go.
    """
    if _PLAIN.fullmatch(address):
        return address.encode("ascii"), False
    if any(not char.isprintable() or char in " <>" for char in address):
        raise ValueError("the address holds a line break, control character, space or bracket")
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise ValueError("the address lacks a name or a domain")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ValueError(f"the domain is no internationalised name: {error}") from None
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("the domain holds characters that no domain has")
    wire = f"{local}@{domain}".encode()
    if len(wire) > _LONGEST:
        raise ValueError(f"the address is longer than {_LONGEST} octets")
    return wire, not local.isascii()
