"""Text that must never be printed."""

from __future__ import annotations

import hmac

__all__ = ["HIDDEN", "Secret"]

HIDDEN = "••••"


class Secret:
    """Wraps a password or key: whoever prints, logs or formats it gets dots.

    `reveal()` is the one way to the text. Comparing two takes the same time wherever they differ.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)
