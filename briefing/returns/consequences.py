"""What an event changes: the reader's place on the roll, and the row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from briefing.returns.patience import SoftRule, count_failures
from briefing.store import Connection, returns
from briefing.store.returns import Event, EventKind
from subscribers import roll
from subscribers.roll import Person, Suppressed

__all__ = ["CHANGED", "About", "Consequences"]

SUPPRESSED, LEFT, COUNTED = "suppressed", "unsubscribed", "counted"
CHANGED = (SUPPRESSED, LEFT)
"""The effects that take somebody off the roll."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom an event is about: edition and reader's number as far as known, and the person, unless
    erased or not on the roll. `began` is when the edition began to leave."""

    edition_id: int | None = None
    briefing: str = ""
    began: datetime | None = None
    reader_id: int | None = None
    person: Person | None = None


class Consequences:
    """Draws them, inside the transaction that writes the event down.

    `believed` is how long an event is believed after it happened.
    """

    def __init__(self, rule: SoftRule, believed: timedelta) -> None:
        self._rule = rule
        self._believed = believed

    def draw(self, connection: Connection, event: Event, about: About, now: datetime) -> str:
        """The effect: "suppressed", "unsubscribed", "counted", or "" for none."""
        if event.at < now - self._believed:
            return ""
        if event.kind in returns.BOUNCED:
            return self._bounce(connection, event, about, now)
        if about.person is None:
            return ""
        match event.kind:
            case EventKind.COMPLAINED:
                return _suppress(connection, about.person, Suppressed.COMPLAINT, event, now)
            case EventKind.UNSUBSCRIBED:
                return _leave(connection, about, about.person, event, now)
            case _:
                return ""

    def _bounce(self, connection: Connection, event: Event, about: About, now: datetime) -> str:
        if about.edition_id is not None and about.reader_id is not None:
            words = f"{event.status} {event.words}".strip()
            returns.mark_bounced(connection, about.edition_id, about.reader_id, event.kind, words)
        person = about.person
        if person is None or person.status == "suppressed":
            return ""
        changed = returns.changed_at(connection, person.id)
        if changed is not None and changed > (about.began or event.at):
            # It is about an address they had before, or from before somebody released them.
            return ""
        if event.kind is EventKind.HARD:
            return _suppress(connection, person, Suppressed.BOUNCE, event, now)
        facts = {"status": event.status, "words": event.words[:200]}
        if event.kind is EventKind.BLOCKED:
            roll.record(connection, person.id, "blocked", _actor(event), now, **facts)
            return ""
        span = self._rule.span
        since = now - span if changed is None else max(now - span, changed)
        failed = count_failures(
            returns.failures(connection, person.id, since),
            returns.attempts(connection, person.id, since),
        )
        if failed >= self._rule.limit:
            detail = f"{failed} editions came back in {span.days} days, the last: {_say(event)}"
            return _suppress(connection, person, Suppressed.BOUNCE, event, now, detail)
        facts["count"] = str(failed)
        roll.record(connection, person.id, "soft bounce", _actor(event), now, **facts)
        return COUNTED


def _suppress(
    connection: Connection,
    person: Person,
    reason: Suppressed,
    event: Event,
    now: datetime,
    detail: str = "",
) -> str:
    """Also where somebody is suppressed already: a stricter reason wins."""
    why, who = detail or _say(event), _actor(event)
    changed = roll.suppress(connection, person.address, reason, now=now, actor=who, detail=why)
    return SUPPRESSED if changed and person.status != "suppressed" else ""


def _leave(
    connection: Connection, about: About, person: Person, event: Event, now: datetime
) -> str:
    """Off the briefing the mail was from; off everything where nobody knows which it was."""
    if not about.briefing:
        return _suppress(connection, person, Suppressed.UNSUBSCRIBED, event, now)
    if about.briefing not in person.briefings:
        return ""
    roll.leave(connection, person.key, about.briefing, now=now, actor=f"reader ({event.provider})")
    return LEFT


def _actor(event: Event) -> str:
    return f"returned ({event.provider})"


def _say(event: Event) -> str:
    return " ".join(f"{event.status} {event.words}".split())[:300]
