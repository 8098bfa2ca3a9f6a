"""What each column of a file is for, by its header: exports of eight tools and our own, plain CSV.

Most headers mean one thing whoever writes them and stand in `_EVERYWHERE`; a tool adds what only it
means by a word. What is for nothing we know of is kept as an attribute of the person.

Sources: the headers that the tools' own exporters write. MailPoet: ImportExportFactory.php and
Export.php; listmonk: handlers of subscriber exports; Ghost: members-csv; Mailchimp, Substack,
beehiiv, Keila: their files; Buttondown: the fields of its subscriber object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from subscribers.importing import headers
from subscribers.importing.reading import FileRefused
from subscribers.importing.standing import WORDS, ImportedStatus, fold


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
    CONFIRMED_IF_TRUE = "nobody is mailed before they confirm who has it unset"
    BOUNCES = "nobody is mailed who has five or more"
    BRIEFINGS = "which briefings they get, with sections"
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
    standing: ImportedStatus = ImportedStatus.ACTIVE
    # Whether the tool's format, or an operator, says what it is for.
    certain: bool = False

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
    everybody: Mapping[str, ImportedStatus] = field(default_factory=dict)
    words: Mapping[str, ImportedStatus] = field(default_factory=dict)
    # What stands before a quote within quotes, where it is not doubled.
    escape: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file's columns are read."""

    format: Format
    columns: tuple[Column, ...]
    everybody: ImportedStatus
    words: Mapping[str, ImportedStatus]
    # What an operator said that words mean.
    told: Mapping[str, ImportedStatus] = field(default_factory=dict)
    # Whether who has no date of confirmation has not confirmed.
    confirmed_by_date: bool = False

    def places(self, *uses: Use) -> list[int]:
        """Where the columns of some uses are."""
        return [n for n, column in enumerate(self.columns) if column.use in uses]


def _uses(use: Use, titles: str) -> dict[str, Use]:
    return {fold(title): use for title in titles.split("|")}


