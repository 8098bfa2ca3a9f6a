"""Signed tokens for links in mail. Each opens one door (promise 6).

A token is base64url of 8 bytes subject and 12 bytes HMAC-SHA256, 27 characters: short enough for
one line of a message, and made in two microseconds, since every reader of every edition gets some.
The MAC covers the door and a scope (the briefing's slug), so that no token opens another door or
another briefing. 96 bits of MAC are out of reach for guessing through a web page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum

_MAC = 12
_MOST_KEYS = 512
_MOST_EDITIONS, _MOST_READERS = 2**32 - 1, 2**48 - 1


class Door(StrEnum):
    """What a token is good for."""

    UNSUBSCRIBE = "unsubscribe"
    CONFIRM = "confirm"
    PREFERENCES = "preferences"
    VIEW = "view"
    JOIN = "join"
    """The form of the joining page: its subject is when it was shown, in seconds since 1970."""
    RETURN = "return"
    """What comes back: a sealed edition and reader in the envelope sender and the Message-ID."""
    LEAVE = "leave"
    """Leaving by a mail: the same two in the address of a `mailto:` link."""


class Tokens:
    """Makes and reads tokens. `secrets` are tried in order; the first one signs."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            msg = "at least one secret is needed to sign links"
            raise ValueError(msg)
        self._roots = [secret.encode() for secret in secrets]
        self._keys: dict[tuple[str, str], list[bytes]] = {}

    def sign(self, door: Door, subject: int, scope: str = "") -> str:
        """A token for `subject` (0 … 2**63 - 1) at one door, within one scope."""
        body = subject.to_bytes(8, "big")
        mac = hmac.digest(self._derived(door, scope)[0], body, hashlib.sha256)[:_MAC]
        return base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()

    def read(self, door: Door, token: str, scope: str = "") -> int | None:
        """The subject, or None for anything that was not signed for this door and scope."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=", altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        if len(raw) != 8 + _MAC:
            return None
        body, mac = raw[:8], raw[8:]
        good = False
        for key in self._derived(door, scope):
            good |= hmac.compare_digest(mac, hmac.digest(key, body, hashlib.sha256)[:_MAC])
        return int.from_bytes(body, "big") if good else None

    def seal(self, door: Door, edition: int, reader: int) -> str:
        """40 hexadecimal digits that hold an edition (below 2**32) and a reader (below 2**48): the
        same every time, and told from noise only by `unseal`.

        They stand in addresses, where no case survives, and say nothing to whoever else reads them:
        the numbers are masked by their own MAC of 80 bits (a synthetic IV, as in RFC 5297).
        """
        body = ((edition & _MOST_EDITIONS) << 48 | reader & _MOST_READERS).to_bytes(10, "big")
        mac = hmac.digest(self._derived(door, "mac")[0], body, hashlib.sha256)[:10]
        return (mac + _mask(body, self._derived(door, "mask")[0], mac)).hex()

    def unseal(self, door: Door, sealed: str) -> tuple[int, int] | None:
        """Edition and reader, or None for what was not sealed for this door."""
        try:
            raw = bytes.fromhex(sealed)
        except ValueError:
            return None
        if len(raw) != 20:
            return None
        mac, masked = raw[:10], raw[10:]
        found = None
        for mac_key, mask_key in zip(
            self._derived(door, "mac"), self._derived(door, "mask"), strict=True
        ):
            body = _mask(masked, mask_key, mac)
            if hmac.compare_digest(mac, hmac.digest(mac_key, body, hashlib.sha256)[:10]):
                found = int.from_bytes(body, "big")
        return None if found is None else (found >> 48, found & _MOST_READERS)

    def digest(self, purpose: str, text: str) -> bytes:
        """32 bytes that only a holder of the signing secret can make, the same every time."""
        return hmac.digest(self._roots[0], f"{purpose}\0{text}".encode(), hashlib.sha256)

    def _derived(self, door: Door, scope: str) -> list[bytes]:
        # One key per door and scope. Readers of old mail ask for briefings that are no more, and
        # anybody for ones that never were: these are not kept beyond a bound.
        keys = self._keys.get((door, scope))
        if keys is None:
            name = f"token\0{door}\0{scope}".encode()
            keys = [hmac.digest(root, name, hashlib.sha256) for root in self._roots]
            if len(self._keys) < _MOST_KEYS:
                self._keys[door, scope] = keys
        return keys


def _mask(block: bytes, key: bytes, mac: bytes) -> bytes:
    pad = hmac.digest(key, mac, hashlib.sha256)[:10]
    return (int.from_bytes(block, "big") ^ int.from_bytes(pad, "big")).to_bytes(10, "big")
