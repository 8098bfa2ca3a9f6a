"""Reminders: editors are told when a draft is ready, and when its hour comes without approval.

One mail of each kind about an edition, to everybody who can do something about it, queued with the
other single mails (`briefing.desk.notices`). Only where a briefing wants an approval.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from briefing.composition.languages import language_for
from briefing.model import Briefing, Edition, EditionState, Role, User
from briefing.store import Connection, Database, editions, reminders
from briefing.store import users as accounts
from briefing.store.notices import Notice, NoticeKind, queue

UNDECIDED: Final = (
    EditionState.DRAFT,
    EditionState.REVIEW,
    EditionState.CHANGES,
    EditionState.HELD,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What one editor is told. `link` is below the public address."""

    address: str
    link: str
    values: dict[str, str]


def find_due(edition: Edition, briefing: Briefing, now: datetime) -> tuple[NoticeKind, ...]:
    """The kinds of mail that an edition asks for now. Pure.

    Not after the hour: what the policy did then is told at the desk.
    """
    undecided = edition.state in UNDECIDED and bool(edition.stories)
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


def remind(database: Database, edition: Edition, briefing: Briefing, now: datetime) -> int:
    """Queue the mails that are due; how many. Safe to repeat, also by several processes."""
    count = 0
    for kind in find_due(edition, briefing, now):
        with database.write() as connection:
            if not reminders.claim(connection, edition.id, kind.value, now):
                continue
            for user in choose(accounts.everybody(connection)):
                queue(
                    connection,
                    kind,
                    briefing.slug,
                    now=now,
                    edition_id=edition.id,
                    user_id=user.id,
                )
                count += 1
    return count


def tell(connection: Connection, notice: Notice, briefing: Briefing, now: datetime) -> Told | None:
    """What a queued mail says when it is written; None where it has nothing to say any more."""
    account = accounts.get(connection, notice.user_id or 0)
    edition = editions.get(connection, notice.edition_id or 0)
    if account is None or edition is None or not account.user.email or account.user.disabled:
        return None
    if edition.state not in UNDECIDED or now >= edition.due_at:
        return None
    language = language_for(briefing.language)
    return Told(
        account.user.email,
        f"desk/editions/{edition.id}",
        {
            "day": language.day(edition.day),
            "time": f"{edition.due_at.astimezone(briefing.timezone):%H:%M}",
            "zone": str(briefing.timezone),
            "stories": str(len(edition.stories)),
            "otherwise": briefing.if_unapproved,
        },
    )
