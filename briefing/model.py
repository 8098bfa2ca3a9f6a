"""The types that carry the story, without I/O.

`Article` comes from a source, an `Edition` is made of articles as `Story` placements, a `Recipient`
is the only thing the roll hands over, a `Message` is one rendered mail, an `Outcome` is what became
of it. All times are timezone-aware UTC; a `day` is a calendar date in the briefing's own time zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from subscribers.recipient import Recipient

__all__ = [
    "DAILY",
    "DESK",
    "MAILBOX_DOMAINS",
    "Article",
    "Briefing",
    "Composition",
    "Dropped",
    "Edition",
    "EditionState",
    "Image",
    "LeftOut",
    "Look",
    "Message",
    "Outcome",
    "OutcomeKind",
    "Publication",
    "Recipient",
    "Role",
    "Section",
    "Story",
    "Treatment",
    "User",
    "Window",
    "edition_path",
]


DAILY = "daily"
"""The slot of a briefing's regular edition."""

DESK = "desk"
"""The source of what was written or fetched at the editors' desk."""

MAILBOX_DOMAINS: Final = frozenset(
    [
        "aol.com",
        "gmail.com",
        "gmx.de",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "outlook.com",
        "proton.me",
        "web.de",
        "yahoo.com",
        "yandex.ru",
        "ymail.com",
    ]
)
"""Mailboxes for people: whoever has one sends mail from there."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The publisher. `url` and `public_url` are absolute without a trailing slash; the latter is
    where this system's own pages (unsubscribe, view in browser) are reached from outside."""

    name: str
    url: str
    public_url: str
    postal_address: str
    language: str = "en"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a briefing; `cap` is the most stories it shows with a standfirst."""

    slug: str
    name: str
    cap: int = 6


@dataclass(frozen=True, slots=True)
class Look:
    """How a publisher restyles a theme without touching it.

    `colors` and `fonts` override the theme's own names (see `docs/templates.md`); `logo` is an
    https address with `logo_width`, `logo_height` in CSS pixels; `width` is the mail's in pixels,
    0 for the theme's own.
    """

    theme: str = "gazette"
    colors: tuple[tuple[str, str], ...] = ()
    fonts: tuple[tuple[str, str], ...] = ()
    logo: str = ""
    logo_width: int = 0
    logo_height: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class Briefing:
    """A recurring publication: who it is from, when it leaves, what it is made of.

    `at` is wall-clock time in `timezone`; `days` are ISO weekdays (1 Monday … 7 Sunday).
    `max_age` is how old news may be when the edition leaves, `catch_up` how late an edition may
    still leave after downtime, `lead` how long before `at` its draft is made.
    `approval` is "auto" or "required";
    `if_unapproved` ("hold", "send", "skip") is what happens at the deadline without approval,
    `if_errors` ("hold", "send") what a policy does with an edition in which the check finds errors.
    `remind` is how long before `at` editors are told that it is not approved; zero for never.
    """

    slug: str
    name: str
    from_name: str
    from_address: str
    sections: tuple[Section, ...]
    timezone: ZoneInfo
    at: time = time(7, 0)
    days: frozenset[int] = frozenset(range(1, 8))
    language: str = "en"
    reply_to: str = ""
    tagline: str = ""
    approval: str = "auto"
    if_unapproved: str = "hold"
    if_errors: str = "hold"
    remind: timedelta = timedelta(minutes=15)
    lead: timedelta = timedelta(minutes=60)
    max_age: timedelta = timedelta(days=3)
    catch_up: timedelta = timedelta(hours=6)
    max_stories: int = 40
    look: Look = Look()

    @property
    def section_slugs(self) -> tuple[str, ...]:
        return tuple(section.slug for section in self.sections)

    def due_at(self, day: date) -> datetime:
        """When the edition of a day leaves (UTC). An hour the clocks skip becomes the one after it,
        of an hour they repeat the first is meant."""
        return datetime.combine(day, self.at, self.timezone).astimezone(UTC)

    def today(self, now: datetime) -> date:
        """The calendar day it is at a moment where the briefing is published."""
        return now.astimezone(self.timezone).date()


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an article; width and height in CSS pixels, 0 where the source does not say."""

    url: str
    alt: str = ""
    width: int = 0
    height: int = 0
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One story as a source gave it: plain text in every field, no markup.

    `uid` identifies it across imports: the same article read twice has the same one.
    `body` holds paragraphs. `section` is a slug, empty where the source does not say. `url` is an
    absolute http(s) address or empty. `credits` are the outlets of a "Sources:" line. `language`
    is a BCP 47 tag, empty for the publication's own. Before `embargo_until` it is not for readers.
    """

    uid: str
    headline: str
    published_at: datetime
    standfirst: str = ""
    body: tuple[str, ...] = ()
    byline: str = ""
    place: str = ""
    section: str = ""
    url: str = ""
    image: Image | None = None
    credits: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    embargo_until: datetime | None = None
    source: str = ""
    id: int | None = None
    first_seen_at: datetime | None = None

    @property
    def news_at(self) -> datetime:
        """The moment from which it may be read: publication, or the end of the embargo if later."""
        return max(self.published_at, self.embargo_until or self.published_at)


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open span of news, `start < released <= end`, that an edition answers for."""

    start: datetime
    end: datetime


