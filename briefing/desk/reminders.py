"""Reminders: editors are told when a draft is ready, and when its hour comes without approval; that
errors hold an edition, and that an alert waits.

One mail of each kind about an edition, to everybody who can do something about it, queued with the
other single mails (`briefing.desk.transactional_mail`). The first two only where a briefing wants
an approval.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from briefing.composition.languages import language_for
from briefing.composition.sanitize import words
from briefing.model import OPEN, Briefing, Edition, EditionState, Role, User
from briefing.store import Connection, Database, editions, reminders
from briefing.store import users as accounts
from briefing.store.notices import Notice, NoticeKind, queue


@dataclass(frozen=True, slots=True)
class Reminder:
    """What one editor is told. `link` is below the public address."""

    address: str
    link: str
    values: dict[str, str]


def find_due(edition: Edition, briefing: Briefing, now: datetime) -> tuple[NoticeKind, ...]:
    """The kinds of mail that an edition asks for now. Pure.

    Not after the hour: what the policy did then is told at the desk.
    """
    undecided = edition.state in OPEN and bool(edition.stories)
    if briefing.approval != "required" or not undecided or now >= edition.due_at:
        return ()
    if briefing.remind and now >= edition.due_at - briefing.remind:
        # Who gets to know of the draft only now need not be told twice.
        return (NoticeKind.DEADLINE,)
    return (NoticeKind.READY,)


def choose(users: Iterable[User]) -> list[User]:
    """Who is told: editors and publishers with an address; operators where no publisher has one."""
    able = [user for user in users if user.email and not user.disabled]
    told = [user for user in able if user.role is not Role.OPERATOR]
    if not any(user.role is Role.PUBLISHER for user in told):
        told += [user for user in able if user.role is Role.OPERATOR]
    return told


def choose_publishers(users: Iterable[User]) -> list[User]:
    """Who is told what they alone decide: publishers with an address, operators where none has."""
    able = [user for user in users if user.email and not user.disabled]
    told = [user for user in able if user.role is Role.PUBLISHER]
    return told or [user for user in able if user.role is Role.OPERATOR]


def remind(database: Database, edition: Edition, briefing: Briefing, now: datetime) -> int:
    """Queue the mails that are due; how many. Safe to repeat, also by several processes."""
    count = 0
    for kind in find_due(edition, briefing, now):
        with database.write() as connection:
            if not reminders.claim(connection, edition.id, kind.value, now):
                continue
            count += _queue(connection, kind, edition, choose(accounts.everybody(connection)), now)
    return count


def tell_held(connection: Connection, edition: Edition, now: datetime) -> None:
    """Queue the mails that errors hold an edition. In the transaction that holds it."""
    told = choose(accounts.everybody(connection))
    _queue(connection, NoticeKind.ERRORS, edition, told, now)


def tell_alert(connection: Connection, edition: Edition, who: User, now: datetime) -> None:
    """Queue the mails that an alert waits, not to `who` has opened it. In that transaction."""
    able = choose_publishers(accounts.everybody(connection))
    told = [user for user in able if user.id != who.id]
    _queue(connection, NoticeKind.ALERT, edition, told, now)


def tell(
    connection: Connection, notice: Notice, briefing: Briefing, now: datetime
) -> Reminder | None:
    """What a queued mail says when it is written; None where it has nothing to say any more."""
    account = accounts.get(connection, notice.user_id or 0)
    edition = editions.get(connection, notice.edition_id or 0)
    if account is None or edition is None or not account.user.email or account.user.disabled:
        return None
    values = _values(notice.kind, edition, briefing, now)
    if values is None:
        return None
    return Reminder(account.user.email, f"desk/editions/{edition.id}", values)


def _values(
    kind: NoticeKind, edition: Edition, briefing: Briefing, now: datetime
) -> dict[str, str] | None:
    """What the words of a mail name; None where it is settled meanwhile. Pure."""
    day = language_for(briefing.language).day(edition.day)
    if kind is NoticeKind.ERRORS:
        is_held = edition.state is EditionState.HELD
        return {"day": day, "found": edition.reason} if is_held else None
    if kind is NoticeKind.ALERT:
        headline = next((words(it.shown_headline, 120) for it in edition.stories), "")
        return {"headline": headline} if edition.state in OPEN else None
    if edition.state not in OPEN or now >= edition.due_at:
        return None
    return {
        "day": day,
        "time": f"{edition.due_at.astimezone(briefing.timezone):%H:%M}",
        "zone": str(briefing.timezone),
        "stories": str(len(edition.stories)),
        "otherwise": briefing.if_unapproved,
    }


def _queue(
    connection: Connection,
    kind: NoticeKind,
    edition: Edition,
    users: Iterable[User],
    now: datetime,
) -> int:
    count = 0
    for user in users:
        queue(connection, kind, edition.briefing, now=now, edition_id=edition.id, user_id=user.id)
        count += 1
    return count
