"""Names of hosts that a picture in a mail may come from: those of the public web.

A mail is opened on networks we know nothing of. A picture from `192.168.0.1` or `printer` would
have a reader's own machine call a stranger's choice of neighbour; one from a bare number has no
certificate that says whose it is.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

__all__ = ["Unfit", "judge"]


class Unfit(StrEnum):
    """Why no reader is sent to a host."""

    NUMBER = "number"
    PRIVATE = "private"


# Hosts that end in one of these are no public ones: IANA, Special-Use Domain Names (RFC 6761, 6762,
# 7686, 8375, 9476) but for "example", which the examples of every manual use; "internal" (ICANN,
# 2024); and what networks call themselves (ICANN, Name Collision; RFC 6762, appendix G).
_SPECIAL: Final = {"alt", "arpa", "invalid", "local", "localhost", "onion", "test", "internal"}
_CUSTOMARY: Final = {"corp", "domain", "home", "intranet", "lan", "localdomain", "mail", "private"}
_PRIVATE: Final = frozenset(_SPECIAL | _CUSTOMARY | {"workgroup"})
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# A host whose last label is a number is read as an IPv4 address, in decimal, octal or hexadecimal,
# of one to four parts (WHATWG URL, "ends in a number checker").
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


def judge(host: str) -> Unfit | None:
    """What is wrong with a host as a place for pictures; it is in ASCII, without port or brackets.

    A dot at its end changes nothing: it is the root's.
    """
    labels = host.lower().removesuffix(".").split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        return Unfit.NUMBER
    fit = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    return None if fit and labels[-1] not in _PRIVATE else Unfit.PRIVATE
