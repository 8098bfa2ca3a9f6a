"""Our own signed marks in what comes back: which edition and reader it is about.

Each mail carries the same mark twice, in its Message-ID and (VERP) in the envelope sender. A mark
is genuine or it is nothing, so that it may be looked for anywhere: in the headers a report returns,
in what a complaint has left of the mail, in a provider's event.
"""

from __future__ import annotations

import re
from typing import Final

from subscribers.tokens import Door, Tokens

__all__ = ["Marks"]

_SEALED = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])")
# More than any mail of ours holds; each costs a few microseconds.
_MOST: Final = 200


class Marks:
    """Reads marks with the signing keys."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def find(self, raw: bytes) -> tuple[int, int] | None:
        """The edition and reader that the text is about; None where no genuine mark is in it, or
        marks of several readers are, which is no report about one of them."""
        found = self._read(Door.RETURN, raw)
        return found.pop() if len(found) == 1 else None

    def find_leaving(self, text: str) -> tuple[int, int] | None:
        """The edition and reader of a `mailto:` link's mark, in an address or a subject."""
        found = self._read(Door.LEAVE, text.encode(errors="replace"))
        return found.pop() if len(found) == 1 else None

    def _read(self, door: Door, raw: bytes) -> set[tuple[int, int]]:
        # Quoted-printable breaks lines anywhere.
        joined = raw.replace(b"=\r\n", b"").replace(b"=\n", b"")
        found = set()
        for tried, match in enumerate(_SEALED.finditer(joined)):
            if tried == _MOST:
                break
            if (sealed := self._tokens.unseal(door, match[0].decode())) is not None:
                found.add(sealed)
        return found
