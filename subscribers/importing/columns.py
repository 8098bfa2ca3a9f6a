"""What each column of a file is for, by its header: exports of eight tools and our own, plain CSV.

Most headers mean one thing whoever writes them and stand in `_EVERYWHERE`; a tool adds what only it
means by a word. What is for nothing we know of is kept as an attribute of the person.

Sources: the headers that the tools' own exporters write. MailPoet: ImportExportFactory.php and
Export.php; listmonk: handlers of subscriber exports; Ghost: members-csv; Mailchimp, Substack,
beehiiv, Keila: their files; Buttondown: the fields of its subscriber object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from subscribers.importing.reading import FileRefused
from subscribers.importing.standing import WORDS, Standing


class NoReaders(FileRefused):
    """A file that holds no readers: in a zip it is left out, and said so."""


class Use(StrEnum):
    """What a column's cells are used for."""

    ADDRESS = "the address"
    NAME = "the name"
    FIRST_NAME = "the name, its first part"
    LAST_NAME = "the name, its last part"
    LANGUAGE = "the language"
    STATUS = "whether the person may be mailed"
    REASON = "why the person may not be mailed"
    SUPPRESSED_IF_TRUE = "nobody is mailed who has it set"
    SUBSCRIBED_IF_TRUE = "nobody is mailed who has it unset"
    GONE_AT = "nobody is mailed who has it filled in"
    JOINED_AT = "when they joined; kept as evidence of consent"
    CONFIRMED_AT = "when they confirmed; kept as evidence of consent"
    EVIDENCE = "kept as evidence of consent"
    TAGS = "kept as the attribute “tags”"
    ATTRIBUTES = "unpacked into attributes"
    ATTRIBUTE = "kept as an attribute"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its header, what it is used for, and the key it is kept by."""

    header: str
    use: Use
    key: str
    standing: Standing = Standing.ACTIVE

    @property
    def told(self) -> str:
        """What becomes of it, in words."""
        if self.use is Use.ATTRIBUTE:
            return f"{self.use} “{self.key}”"
        if self.use is Use.GONE_AT or self.use is Use.SUPPRESSED_IF_TRUE:
            return f"{self.use} ({self.standing.name.lower()})"
        return self.use


@dataclass(frozen=True, slots=True)
class Format:
    """A tool's export. It is recognised by any of `signatures`: headers that are all there."""

    name: str
    label: str
    signatures: tuple[frozenset[str], ...] = ()
    uses: Mapping[str, Use] = field(default_factory=dict)
    # Headers that tell how everybody in the file stands.
    everybody: Mapping[str, Standing] = field(default_factory=dict)
    words: Mapping[str, Standing] = field(default_factory=dict)
    # What stands before a quote within quotes, where it is not doubled.
    escape: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file's columns are read."""

    format: Format
    columns: tuple[Column, ...]
    everybody: Standing
    words: Mapping[str, Standing]

    def places(self, *uses: Use) -> list[int]:
        """Where the columns of some uses are."""
        return [n for n, column in enumerate(self.columns) if column.use in uses]


def fold(header: str) -> str:
    """A header, or a status word, for comparing: "Email Address", "EMAIL_ADDRESS", "E-mail"…"""
    return re.sub(r"[\W_]+", " ", header.casefold()).strip()


def _uses(use: Use, headers: str) -> dict[str, Use]:
    return dict.fromkeys(headers.split(" | "), use)


