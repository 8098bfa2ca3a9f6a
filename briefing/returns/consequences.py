"""What an event changes: the reader's place on the roll, and the row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from briefing.returns.belief import REPORTED
from briefing.returns.soft_bounces import DECLARED, SoftRule, count_declared, count_failures
from briefing.store import Connection, returns
from briefing.store.returns import Belief, Event, EventKind
from subscribers import roll
from subscribers.roll import Person, Suppressed

__all__ = ["CHANGED", "REPEATED", "About", "Consequences"]

SUPPRESSED, LEFT, COUNTED, NOTED = "suppressed", "unsubscribed", "counted", "noted"
REPEATED, OUTDATED = "repeated", "outdated"
"""Nothing was changed: the same was believed of that edition before; it is about an address they
had before, or from before an operator released them."""

CHANGED = (SUPPRESSED, LEFT)
"""The effects that take somebody off the roll."""

_ONCE = (EventKind.SOFT, EventKind.BLOCKED)


@dataclass(frozen=True, slots=True)
class About:
    """Whom an event is about: edition and reader's number as far as known, and the person, unless
    erased or not on the roll. `went` is when that edition went to them."""

    edition_id: int | None = None
    briefing: str = ""
    went: datetime | None = None
    reader_id: int | None = None
    person: Person | None = None

    @property
    def is_on_roll(self) -> bool:
        """Whether there is somebody whom it could take off."""
        return self.person is not None and self.person.status != "suppressed"


class Consequences:
    """Draws them, inside the transaction that writes the event down.

    `believed` is how long an event is believed after it happened.

    A mark proves that a mail of ours was in the sender's hands, and a mail is forwarded. So a mark
    alone does nothing that its reader cannot take back by signing up again: a bounce does not bar
    them from that, a complaint would (`subscribers.joining.NEVER`). By mark a complaint therefore
    is what the link to unsubscribe in the same mail is: off that briefing.
    """

    def __init__(self, rule: SoftRule, believed: timedelta) -> None:
        self._rule = rule
        self._believed = believed

    def draw(
        self, connection: Connection, event: Event, about: About, belief: Belief, now: datetime
    ) -> str:
        """The effect, one of the codes above, or "" for none. The event is kept already."""
        if belief is Belief.UNMARKED or event.at < now - self._believed:
            return ""
        if event.kind in returns.BOUNCED or event.declared:
            return self._bounce(connection, event, about, now)
        if about.person is None or event.kind not in REPORTED:
            return ""
        if event.kind is EventKind.COMPLAINED and belief is Belief.VOUCHED:
            return _suppress(connection, about.person, Suppressed.COMPLAINT, event, now)
        reason = "complaint" if event.kind is EventKind.COMPLAINED else ""
        return _leave(connection, about, about.person, event, now, reason=reason)

    def _bounce(self, connection: Connection, event: Event, about: About, now: datetime) -> str:
        edition_id, reader_id = about.edition_id, about.reader_id
        if event.kind in returns.BOUNCED and edition_id is not None and reader_id is not None:
            words = f"{event.status} {event.words}".strip()
            returns.mark_bounced(connection, edition_id, reader_id, event.kind, words)
        person = about.person
        if person is None or person.status == "suppressed":
            return ""
        changed = returns.changed_at(connection, person.id)
        if changed is not None and changed > (about.went or event.at):
            return OUTDATED
        if event.kind is EventKind.HARD:
            return _suppress(connection, person, Suppressed.BOUNCE, event, now)
        return self._fail(connection, event, edition_id, person, changed, now)

    def _fail(
        self,
        connection: Connection,
        event: Event,
        edition_id: int | None,
        person: Person,
        changed: datetime | None,
        now: datetime,
    ) -> str:
        """What is no mailbox's end: counted, or only noted."""
        span = self._rule.span
        since = now - span if changed is None else max(now - span, changed)
        failures = returns.failures(connection, person.id, since)
        if event.declared and (times := count_declared(failures)) >= DECLARED:
            why = f"{event.provider} declared it permanent {times} times, the last: {_say(event)}"
            return _suppress(connection, person, Suppressed.BOUNCE, event, now, why)
        if edition_id is not None and _is_repeated(connection, event, edition_id, person):
            return REPEATED
        if event.kind is not EventKind.SOFT:
            _note(connection, person, "blocked", event, now)
            return NOTED
        attempts = returns.attempts(connection, person.id, since)
        failed = count_failures([(it.kind, it.edition_id, it.at) for it in failures], attempts)
        return self._count(connection, event, person, failed, now)

    def _count(
        self, connection: Connection, event: Event, person: Person, failed: int, now: datetime
    ) -> str:
        if failed < self._rule.limit:
            _note(connection, person, "soft bounce", event, now, count=str(failed))
            return COUNTED
        days = self._rule.span.days
        why = f"{failed} editions came back in {days} days, the last: {_say(event)}"
        return _suppress(connection, person, Suppressed.BOUNCE, event, now, why)


def _note(
    connection: Connection, person: Person, kind: str, event: Event, now: datetime, **more: str
) -> None:
    facts = {"status": event.status, "words": event.words[:200], **more}
    roll.record(connection, person.id, kind, _actor(event), now, **facts)


def _is_repeated(connection: Connection, event: Event, edition_id: int, person: Person) -> bool:
    """Whether the same was believed of this edition and reader before."""
    kept = returns.kept_of(connection, edition_id, person.id, _ONCE)
    # This event is among them, unless there were so many that it was not kept.
    return kept[event.kind] > 1


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
    connection: Connection,
    about: About,
    person: Person,
    event: Event,
    now: datetime,
    *,
    reason: str = "",
) -> str:
    """Off the briefing the mail was from; off everything where nobody knows which it was."""
    if not about.briefing:
        return _suppress(connection, person, Suppressed.UNSUBSCRIBED, event, now)
    if about.briefing not in person.briefings:
        return ""
    actor = f"reader ({event.provider})"
    roll.leave(connection, person.key, about.briefing, now=now, actor=actor, reason=reason)
    return LEFT


def _actor(event: Event) -> str:
    return f"returned ({event.provider})"


def _say(event: Event) -> str:
    return " ".join(f"{event.status} {event.words}".split())[:300]