_EVERYWHERE: Final[Mapping[str, Use]] = {
    **_uses(
        Use.ADDRESS,
        "email | e mail | mail | email address | e mail address | emailaddress"
        " | user email address | subscriber email | correo electrónico | adresse e mail"
        " | e mail adresse | adresse email | adresse courriel | courriel | correo | emailadresse"
        " | e mailadres | emailadres | indirizzo email | indirizzo e mail | endereço de email"
        " | endereço de e mail | email id | contact email | primary email | email addresses"
        " | dirección de correo electrónico | mailadresse | e postadress",
    ),
    **_uses(Use.NAME, "name | full name | display name | user name | nombre completo"),
    **_uses(Use.FIRST_NAME, "first name | firstname | fname | given name | nombre"),
    **_uses(Use.LAST_NAME, "last name | lastname | lname | surname | family name | apellidos"),
    **_uses(Use.LANGUAGE, "language | lang | locale | preferred language | idioma"),
    **_uses(
        Use.STATUS,
        "status | subscription status | subscriber status | email status | list status"
        " | global status | member status | contact status | marketing status"
        " | marketing contact status | email permission status | email marketing consent"
        " | email marketing status | email channel status | email subscription status"
        " | subscription state | subscriber state | statut d’abonnement | statut de l’abonné"
        " | estado de suscripción | stato iscrizione | abonnementstatus | delivery status",
    ),
    **_uses(
        Use.SUPPRESSED_IF_TRUE,
        "email disabled | unsubscribed | opted out | opt out | bounced | complained | blocklisted"
        " | blacklisted | blocked | suppressed | do not email | do not mail | do not contact"
        " | has opted out of email | email opt out | email blacklisted | email blocklisted"
        " | blocklisted email | unsubscribed from all email | hard bounced | email hard bounced"
        " | is unsubscribed | is bounced | is blacklisted | is suppressed | email bounced"
        " | email hard bounce reason | email bounced reason | is email bounced | spam complaint"
        " | is excluded from campaigns | non transactional"
        " | marked as spam | email suppressions | is disabled | is banned | is blocked",
    ),
    **_uses(
        Use.SUBSCRIBED_IF_TRUE,
        "subscribed to emails | subscribed | opted in | opt in | accepts marketing | email opt in"
        " | is subscribed | accepts email marketing | marketing consent | email consent"
        " | marketing opt in | consent | is active | subscribed to newsletter",
    ),
    **_uses(
        Use.CONFIRMED_IF_TRUE,
        "confirmed | is confirmed | email confirmed | double opt in | double optin | doi"
        " | email verified | is verified",
    ),
    **_uses(
        Use.GONE_AT,
        "unsub time | unsubscribed at | unsubscription date | unsubscribe date | unsubscribe time"
        " | unsubscribed on | opt out time | opted out at | clean time | cleaned at | bounced at"
        " | undeliverability date | undeliverability reason | complained at | deleted at"
        " | blocked at | blocklisted at | left at | stop time | confirmed opt out date"
        " | unsubscribed time | email bounced date | opt out date | opted out on | bounce date"
        " | complaint date | suppressed at | timestamp unsubscribed",
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
    # What phpList heads its columns with when it exports them by their descriptions.
    **_uses(
        Use.SUPPRESSED_IF_TRUE,
        "is this account disabled | is this subscriber blacklisted | is this user blacklisted",
    ),
    **_uses(
        Use.CONFIRMED_IF_TRUE,
        "is the email of this subscriber confirmed | is the email of this user confirmed"
        " | is this subscriber confirmed | is this user confirmed",
    ),
    **_uses(
        Use.EVIDENCE,
        "did this subscriber manually confirm | did this user manually confirm",
    ),
    **_uses(
        Use.BOUNCES,
        "number of bounces on this subscriber | number of bounces on this user | bouncecount",
    ),
    **_uses(
        Use.IGNORED, "send this subscriber html emails | send this user html emails | htmlemail"
    ),
    # What our own file of refused rows adds.
    **_uses(Use.IGNORED, "import line | import reason"),
}

WANTED: Final[Mapping[str, Use]] = {
    "status": Use.STATUS,
    "left": Use.SUPPRESSED_IF_TRUE,
    "left_at": Use.GONE_AT,
    "subscribed": Use.SUBSCRIBED_IF_TRUE,
    "confirmed": Use.CONFIRMED_IF_TRUE,
    "joined_at": Use.JOINED_AT,
    "confirmed_at": Use.CONFIRMED_AT,
    "evidence": Use.EVIDENCE,
    "tags": Use.TAGS,
    "attribute": Use.ATTRIBUTE,
    "ignored": Use.IGNORED,
    "address": Use.ADDRESS,
    "name": Use.NAME,
    "language": Use.LANGUAGE,
}
"""How an operator calls what a column is for (`--column HEADER=…`)."""
MEANINGS: Final[Mapping[str, ImportedStatus]] = {
    "active": ImportedStatus.ACTIVE,
    "pending": ImportedStatus.PENDING,
    "left": ImportedStatus.UNSUBSCRIBED,
    "bounced": ImportedStatus.BOUNCE,
    "complained": ImportedStatus.COMPLAINT,
    "blocked": ImportedStatus.MANUAL,
}
"""How an operator calls what a word means (`--value WORD=…`)."""
_SPEAKING: Final = frozenset(
    {Use.STATUS, Use.SUPPRESSED_IF_TRUE, Use.SUBSCRIBED_IF_TRUE, Use.GONE_AT}
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
        {
            **_uses(
                Use.IGNORED,
                "member rating | gmtoff | dstoff | latitude | longitude | cc | region"
                " | last changed | leid | euid | unsub campaign id | clean campaign id",
            ),
            **_uses(
                Use.EVIDENCE,
                "unsub campaign title | unsub reason | unsub reason other | clean campaign title",
            ),
        },
        everybody={"unsub time": ImportedStatus.UNSUBSCRIBED, "clean time": ImportedStatus.BOUNCE},
    ),
    Format(
        "substack",
        "Substack",
        _sets("email disabled | active subscription", "email disabled | expiry"),
        {
            # It is the paying that is active, not the mail.
            **_uses(Use.ATTRIBUTE, "active subscription | expiry | plan"),
            **_uses(Use.IGNORED, "digest enabled | prefer digests | stripe customer id"),
        },
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
            **_uses(Use.EVIDENCE, "unsubscription reason"),
            **_uses(
                Use.IGNORED,
                "id | secondary id | avatar url | stripe customer id | stripe coupon | transitions"
                " | last open date | last click date | last opened date | last clicked date"
                " | open rate | click rate | delivered count | open count | click count"
                " | clicked count | risk score | firewall",
            ),
        },
        # There it is the paying that pauses, not the mail.
        words={"paused": ImportedStatus.ACTIVE},
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
            "briefings": Use.BRIEFINGS,
            **_uses(Use.IGNORED, "paused until"),
        },
        # “suppressed” is no reason: the column of the reason has it, and is at least as strict.
        words={
            "suppressed": ImportedStatus.BOUNCE,
            "manual": ImportedStatus.MANUAL,
            "erased": ImportedStatus.UNSUBSCRIBED,
        },
    ),
    Format(
        "phplist",
        "phpList",
        _sets("confirmed | blacklisted | htmlemail", "confirmed | blacklisted | bouncecount"),
        {
            # phpList itself takes off who has bounced five times in a row
            # (bounce_unsubscribe_threshold); a smaller count passes.
            **_uses(Use.BOUNCES, "bouncecount | bounce count"),
            **_uses(Use.SUPPRESSED_IF_TRUE, "blacklisted | disabled"),
            **_uses(Use.CONFIRMED_IF_TRUE, "confirmed"),
            **_uses(Use.JOINED_AT, "entered"),
            # Of whom an administrator put on the list it says no.
            **_uses(Use.EVIDENCE, "optedin"),
            **_uses(
                Use.IGNORED,
                "id | htmlemail | uniqid | uuid | modified | passwordchanged | rssfrequency"
                " | foreignkey | extradata | subscribepage | password",
            ),
        },
    ),
    Format("csv", "plain CSV"),
)
"""In the order they are tried; plain CSV is what none of the others is."""


