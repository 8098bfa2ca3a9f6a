"""What a reader does about their own subscription, each act in one transaction.

Whoever holds a link acts for the person it was made for, and links are passed on. So what would
hurt (another address, erasure, a copy of the data) is asked of the mailbox once more, and the mails
that a link may have sent are counted.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from briefing.desk.transactional_mail import TransactionalMail
from briefing.store import Connection, Database
from briefing.store.receipts import receipts
from subscribers import changing, confirmations, joining, limits, preferences, roll
from subscribers.addresses import Address, read_address
from subscribers.changing import Moved
from subscribers.confirmations import Asked, Confirmation
from subscribers.exporting import everything_on
from subscribers.joining import Consent
from subscribers.preferences import Membership
from subscribers.tokens import Tokens

QUESTIONS: Final = 3
"""How many mails of one kind a link may have sent to one mailbox a day. Each kind is counted apart,
and apart from what anybody may type into the form to join: nobody else uses them up."""

MOVES: Final = 5
"""How many moves a person's link may ask for a day, wherever to."""

UNDO: Final = timedelta(days=7)
"""How long leaving may be undone on the page it was done on: consent that was withdrawn longer ago
is given anew."""

_PERSON: Final = "reader"
_HOUR: Final = timedelta(hours=1)
_EVERYWHERE: Final = "join everywhere"


class Answer(StrEnum):
    """What came of a press of the button that a mailed link leads to."""

    EXPIRED = "expired"
    USED = "used"
    IMPOSSIBLE = "impossible"
    JOINED = "joined"
    AGREED = "agreed"
    MOVED = "moved"
    MOVED_BACK = "moved back"
    ERASED = "erased"
    DOWNLOADED = "downloaded"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """`asked` is None where the link has expired. `preferences_key` is that of a person who has
    joined; `held` is what is known of a person who downloads it, ready for JSON."""

    answer: Answer
    asked: Confirmation | None = None
    preferences_key: int | None = None
    held: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JoinLimits:
    """Requests to join: `per_address` a day, `per_network` (a /24 or /64) an hour, `per_hour` from
    everywhere."""

    per_address: int
    per_network: int
    per_hour: int


