"""Notices: the single mails that pages ask for, sent behind their back.

::

    a page ──queue──▶ the database ──claim──▶ write ──gate──▶ the mailer ──▶ forgotten

What a notice says is decided when it is written, not when it is asked for: so a page takes the same
time, and says the same, whatever the roll knows of an address.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from briefing.composition.headers import HeaderFault
from briefing.composition.look import Dress
from briefing.composition.mime import Signer
from briefing.composition.notice import Note, compose_notice, write_notice
from briefing.desk import reminders
from briefing.errors import BriefingError, MailerFault, ThemeError
from briefing.mailers import Mailer, MailerConnection
from briefing.model import Briefing, Message, Outcome, OutcomeKind, Publication
from briefing.store import Connection, Database
from briefing.store.notices import Notice as Waiting
from briefing.store.notices import (
    NoticeKind,
    claim,
    finish,
    forget,
    hand_over,
    put_off,
    queue,
)
from subscribers import changing, confirmations, joining, limits, preferences, roll
from subscribers.changing import Moved
from subscribers.confirmations import Asked, Confirmation
from subscribers.joining import SignupStatus
from subscribers.roll import Person
from subscribers.tokens import Door, Tokens

log = structlog.get_logger(__name__)

# Few enough that a claim outlasts the slowest server.
_AT_ONCE: Final = 8
_FIRST_WAIT: Final = timedelta(seconds=30)
_LAST_WAIT: Final = timedelta(hours=1)
# Seconds between two looks into the database, for what another process has queued.
_LOOK: Final = 2.0
_TIDY: Final = timedelta(minutes=10)


class TransactionalMail:
    """Queues single mails and sends those that are due. Any number of processes may send."""

    def __init__(
        self,
        database: Database,
        publication: Publication,
        briefing: Callable[[str], Briefing],
        tokens: Tokens,
        mailer: Callable[[], Mailer],
        *,
        dress: Callable[[Briefing], Dress],
        return_path: str,
        clock: Callable[[], datetime],
        sign: Callable[[Briefing], Signer | None] = lambda _: None,
    ) -> None:
        self._database = database
        self._publication = publication
        self._briefing = briefing
        self._tokens = tokens
        self._mailer = mailer
        self._dress = dress
        self._return_path = return_path
        self._sign = sign
        self._clock = clock
        self._templates: Sequence[Path] = ()
        self._queued = threading.Event()
        self._tidied: datetime | None = None

    def look_in(self, templates: Sequence[Path]) -> None:
        """Let these folders come before the shipped templates."""
        self._templates = templates

    def ask(self, connection: Connection, briefing: str, confirmation: int) -> None:
        """Mail the question of a confirmation to its address. `wake` once it is committed."""
        now = self._clock()
        queue(connection, NoticeKind.CONFIRM, briefing, now=now, confirmation=confirmation)

    def welcome(self, connection: Connection, briefing: str, subscriber_id: int) -> None:
        """Mail a welcome to somebody who has joined."""
        now = self._clock()
        queue(connection, NoticeKind.WELCOME, briefing, now=now, subscriber_id=subscriber_id)

    def tell_moved(self, connection: Connection, briefing: str, moved: Moved) -> None:
        """Tell the address a person had before that they have another one now."""
        queue(
            connection,
            NoticeKind.RESTORED if moved.undo is None else NoticeKind.MOVED,
            briefing,
            now=self._clock(),
            confirmation=moved.undo,
            subscriber_id=moved.subscriber_id,
            address=moved.before,
        )

    def wake(self) -> None:
        """Let what was queued go now, if this process sends notices."""
        self._queued.set()

    def run(self, stop: threading.Event) -> None:
        """Send whatever comes due until `stop` is set. What fails is logged and tried again."""
        while not stop.is_set():
            try:
                self._tidy()
                sent = self.send_due()
            except BriefingError as error:
                log.error("notices not sent", error=error.message, hint=error.hint)  # noqa: TRY400
                sent = 0
            except Exception:  # one mail that cannot be made must not keep all others back
                log.exception("notices failed unexpectedly")
                sent = 0
            if not sent:
                self._queued.wait(_LOOK)
                self._queued.clear()

    def send_due(self) -> int:
        """Send some of the notices that are due; how many were dealt with.

        Raises `MailerFault` where nobody can be reached; the notices wait, and are tried later.
        """
        with self._database.write() as connection:
            claimed = claim(connection, self._clock(), _AT_ONCE)
        line: MailerConnection | None = None
        try:
            for place, notice in enumerate(claimed):
                message = self._write(notice)
                if message is None:
                    self._finish(notice)
                    continue
                try:
                    if line is None or not line.alive:
                        line = self._mailer().open()
                    self._send(line, notice, message)
                except MailerFault:
                    self._put_off(claimed[place:])
                    raise
        finally:
            if line is not None:
                line.close()
        return len(claimed)

    def _send(self, line: MailerConnection, notice: Waiting, message: Message) -> None:
        """One mail. Raises `MailerFault` for an answer that everybody would get."""
        outcome = next(iter(line.send([message], lambda _: self._hand_over(notice))), None)
        if outcome is None:
            return  # gone meanwhile: used, expired, erased, or another's by now
        facts = {"kind": notice.kind.value, "briefing": notice.briefing}
        match outcome.kind:
            case OutcomeKind.SENT:
                self._finish(notice)
                log.info("notice sent", **facts)
            case OutcomeKind.SOFT:
                self._put_off([notice])
                log.info("notice put off", **facts, code=outcome.code, status=outcome.status)
            case OutcomeKind.FAULT:
                raise MailerFault(f"the mail server refuses us: {_words(outcome)}")
            case _:
                # Refused, or perhaps sent: either way a second try would do harm.
                self._finish(notice)
                log.info(
                    "notice not sent",
                    **facts,
                    why=outcome.kind.value,
                    code=outcome.code,
                    status=outcome.status,
                )

    def _write(self, notice: Waiting) -> Message | None:
        """The notice's mail; None where there is nothing to say any more."""
        with self._database.read() as connection:
            told = self._tell(connection, notice)
        if told is None:
            return None
        address, note = told
        briefing = self._briefing(notice.briefing)
        digest = self._tokens.digest("notice", f"{notice.id}.{notice.queued_at.isoformat()}")
        try:
            return write_notice(
                note,
                briefing,
                address,
                number=-notice.id,
                id_left=f"notice.{base64.b32encode(digest[:10]).decode().lower()}",
                sender=self._return_path or briefing.from_address,
                date=self._clock(),
                sign=self._sign(briefing),
            )
        except HeaderFault:
            return None

    def _tell(self, connection: Connection, notice: Waiting) -> tuple[str, Note] | None:
        """Whom to tell and what, by what the roll and the desk say now."""
        if notice.edition_id is not None:
            return self._tell_editor(connection, notice)
        if notice.confirmation is not None and notice.kind is NoticeKind.CONFIRM:
            asked = confirmations.find(connection, notice.confirmation, self._clock())
            return self._tell_asked(connection, asked) if asked and not asked.used else None
        person = (
            roll.person_by_id(connection, notice.subscriber_id) if notice.subscriber_id else None
        )
        if person is None:
            return None
        if notice.kind in (NoticeKind.MOVED, NoticeKind.RESTORED):
            return notice.address, self._note_moved(notice, person)
        if person.status != "active" or notice.briefing not in person.briefings:
            return None
        return person.address, self._note_with_choices("welcome", notice.briefing, person)

    def _tell_asked(self, connection: Connection, asked: Confirmation) -> tuple[str, Note] | None:
        address, briefing = asked.address, asked.briefing
        # Mail goes to the address that stands on the roll, whatever somebody typed.
        stored = roll.person_by_address(connection, address)
        to = stored.address if stored else address.envelope
        kind = "confirm" if asked.asked is Asked.JOIN else asked.asked.value
        if asked.asked is Asked.JOIN:
            place = joining.standing(connection, address, briefing)
        elif roll.suppression_of(connection, address) in joining.NEVER:
            place = SignupStatus.NEVER
        elif asked.asked is Asked.ADDRESS and not changing.may_move(
            connection, address, asked.subscriber_id or 0
        ):
            place = SignupStatus.READING
        else:
            place = SignupStatus.NEW
        if place is SignupStatus.NEVER:
            return None
        if place is SignupStatus.READING:
            if stored is None or stored.status != "active":
                return None
            return to, self._note_with_choices("already", briefing, stored)
        values = {"days": str(asked.asked.lasts.days)}
        if asked.asked is Asked.MOVE:
            values["address"] = asked.detail["to"]
        link = self._confirming(briefing, asked.key)
        return to, self._note(kind, briefing, link=link, **values)

    def _note_moved(self, notice: Waiting, person: Person) -> Note:
        """To the mailbox that a person had: with the way back, unless it was just taken."""
        shown = preferences.mask_address(person.address)
        if notice.kind is NoticeKind.RESTORED:
            return self._note("restored", notice.briefing, address=shown)
        way_back = notice.confirmation
        link = self._confirming(notice.briefing, way_back) if way_back is not None else ""
        days = str(Asked.UNDO.lasts.days)
        return self._note("moved", notice.briefing, link=link, address=shown, days=days)

    def _confirming(self, briefing: str, key: int) -> str:
        return f"c/{briefing}/{self._tokens.sign(Door.CONFIRM, key, briefing)}"

    def _tell_editor(self, connection: Connection, notice: Waiting) -> tuple[str, Note] | None:
        briefing = self._briefing(notice.briefing)
        told = reminders.tell(connection, notice, briefing, self._clock())
        if told is None:
            return None
        note = self._note(notice.kind.value, notice.briefing, link=told.link, **told.values)
        return told.address, note

    def _note_with_choices(self, kind: str, briefing: str, person: Person) -> Note:
        """A note whose button leads to the person's choices, of a briefing they read."""
        slug = briefing if briefing in person.briefings else next(iter(person.briefings), briefing)
        link = f"p/{slug}/{self._tokens.sign(Door.PREFERENCES, person.preferences_key, slug)}"
        return self._note(kind, briefing, link=link)

    def _note(self, kind: str, slug: str, *, link: str = "", **values: str) -> Note:
        """Where the publisher's own template cannot be used, the shipped one is: a fault of theirs
        keeps nobody from joining or leaving."""
        briefing = self._briefing(slug)
        whole = f"{self._publication.public_url}/{link}" if link else ""
        dress = self._dress(briefing)

        def compose(templates: Sequence[Path]) -> Note:
            return compose_notice(
                kind,
                briefing,
                self._publication,
                dress,
                link=whole,
                search_path=templates,
                **values,
            )

        try:
            return compose(self._templates)
        except ThemeError as fault:
            log.error("template not used", kind=kind, error=fault.message, hint=fault.hint)  # noqa: TRY400
            return compose(())

    def _hand_over(self, notice: Waiting) -> bool:
        with self._database.write() as connection:
            return hand_over(connection, notice, self._clock())

    def _finish(self, notice: Waiting) -> None:
        with self._database.write() as connection:
            finish(connection, notice)

    def _put_off(self, waiting: list[Waiting]) -> None:
        now = self._clock()
        with self._database.write() as connection:
            for notice in waiting:
                wait = min(_FIRST_WAIT * 2 ** min(notice.attempts - 1, 10), _LAST_WAIT)
                put_off(connection, notice, now + wait)

    def _tidy(self) -> None:
        """Now and then remove what has expired, addresses first of all."""
        now = self._clock()
        if self._tidied is not None and now - self._tidied < _TIDY:
            return
        with self._database.write() as connection:
            forget(connection, now)
            confirmations.forget(connection, now)
            limits.forget(connection, now)
        self._tidied = now


def _words(outcome: Outcome) -> str:
    return " ".join(str(part) for part in (outcome.code or "", outcome.text) if part)
