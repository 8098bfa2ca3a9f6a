"""Webhooks of providers: what a call has to prove, and what it says.

Each provider has a file of its own, under the name its mailer has: a class with `provider` and
`read`. It verifies first and reads then; it reaches neither database nor clock. What it does not
know is an event of kind `unknown`, never an error, so that the provider does not send it for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from briefing.returns.intake import OnceOnly
from briefing.returns.tokens import Marks
from briefing.store.returns import RAW, Declared, Event, EventKind

__all__ = ["BODY", "Forged", "Hook", "NotNow", "Teller", "WebhookCall"]

BODY: Final = 1_000_000
"""Bytes a call may have: SendGrid, the largest, sends up to 768 KB."""

_MOST_EVENTS: Final = 5_000


class Forged(Exception):
    """The call is not the provider's, or was not made just now."""


class NotNow(Exception):
    """The call cannot be verified at the moment; the provider may repeat it."""


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """What a genuine call says. `once` is what it may use only once."""

    events: tuple[Event, ...]
    once: OnceOnly | None = None


class Hook(Protocol):
    """One provider's calls."""

    provider: str

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:
        """Verify and read a call; `headers` have lower-case names.

        Raises `Forged` and `NotNow`, nothing else, whatever is in the body.
        """


class Teller:
    """Makes a provider's events out of its JSON."""

    def __init__(self, provider: str, marks: Marks) -> None:
        self.provider = provider
        self._marks = marks

    def tell(
        self,
        entry: object,
        kind: EventKind,
        now: datetime,
        *,
        name: object = "",
        at: object = None,
        address: object = "",
        status: object = "",
        words: object = "",
        declared: Declared = Declared.NOTHING,
    ) -> Event:
        """One event. `name` tells it apart; without one the entry itself does. `at` is in seconds
        since 1970 or ISO 8601, anything else is `now`."""
        try:
            raw = json.dumps(entry, ensure_ascii=False, sort_keys=True)
        except (ValueError, RecursionError):
            raw = ""
        if not text_of(name):
            name = hashlib.sha256(raw.encode(errors="replace")).hexdigest()
        return Event(
            self.provider,
            text_of(name),
            kind,
            read_moment(at, now),
            _bare_address(text_of(address)),
            text_of(status)[:12],
            " ".join(text_of(words).split())[:2000],
            sealed=self._marks.find(raw.encode(errors="replace")),
            trusted=True,
            raw=raw[:RAW],
            declared=declared,
        )

    def unread(self, body: bytes, now: datetime) -> Event:
        """A genuine call whose body cannot be read: kept as it is, in UTF-8 as far as that goes."""
        return Event(
            self.provider,
            hashlib.sha256(body).hexdigest(),
            EventKind.UNKNOWN,
            now,
            trusted=True,
            raw=body[: RAW * 2].decode("utf-8", "replace")[:RAW],
        )

    def unknown(self, entry: object, now: datetime) -> Event:
        """What nobody has told us about."""
        return self.tell(entry, EventKind.UNKNOWN, now)


def _bare_address(text: str) -> str:
    """The address of "Name <address>"."""
    if "<" in text:
        text = text.rpartition("<")[2].partition(">")[0]
    return text.strip()[:320]


def read_json(body: bytes) -> Any:
    """The body's JSON, None where it is none."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def read_foreign_json(body: bytes) -> Any:
    """The same of a body in another of JSON's old encodings, or with a byte order mark, which RFC
    8259, 8.1, forbids: only to find a signature in it."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def entries_of(document: object) -> Iterator[object]:
    """The entries of a call: a list's, or the document itself."""
    if isinstance(document, list):
        yield from document[:_MOST_EVENTS]
    elif document is not None:
        yield document


def at_path(entry: object, *path: str) -> Any:
    """What stands in nested objects under these keys, None where there is nothing."""
    for key in path:
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry


def text_of(value: object) -> str:
    """A JSON value that should be text: "" for what is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def read_moment(value: object, now: datetime) -> datetime:
    """Seconds since 1970 or ISO 8601, never later than `now`; `now` for anything else."""
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and value.isdecimal()):
            return min(datetime.fromtimestamp(float(value), UTC), now)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return min(moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC), now)
    except (ValueError, OverflowError, OSError):
        pass
    return now


def same(given: str, expected: str) -> bool:
    """Whether two secrets are the same; takes the same time wherever they differ."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode(errors="replace"))


def check_authorization(headers: Mapping[str, str], username: str, secret: str) -> None:
    """HTTP Basic with user name and secret, or a bearer token where there is no user name (RFC
    7617, RFC 6750). Raises `Forged`."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if not username:
        if scheme.lower() != "bearer" or not same(given.strip(), secret):
            raise Forged
        return
    try:
        pair = base64.b64decode(given.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise Forged from None
    if scheme.lower() != "basic" or not same(pair, f"{username}:{secret}"):
        raise Forged


def is_recent(seconds: str, now: datetime, most: float) -> bool:
    """Whether a signed timestamp is at most so many seconds from now."""
    if not seconds.isdecimal() or len(seconds) > 12:
        return False
    return abs(now.timestamp() - int(seconds)) <= most