class Memberships:
    """`key` is a person's, `briefing` a slug. What asks for a mail queues it; call
    `TransactionalMail.wake` to have it sent now."""

    def __init__(self, database: Database, tokens: Tokens, mail: TransactionalMail) -> None:
        self._database = database
        self._tokens = tokens
        self._mail = mail

    # ── joining ──

    def let_in(self, host: str, most: JoinLimits, now: datetime) -> bool:
        """Count a form against its network; False where there were too many. Those cost a look, no
        lock."""
        near = [
            (f"join {network}", most.per_network * times)
            for network, times in limits.networks_of(host)
        ]
        with self._database.read() as connection:
            if not all(
                limits.would_allow(connection, name, count, _HOUR, now)
                for name, count in (*near, (_EVERYWHERE, most.per_hour))
            ):
                return False
        with self._database.write() as connection:
            return all(limits.allow(connection, name, count, _HOUR, now) for name, count in near)

    def ask_to_join(
        self,
        address: Address,
        briefing: str,
        consent: Consent,
        most: JoinLimits,
        *,
        sections: Sequence[str],
        attributes: Mapping[str, str],
        now: datetime,
    ) -> bool:
        """Queue the question to an address; False where too many were asked. That one address was
        asked too often is nobody's business but its owner's, and is not told."""
        with self._database.write() as connection:
            if not limits.allow(connection, _EVERYWHERE, most.per_hour, _HOUR, now):
                return False
            if ask_allowed(connection, address, most.per_address, now):
                key = joining.join(
                    connection,
                    address,
                    briefing,
                    consent,
                    now=now,
                    sections=sections,
                    attributes=dict(attributes),
                )
                self._mail.ask(connection, briefing, key)
        return True

    # ── confirming ──

    def question(self, key: int, now: datetime) -> Confirmation | None:
        """What a mailed link asks, None where it has expired."""
        with self._database.read() as connection:
            return confirmations.find(connection, key, now)

    def confirm(
        self, key: int, briefing: str, *, now: datetime, host: str, wording: str
    ) -> Confirmed:
        """Do what was asked, once; data may be downloaded as often as the link is good. `wording`
        is the sentence that whoever joins agrees to."""
        with self._database.write() as connection:
            asked = confirmations.find(connection, key, now)
            if asked is not None and asked.subscriber_id is not None:
                changing.lock_person(connection, asked.subscriber_id)
            asked = confirmations.find(connection, key, now, lock=True)
            if asked is None:
                return Confirmed(Answer.EXPIRED)
            if asked.used:
                return Confirmed(Answer.USED, asked)
            return self._act(connection, briefing, asked, now, host, wording)

    def _act(
        self,
        connection: Connection,
        briefing: str,
        asked: Confirmation,
        now: datetime,
        host: str,
        wording: str,
    ) -> Confirmed:
        match asked.asked:
            case Asked.JOIN:
                return self._join(connection, briefing, asked, now, host, wording)
            case Asked.MOVE | Asked.ADDRESS:
                moved = changing.agree_to_move(connection, asked, now=now, host=host)
                return self._tell_moved(connection, briefing, asked, moved, Answer.MOVED)
            case Asked.UNDO:
                back = changing.undo_move(connection, asked, now=now, host=host)
                return self._tell_moved(connection, briefing, asked, back, Answer.MOVED_BACK)
            case Asked.ERASE:
                person = roll.person_by_id(connection, asked.subscriber_id or 0)
                if person is not None:
                    roll.erase(connection, person.address, now=now)
                return Confirmed(Answer.ERASED, asked)
            case Asked.DOWNLOAD:
                return _download(connection, asked, now, host)

    def _join(
        self,
        connection: Connection,
        briefing: str,
        asked: Confirmation,
        now: datetime,
        host: str,
        wording: str,
    ) -> Confirmed:
        number = joining.confirm(connection, asked, now=now, host=host, wording=wording)
        person = roll.person_by_id(connection, number) if number is not None else None
        if person is None:
            return Confirmed(Answer.IMPOSSIBLE, asked)
        self._mail.welcome(connection, briefing, person.id)
        return Confirmed(Answer.JOINED, asked, preferences_key=person.preferences_key)

    def _tell_moved(
        self,
        connection: Connection,
        briefing: str,
        asked: Confirmation,
        moved: Moved | Confirmation | None,
        answer: Answer,
    ) -> Confirmed:
        """Both mailboxes: what has changed, and where the choices are now."""
        if moved is None:
            return Confirmed(Answer.IMPOSSIBLE, asked)
        if isinstance(moved, Confirmation):
            # The other mailbox has not said yes yet.
            return Confirmed(Answer.AGREED, asked)
        self._mail.tell_moved(connection, briefing, moved)
        self._mail.welcome(connection, briefing, moved.subscriber_id)
        return Confirmed(answer, asked)

    # ── preferences ──

    def owner(self, preferences_key: int) -> int | None:
        """The key of the person whose link it is; None where they have moved since, or were
        erased."""
        with self._database.read() as connection:
            person = roll.person_by_preferences_key(connection, preferences_key)
        return person.key if person else None

    def find(self, key: int, briefing: str) -> Membership | None:
        """A person's membership of a briefing, whether it stands or not."""
        with self._database.read() as connection:
            return preferences.membership(connection, key, briefing)

    def choose_sections(
        self, key: int, briefing: str, sections: Sequence[str], now: datetime
    ) -> None:
        """From the next hand-off on; no section means all, those added later too."""
        with self._database.write() as connection:
            preferences.choose_sections(
                connection, key, briefing, tuple(sections), now=now, actor=_PERSON
            )

    def choose_briefings(
        self,
        key: int,
        briefing: str,
        wanted: Collection[str],
        offered: Mapping[str, Consent],
        now: datetime,
    ) -> list[str]:
        """Take up and leave the other briefings that are `offered`. One that the person had left
        comes back by a mail to them alone: its slug is returned."""
        with self._database.write() as connection:
            place = preferences.membership(connection, key, briefing)
            if place is None or not place.stands:
                return []
            taken, to_confirm = preferences.choose_briefings(
                connection, key, wanted, offered, now=now, actor=_PERSON
            )
            # They are told: it may not have been they who followed a link that was passed on.
            for slug in taken:
                if _may_mail(connection, f"welcome {slug} {place.person.id}", now):
                    self._mail.welcome(connection, slug, place.person.id)
            address = read_address(place.person.address)
            for slug in to_confirm:
                if _may_mail(connection, f"welcome {slug} {place.person.id}", now):
                    number = joining.join(connection, address, slug, offered[slug], now=now)
                    self._mail.ask(connection, slug, number)
        return to_confirm

    def pause(self, key: int, briefing: str, until: datetime | None, now: datetime) -> None:
        """Let all mail rest until a moment; None lets it go on."""
        with self._database.write() as connection:
            place = preferences.membership(connection, key, briefing)
            if place is not None and place.stands:
                preferences.pause(connection, key, until, now=now, actor=_PERSON)

    def ask_new_address(
        self, key: int, briefing: str, address: Address, now: datetime
    ) -> Membership | None:
        """Ask both mailboxes whether a person moves; None where they do not read the briefing."""
        with self._database.write() as connection:
            place = preferences.membership(connection, key, briefing)
            if place is None or not place.stands:
                return None
            if _may_mail(connection, f"move {place.person.id}", now, MOVES) and _may_mail(
                connection, f"address {limits.mailbox_of(address.folded)}", now
            ):
                for number in changing.ask_move(
                    connection, place.person, address, briefing, now=now
                ):
                    self._mail.ask(connection, briefing, number)
        return place

    def ask(self, key: int, briefing: str, asked: Asked, now: datetime) -> Membership | None:
        """Mail the person a link to erasure or to their data; those who left may ask as well. None
        where there is nobody."""
        with self._database.write() as connection:
            place = preferences.membership(connection, key, briefing)
            if place is not None and _may_mail(connection, f"{asked.value} {place.person.id}", now):
                number = changing.ask_person(connection, asked, place.person, briefing, now=now)
                self._mail.ask(connection, briefing, number)
        return place

    # ── leaving ──

    def leave(self, key: int, briefing: str, actor: str, now: datetime) -> str:
        """Returns the proof that it was this request that did it; one of nothing otherwise, which
        looks the same."""
        with self._database.write() as connection:
            place = preferences.membership(connection, key, briefing)
            roll.leave(connection, key, briefing, now=now, actor=actor)
        left = place is not None and place.left_at is None
        return self._prove(briefing, key if left else secrets.randbits(63), now)

    def undo_leaving(self, key: int, briefing: str, proof: str, now: datetime) -> bool:
        """Whether they read it again: with the proof of `leave`, and not later than `UNDO`."""
        with self._database.write() as connection:
            place = preferences.membership(connection, key, briefing)
            left_at = place.left_at if place else None
            # Who is back already is told so again: a double click is no fault.
            genuine = left_at is None or hmac.compare_digest(
                self._prove(briefing, key, left_at).encode(), proof.encode(errors="replace")
            )
            return genuine and roll.rejoin(
                connection, key, briefing, since=now - UNDO, now=now, actor=_PERSON
            )

    def tell_why(self, key: int, briefing: str, reason: str, now: datetime) -> None:
        """Keep the reason that somebody gives who has left."""
        with self._database.write() as connection:
            preferences.tell_why(connection, key, briefing, reason, now=now, actor=_PERSON)

    def _prove(self, briefing: str, key: int, left_at: datetime) -> str:
        moment = left_at.isoformat(timespec="milliseconds")
        digest = self._tokens.digest("undo", f"{briefing}.{key}.{moment}")
        return base64.urlsafe_b64encode(digest[:15]).decode()


def ask_allowed(connection: Connection, address: Address, most: int, now: datetime) -> bool:
    """Whether an address may be asked once more to join: so many times a day, whoever asks."""
    counted = limits.mailbox_of(address.folded)
    return limits.allow(connection, f"ask join {counted}", most, timedelta(days=1), now)


def _may_mail(connection: Connection, what: str, now: datetime, most: int = QUESTIONS) -> bool:
    return limits.allow(connection, f"ask {what}", most, timedelta(days=1), now)


def _download(connection: Connection, asked: Confirmation, now: datetime, host: str) -> Confirmed:
    number = asked.subscriber_id or 0
    person = roll.person_by_id(connection, number)
    if person is None:
        return Confirmed(Answer.IMPOSSIBLE, asked)
    held = everything_on(connection, read_address(person.address))
    held["editions"] = receipts(connection, number)
    roll.record(connection, number, "downloaded", "reader", now, confirmed_from=host)
    return Confirmed(Answer.DOWNLOADED, asked, held=held)