class Treatment(StrEnum):
    """How much room a story gets: `lead` on top, `story` with a standfirst, `brief` a headline."""

    LEAD = "lead"
    STORY = "story"
    BRIEF = "brief"


@dataclass(frozen=True, slots=True)
class Story:
    """An article's place in an edition; `headline` and `standfirst` are as readers see them.

    `update_of` is the `Edition.path` of the alert that told the story first, "" for most.
    """

    article: Article
    section: str
    position: int
    treatment: Treatment = Treatment.STORY
    headline: str = ""
    standfirst: str = ""
    link: str = ""
    pinned: bool = False
    update_of: str = ""

    @property
    def shown_headline(self) -> str:
        return self.headline or self.article.headline

    @property
    def shown_standfirst(self) -> str:
        return self.standfirst or self.article.standfirst


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An article that was considered and not placed, with the reason in words."""

    article: Article
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A story that an editor took out of an edition, as it stood, with the reason in words."""

    story: Story
    reason: str


class EditionState(StrEnum):
    """Where an edition stands. `draft` may be edited; `approved` is frozen at a revision."""

    DRAFT = "draft"
    REVIEW = "in review"
    CHANGES = "changes requested"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    CANCELLED = "cancelled"
    HELD = "held"
    SPIKED = "spiked"
    SKIPPED = "skipped"


UNDECIDED: Final = (EditionState.DRAFT, EditionState.REVIEW, EditionState.CHANGES)
"""States in which nobody has decided on an edition: at its hour the policy does."""

OPEN: Final = (*UNDECIDED, EditionState.HELD)
"""States in which an edition may be shaped and approved."""

ENDED: Final = (EditionState.SENT, EditionState.CANCELLED, EditionState.SPIKED)
"""States that no edition leaves."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One dated instance of a briefing.

    `slot` tells several editions of one day apart ("daily", or the slug of an alert). `due_at` is
    when it should leave. `number` counts the briefing's editions from 1. `note` is Markdown.
    `approved_revision` is the revision that was approved, None before; an edit makes it stale.
    """

    id: int
    briefing: str
    day: date
    slot: str
    number: int
    state: EditionState
    due_at: datetime
    window: Window
    revision: int = 0
    approved_revision: int | None = None
    subject: str = ""
    preheader: str = ""
    note: str = ""
    corrections: tuple[str, ...] = ()
    stories: tuple[Story, ...] = ()
    reason: str = ""
    sending_started_at: datetime | None = None
    finished_at: datetime | None = None
    paused: bool = False
    pause_reason: str = ""

    @property
    def path(self) -> str:
        """Its place on the web, below the public address."""
        return edition_path(self.briefing, self.day, self.slot)


def edition_path(briefing: str, day: date, slot: str) -> str:
    """The place on the web of an edition that is named by its key, see `Edition.path`."""
    return f"editions/{briefing}/{day.isoformat()}" + ("" if slot == DAILY else f"/{slot}")