def knows(header: Sequence[str]) -> bool:
    """Whether a header names a column of addresses."""
    return any(_EVERYWHERE.get(fold(name)) is Use.ADDRESS for name in header)


def plan(
    name: str,
    header: Sequence[str],
    wanted: str = "",
    told: Mapping[str, Use] | None = None,
    words: Mapping[str, ImportedStatus] | None = None,
) -> Plan:
    """Recognise a file by its header, or read it as `wanted` (the name of a format).

    `told` is what an operator said of columns, by folded header, `words` what they said that words
    mean. Raises `FileRefused`, naming `name`, where it is not clear which column holds the address,
    or the header does not fit the format wanted; `NoReaders` where it holds no readers.
    """
    folded = [fold(title) for title in header]
    present = frozenset(folded)
    chosen = _recognise(name, present, wanted)
    columns = tuple(
        _column(chosen, title, short, place, told or {})
        for place, (title, short) in enumerate(zip(header, folded, strict=True))
    )
    _check(name, columns)
    standings = [how for title, how in chosen.everybody.items() if title in present]
    if chosen.everybody and fold(name.rpartition("/")[2]).partition(" ")[0] == "nonsubscribed":
        raise NoReaders(
            f"{name} holds contacts who never agreed to be mailed", "leave this file out"
        )
    standings += _by_name(name, columns)
    everybody = max(standings, default=ImportedStatus.ACTIVE)
    meant = {**WORDS, **chosen.words, **(words or {})}
    return Plan(chosen, _distinct(columns), everybody, meant, words or {})


def _by_name(name: str, columns: Sequence[Column]) -> list[ImportedStatus]:
    """How everybody stands by the file's name."""
    standing = headers.standing_of_file(name)
    if standing is None:
        return []
    if not headers.may_be_of_both(name):
        return [standing]
    if any(column.use in _SPEAKING for column in columns):
        return []
    raise FileRefused(
        f"{name}: its name tells of people who have left as well as of others, and no column says "
        "who is who",
        "rename the file for what it holds, or export it with its column of the status",
    )


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


def _column(chosen: Format, title: str, folded: str, place: int, told: Mapping[str, Use]) -> Column:
    use = told.get(folded) or chosen.uses.get(folded) or _EVERYWHERE.get(folded, Use.ATTRIBUTE)
    key = "tags" if use is Use.TAGS else folded.replace(" ", "_")
    if use is Use.ATTRIBUTE:
        key = _KEYS.get(folded) or title[:100] or f"column {place + 1}"
    standing = ImportedStatus.ACTIVE
    if use in (Use.GONE_AT, Use.SUPPRESSED_IF_TRUE):
        standing = headers.standing_of(title)
    return Column(title, use, key, standing, folded in told or folded in chosen.uses)


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
        distinct.append(replace(column, key=key))
    return tuple(distinct)
