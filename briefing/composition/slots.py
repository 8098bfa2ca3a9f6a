"""The vocabulary of what differs by reader.

A composed edition is rendered once for many readers, so what is one reader's own stands in it as a
*slot*: an address under the reserved name `slot.invalid` (RFC 2606), which no browser can reach and
no URL rewriting damages. `UNSUBSCRIBE` and `PREFERENCES` stay open until the mail of one reader is
spliced; `VIEW` is the same for all readers of an edition (it holds no identity) and is filled with
`fill_edition_slots` before the edition is compiled. What differs in the header alone (To,
Message-ID, the one-click address) needs no slot: `MimeTemplate` knows those places.

Foreign text must never open a slot (promise 9). Composition therefore passes every piece of article
text and every article URL through `neutralise` as the last step before the theme sees it: after
entities are resolved, controls removed and Unicode normalised, since each of those can make the
literal appear where it was not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from html import escape
from typing import Final, NamedTuple

from briefing.errors import ThemeError

__all__ = [
    "NOMINAL_LINK",
    "Links",
    "Slot",
    "SlotFault",
    "fill_edition_slots",
    "find_slots",
    "neutralise",
    "spliced_size",
]

NOMINAL_LINK: Final = 160
"""Bytes a reader's link is taken to have where a size must be told before any reader is known: a
host of some length, a path and a signed token."""


class Slot(StrEnum):
    """A place in the HTML and text parts; the value is what themes write there."""

    UNSUBSCRIBE = "https://slot.invalid/unsubscribe"
    PREFERENCES = "https://slot.invalid/preferences"
    VIEW = "https://slot.invalid/view"


class Links(NamedTuple):
    """One reader's own addresses.

    `unsubscribe` and `preferences` are pages (a GET changes nothing there), `one_click` takes the
    POST of RFC 8058 and goes into `List-Unsubscribe`, as does `mailto`, a whole `mailto:` URI or
    empty. The rest are absolute http(s) URLs in ASCII.
    """

    unsubscribe: str
    preferences: str
    one_click: str
    mailto: str = ""


class SlotFault(ThemeError, ValueError):
    """A slot that does not exist, or one that is still open where it may not be."""


# What follows the name is taken in too, so that `…/unsubscribe?x` or `…/views` is reported instead
# of being filled by half. A full stop or bracket that ends the sentence is left outside.
_ADDRESS = re.compile(
    r"https?://slot\.invalid(?:/[A-Za-z0-9_~%/+-]*(?:[?#.=][A-Za-z0-9_~%/+-]+)*)?", re.IGNORECASE
)
_HOST = re.compile(r"(?<![\w-])slot\.invalid", re.IGNORECASE)


def find_slots(text: str) -> list[Slot]:
    """All slots of a text in order, repeated as often as they stand there.

    Raises `SlotFault` for an address under `slot.invalid` that is no slot.
    """
    return [_name_slot(found) for found in _ADDRESS.findall(text)]


def fill_edition_slots(text: str, values: Mapping[Slot, str], *, html: bool) -> str:
    """Give slots one value for all readers; slots not in `values` stay open.

    `html` says whether `text` is markup, where the value is escaped for an attribute. Raises
    `SlotFault` for an address under `slot.invalid` that is no slot.
    """
    shown = {slot: escape(value) if html else value for slot, value in values.items()}

    def replace(found: re.Match[str]) -> str:
        slot = _name_slot(found[0])
        return shown.get(slot, slot)

    return _ADDRESS.sub(replace, text)


def spliced_size(html: str) -> int:
    """Bytes of the HTML part as mail programs measure it: decoded, in UTF-8, with CRLF at the end
    of lines, and with `NOMINAL_LINK` for each slot that is open."""
    slots = sum(NOMINAL_LINK - len(slot) for slot in find_slots(html))
    return len(html.encode()) + html.count("\n") + slots


def neutralise(text: str) -> str:
    """Foreign text or a foreign URL, changed only where it would open a slot.

    The name becomes `not-a-slot.invalid`: still readable, still a URL where it was one, and still
    under a top-level domain that leads nowhere. Applying it twice changes nothing more.
    """
    return _HOST.sub("not-a-slot.invalid", text)


def _name_slot(address: str) -> Slot:
    try:
        return Slot(address)
    except ValueError:
        msg = f"“{address}” is not a slot"
        raise SlotFault(msg, hint=f"write one of {', '.join(Slot)} exactly so") from None