@dataclass(frozen=True, slots=True)
class Composition:
    """An edition rendered for one variant (the set of sections a reader has chosen).

    `variant` is "" for all sections, else the chosen slugs sorted and joined by ",". `html` and
    `text` still hold the slots that differ by reader (see `briefing.composition.slots`).
    """

    variant: str
    subject: str
    preheader: str
    html: str
    text: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Message:
    """One mail, ready for the wire.

    `data` is RFC 5322 with CRLF line ends, 7-bit, no line starting with a dot, and a final CRLF:
    the bytes a DKIM signature covers are the bytes that are sent. `sender` is the envelope sender.
    """

    recipient_id: int
    sender: str
    recipient: str
    message_id: str
    data: bytes = field(repr=False)


class OutcomeKind(StrEnum):
    """What became of one message.

    `soft` may be tried again later; `hard` means the mailbox does not exist; `policy` and
    `content` blame the sender or the message, not the reader; `fault` would hit everybody and
    stops the edition; `unknown` means the answer was lost after the message was handed over.
    """

    SENT = "sent"
    SOFT = "soft"
    HARD = "hard"
    POLICY = "policy"
    CONTENT = "content"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The mailer's word on one message.

    `code` is the reply code of SMTP (250, 550), or the HTTP status of a provider's API (202, 429),
    0 where there was none. `status` is the enhanced status code of RFC 3463 ("5.1.1", or ""),
    `text` the server's words, `reference` the server's queue id. `stage` is the step that was
    answered ("RCPT TO"), "" where none was. `on_list` says that a provider refuses the address
    because it stands on its own list of those it does not mail.
    """

    recipient_id: int
    kind: OutcomeKind
    code: int = 0
    status: str = ""
    text: str = ""
    reference: str = ""
    stage: str = ""
    on_list: bool = False


class DeliveryReason(StrEnum):
    """Why a reader's row in the ledger is in its state.

    The codes are stored, counted by and given to programs (`--json`); people read the sentence of
    `briefing.desk.delivery_text`.
    """

    NONE = ""
    NO_MAILBOX = "no-mailbox"
    POLICY = "policy"
    CONTENT = "content"
    ON_PROVIDERS_LIST = "on-providers-list"
    GIVEN_UP = "given-up"
    TRY_AGAIN = "try-again"
    SENDER_REFUSED = "sender-refused"
    DOMAIN_RESTS = "domain-rests"
    ANSWER_LOST = "answer-lost"
    SENDER_DIED = "sender-died"
    BOUNCED_NO_MAILBOX = "bounced-no-mailbox"
    BOUNCED_SOFT = "bounced-soft"
    BOUNCED_POLICY = "bounced-policy"
    ERASED = "erased"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    PAUSED = "paused-by-reader"
    NO_STORY = "no-story"
    UNWRITABLE = "unwritable-address"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NoMessage:
    """Why a reader gets no message; `detail` is for people, "" where the reason says it all."""

    reason: DeliveryReason
    detail: str = ""


class Role(StrEnum):
    """What a user of the desk may do: an editor shapes, a publisher also approves and sends, an
    operator also runs the system."""

    EDITOR = "editor"
    PUBLISHER = "publisher"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who works at the desk; `email` may be empty. `has_totp` asks for a second factor."""

    id: int
    name: str
    email: str = ""
    role: Role = Role.EDITOR
    disabled: bool = False
    has_totp: bool = False

    @property
    def may_approve(self) -> bool:
        return self.role in (Role.PUBLISHER, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Transition:
    """An act that takes an edition from any of the states `before` to `after`.

    Users with one of `roles` may do it; `by_machine` says that the policy or the delivery does it
    as well. `needs` is what must hold beside the state, in words. `log` is the kind of entry it
    writes, "" for none. `why` explains an odd one. `briefing.desk.lifecycle` makes them all: the
    store writes a state only for one of them.
    """

    act: str
    before: tuple[EditionState, ...]
    after: EditionState
    roles: frozenset[Role]
    by_machine: bool
    needs: str = ""
    log: str = ""
    why: str = ""