_EVERYWHERE: Final[Mapping[str, Use]] = {
    **_uses(
        Use.ADDRESS,
        "email | e mail | mail | email address | e mail address | emailaddress"
        " | user email address | subscriber email | correo electrónico | correo electronico"
        " | adresse e mail | e mail adresse",
    ),
    **_uses(Use.NAME, "name | full name | display name | user name | nombre completo"),
    **_uses(Use.FIRST_NAME, "first name | firstname | fname | given name | nombre"),
    **_uses(Use.LAST_NAME, "last name | lastname | lname | surname | family name | apellidos"),
    **_uses(Use.LANGUAGE, "language | lang | locale | preferred language | idioma"),
    **_uses(
        Use.STATUS,
        "status | subscription status | subscriber status | email status | list status"
        " | global status | member status | contact status | marketing status",
    ),
    **_uses(
        Use.SUPPRESSED_IF_TRUE,
        "email disabled | unsubscribed | opted out | opt out | bounced | complained | blocklisted"
        " | blacklisted | blocked | suppressed | do not email | do not mail",
    ),
    **_uses(
        Use.SUBSCRIBED_IF_TRUE,
        "subscribed to emails | subscribed | opted in | opt in | accepts marketing | email opt in",
    ),
    **_uses(
        Use.GONE_AT,
        "unsub time | unsubscribed at | unsubscription date | unsubscribe date | unsubscribe time"
        " | unsubscribed on | opt out time | opted out at | clean time | cleaned at | bounced at"
        " | undeliverability date | undeliverability reason | complained at | deleted at"
        " | blocked at | blocklisted at | left at",
    ),
    **_uses(
        Use.JOINED_AT,
        "optin time | opt in time | created at | creation date | subscription date | subscribed at"
        " | subscribed on | joined at | join date | date added | signup date | subscription time"
        " | subscription created at | created",
    ),
    **_uses(Use.CONFIRMED_AT, "confirm time | confirmed at | confirmation time | confirmed on"),
    **_uses(
        Use.EVIDENCE,
        "optin ip | opt in ip | confirm ip | confirmation ip | confirmed ip | subscription ip"
        " | subscribed ip | signup ip | ip address | ip | source | signup source"
        " | unsub campaign title | unsub reason | unsub reason other | unsubscription reason"
        " | clean campaign title",
    ),
    **_uses(Use.TAGS, "tags | labels"),
    # What our own file of refused rows adds.
    **_uses(Use.IGNORED, "import line | import reason"),
}

_BY_WORD: Final = (
    ("bounce", Standing.BOUNCE),
    ("clean", Standing.BOUNCE),
    ("undeliverab", Standing.BOUNCE),
    ("complain", Standing.COMPLAINT),
    ("block", Standing.MANUAL),
    ("blacklist", Standing.MANUAL),
    ("suppress", Standing.MANUAL),
)

_KEYS: Final = {
    "timezone": "timezone",
    "time zone": "timezone",
    "tz": "timezone",
    "delivery hour": "hour",
}
"""Attributes that have one name whoever wrote the file."""


def _sets(*signatures: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(signature.split(" | ")) for signature in signatures)


FORMATS: Final = (
    Format(
        "mailchimp",
        "Mailchimp",
        _sets("leid | euid", "member rating | optin time"),
        # Where readers are, and how much they click, is not ours to know.
        _uses(
            Use.IGNORED,
            "member rating | gmtoff | dstoff | latitude | longitude | cc | region | last changed"
            " | leid | euid | unsub campaign id | clean campaign id",
        ),
        everybody={"unsub time": Standing.UNSUBSCRIBED, "clean time": Standing.BOUNCE},
    ),
    Format(
        "substack",
        "Substack",
        _sets("email disabled | active subscription", "email disabled | expiry"),
        _uses(Use.IGNORED, "digest enabled | prefer digests | stripe customer id"),
    ),
    Format(
        "ghost",
        "Ghost",
        _sets("subscribed to emails"),
        _uses(Use.IGNORED, "id | stripe customer id | gift id"),
    ),
    Format(
        "listmonk",
        "listmonk",
        _sets("uuid | attributes | status"),
        {"attributes": Use.ATTRIBUTES, **_uses(Use.IGNORED, "uuid | id | updated at")},
    ),
    Format(
        "keila",
        "Keila",
        _sets("data | external id"),
        {"data": Use.ATTRIBUTES},
    ),
    Format(
        "mailpoet",
        "MailPoet",
        _sets("global status", "list status", "subscription ip | confirmation ip"),
        escape="\\",
    ),
    Format(
        "buttondown",
        "Buttondown",
        _sets(
            "creation date | type",
            "creation date | subscriber type",
            "subscriber type | metadata",
            "type | metadata | notes",
        ),
        {
            "metadata": Use.ATTRIBUTES,
            **_uses(Use.STATUS, "type | subscriber type"),
            **_uses(
                Use.IGNORED,
                "id | secondary id | avatar url | stripe customer id | stripe coupon | transitions"
                " | last open date | last click date | last opened date | last clicked date"
                " | open rate | click rate | delivered count | open count | click count"
                " | clicked count | risk score | firewall",
            ),
        },
        # There it is the paying that pauses, not the mail.
        words={"paused": Standing.ACTIVE},
    ),
    Format(
        "beehiiv",
        "beehiiv",
        _sets("status | tier", "status | subscription tier"),
        _uses(
            Use.IGNORED,
            "id | stripe customer id | open rate | click rate | total sent | total received"
            " | unique opens | unique clicks | last opened | last clicked",
        ),
    ),
    Format(
        "briefing",
        "our own export",
        _sets("email | status | reason | briefings | paused until | attributes"),
        {
            "reason": Use.REASON,
            "attributes": Use.ATTRIBUTES,
            **_uses(Use.IGNORED, "briefings | paused until"),
        },
        words={"manual": Standing.MANUAL, "erased": Standing.UNSUBSCRIBED},
    ),
    Format("csv", "plain CSV"),
)
"""In the order they are tried; plain CSV is what none of the others is."""


def knows(header: Sequence[str]) -> bool:
    """Whether a header names a column of addresses."""
    return any(_EVERYWHERE.get(fold(name)) is Use.ADDRESS for name in header)


def plan(name: str, header: Sequence[str], wanted: str = "") -> Plan:
    """Recognise a file by its header, or read it as `wanted` (the name of a format).

    Raises `FileRefused`, naming `name`, where it is not clear which column holds the address, or
    the header does not fit the format wanted; `NoReaders` where it holds no readers.
    """
    folded = [fold(title) for title in header]
    present = frozenset(folded)
    chosen = _recognise(name, present, wanted)
    columns = tuple(
        _column(chosen, title, short, place)
        for place, (title, short) in enumerate(zip(header, folded, strict=True))
    )
    _check(name, columns)
    standings = [how for title, how in chosen.everybody.items() if title in present]
    kind = fold(name.rpartition("/")[2]).partition(" ")[0]
    if chosen.everybody and kind == "nonsubscribed":
        raise NoReaders(
            f"{name} holds contacts who never agreed to be mailed", "leave this file out"
        )
    if chosen.everybody and kind in ("unsubscribed", "cleaned"):
        standings.append(WORDS[kind])
    everybody = max(standings, default=Standing.ACTIVE)
    return Plan(chosen, _distinct(columns), everybody, {**WORDS, **chosen.words})


def _recognise(name: str, present: frozenset[str], wanted: str) -> Format:
    for one in FORMATS:
        fits = any(signature <= present for signature in one.signatures) or not one.signatures
        if wanted == one.name and not fits:
            needed = " or ".join(", ".join(sorted(each)) for each in one.signatures)
            raise FileRefused(
                f"{name}, line 1: is no export of {one.label}, which has the columns {needed}",
                "leave out --format, or name another",
            )
        if (wanted or one.name) == one.name and fits:
            return one
    raise FileRefused(
        f"“{wanted}” is no format", f"choose from {', '.join(one.name for one in FORMATS)}"
    )


def _column(chosen: Format, title: str, folded: str, place: int) -> Column:
    use = chosen.uses.get(folded) or _EVERYWHERE.get(folded, Use.ATTRIBUTE)
    key = "tags" if use is Use.TAGS else folded.replace(" ", "_")
    if use is Use.ATTRIBUTE:
        key = _KEYS.get(folded) or title[:100] or f"column {place + 1}"
    standing = Standing.ACTIVE
    if use in (Use.GONE_AT, Use.SUPPRESSED_IF_TRUE):
        standing = next((how for word, how in _BY_WORD if word in folded), Standing.UNSUBSCRIBED)
    return Column(title, use, key, standing)


def _check(name: str, columns: Sequence[Column]) -> None:
    addresses = [column.header for column in columns if column.use is Use.ADDRESS]
    if not addresses:
        raise NoReaders(
            f"{name}, line 1: names no column for the address",
            "the first line has to name the columns, and one of them “email”",
        )
    if len(addresses) > 1:
        raise FileRefused(
            f"{name}, line 1: has several columns for the address: “{'”, “'.join(addresses)}”",
            "rename those that are not to be used",
        )


def _distinct(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, each with a key of its own."""
    seen: dict[str, int] = {}
    distinct = []
    for column in columns:
        seen[column.key] = number = seen.get(column.key, 0) + 1
        key = column.key if number == 1 else f"{column.key} ({number})"
        distinct.append(Column(column.header, column.use, key, column.standing))
    return tuple(distinct)
