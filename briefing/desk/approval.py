"""Deciding: review, approval, and what keeps an edition from leaving.

::

    draft ──submit──▶ in review ──approve──▶ approved ──its hour──▶ sending ──▶ sent
      ▲ ▲                 │                   │     │                 │
      │ └── an edit ◀─────┼───────────────────┘     │                 │
      │                   └─request_changes─▶ changes requested       │
      └──take_back──────────────────────────────────┴── nobody has it yet

An approval names the revision that was looked at; an edit makes it stale. Who may approve, send and
spike is a publisher or operator; anybody at the desk may submit, ask for changes, and hold.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from briefing.desk import input_limits, lifecycle
from briefing.desk.decisions import Decisions
from briefing.desk.dispatch import refuse_early
from briefing.desk.lifecycle import NotAllowed, after_approval
from briefing.errors import EditionError
from briefing.lint import LintFinding, Severity
from briefing.model import Briefing, Edition, EditionState, Transition, User
from briefing.store import Connection, Database, editions, edits, waivers
from briefing.store import users as accounts
from briefing.store.recall import recall
from briefing.store.waivers import Waiver

__all__ = ["Approval", "Judged", "NotAllowed", "Waiver"]


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings as they bear on an approval: `errors` forbid it, `warnings` wait for a waiver."""

    errors: tuple[LintFinding, ...]
    warnings: tuple[LintFinding, ...]
    waived: tuple[tuple[LintFinding, Waiver], ...]

    @property
    def stands_in_the_way(self) -> bool:
        return bool(self.errors or self.warnings)

    def tell_errors(self, most: int = 2) -> str:
        """How many errors there are, and the first of them: "2 errors of the check: …"."""
        count = len(self.errors)
        told = [f"{one.place.describe()}: {one.message}" for one in self.errors[:most]]
        if count > most:
            told.append(f"and {count - most:,} more")
        return f"{count:,} error{'' if count == 1 else 's'} of the check: {'; '.join(told)}"


class Approval:
    """The decisions. All raise `NotAllowed` and `EditionError`; each is logged with its author."""

    def __init__(
        self, database: Database, decisions: Decisions, briefing: Callable[[str], Briefing]
    ) -> None:
        self._database = database
        self._decisions = decisions
        self._briefing = briefing

    def judge(self, edition_id: int, findings: Sequence[LintFinding]) -> Judged:
        """Sort the findings of a draft by what they mean for its approval."""
        with self._database.read() as connection:
            return judge(findings, waivers.of_edition(connection, edition_id))

    def waive(
        self, edition_id: int, finding: LintFinding, reason: str, *, who: User, now: datetime
    ) -> Waiver:
        """Answer for a warning, as long as the words it was found in stay. A reason is needed."""
        why = input_limits.line("reason", reason, needed=True)
        waiver = Waiver(*_key(finding), who.name, why, now)
        with self._database.write() as connection:
            edition = _locked(connection, edition_id)
            _waive(connection, edition, waiver)
        return waiver

    def withdraw_waiver(
        self, edition_id: int, rule: str, place: str, *, who: User, now: datetime
    ) -> None:
        """Let a warning count again."""
        with self._database.write() as connection:
            edition = _locked(connection, edition_id)
            # What PostgreSQL takes in no text was in no finding either.
            key = rule[:100].replace("\0", ""), place[:400].replace("\0", "")
            if waivers.withdraw(connection, edition_id, *key):
                _log(connection, edition, "unwaive", f"{rule}: {place}", who.name, now)

    def submit(self, edition_id: int, *, note: str = "", who: User, now: datetime) -> Edition:
        """Ask for review. See `wants_changes`: it does not make a wish for changes fulfilled."""
        return self._move(edition_id, lifecycle.SUBMIT, note, who, now)

    def request_changes(self, edition_id: int, note: str, *, who: User, now: datetime) -> Edition:
        """Say what has to change before it may leave; it does not leave by policy then."""
        input_limits.text("message", note, needed=True)
        return self._move(edition_id, lifecycle.REQUEST_CHANGES, note, who, now)

    def wants_changes(self, edition_id: int) -> bool:
        """Whether somebody has asked for changes and nobody who may has said that it is well now:
        it must not leave by policy then."""
        with self._database.read() as connection:
            history = edits.history(connection, edition_id)
            decide = {user.name for user in accounts.everybody(connection) if user.may_approve}
        return wants_changes(history, decide)

    def approve(
        self,
        edition_id: int,
        revision: int,
        findings: Sequence[LintFinding],
        *,
        waiving: str = "",
        who: User,
        now: datetime,
    ) -> Edition | Judged:
        """Freeze a revision; `Judged` where findings stand in the way, and nothing is written.

        `findings` are those of that revision (`briefing.lint`). `waiving` is a reason
        that answers for every open warning at once.
        """
        lifecycle.check_role(lifecycle.APPROVE, who)
        with self._database.read() as connection:
            edition = _found(editions.get(connection, edition_id), edition_id)
        if edition.state is EditionState.APPROVED and edition.approved_revision == revision:
            return edition
        if edition.revision != revision:
            raise EditionError(
                f"the edition is at revision {edition.revision} by now, not {revision}",
                hint="look at what has changed, then approve",
            )
        judged = self.judge(edition_id, findings)
        why = input_limits.line("reason", waiving)
        if judged.errors or (judged.warnings and not why):
            return judged
        if judged.warnings:
            with self._database.write() as connection:
                locked = _locked(connection, edition_id)
                for finding in judged.warnings:
                    _waive(connection, locked, Waiver(*_key(finding), who.name, why, now))
        return self._decisions.approve(edition, by=who.name, now=now)

    def take_back(self, edition_id: int, reason: str, *, who: User, now: datetime) -> Edition:
        """Make an approved edition a draft again, at its own hour, as long as no message has left.

        After that hour it is held instead: what was taken back must not leave by policy.
        """
        lifecycle.check_role(lifecycle.TAKE_BACK, who)
        why = input_limits.line("reason", reason)
        with self._database.write() as connection:
            edition = _locked(connection, edition_id)
            if edition.state in (EditionState.DRAFT, EditionState.HELD):
                return edition
            due_at, is_late = after_approval(edition, self._briefing(edition.briefing), now)
            transition = lifecycle.TAKE_BACK_LATE if is_late else lifecycle.TAKE_BACK
            reason = (why or f"taken back by {who.name}") if is_late else ""
            values = {"due_at": due_at, "reason": reason}
            if edition.state is EditionState.SENDING:
                if not recall(connection, edition, transition, now, **values):
                    raise EditionError(
                        "the first messages have left already",
                        hint="pause the delivery, or cancel it for those who wait",
                    )
            elif not editions.change_state(connection, edition_id, transition, **values):
                raise EditionError(f"the edition of {edition.day} is {edition.state}, not approved")
            lifecycle.record(connection, edition, transition, by=who.name, now=now, note=why)
        return self._reload(edition_id)

    def hold(self, edition_id: int, reason: str, *, who: User, now: datetime) -> Edition:
        """Keep an edition from leaving until it is approved (again)."""
        del now  # decisions have a clock of their own
        lifecycle.check_role(lifecycle.HOLD, who)
        why = input_limits.line("reason", reason)
        return self._decisions.hold(self._reload(edition_id), why, by=who.name)

    def spike(self, edition_id: int, reason: str, *, who: User, now: datetime) -> Edition:
        """Give an edition up; its stories go to the next one."""
        del now
        lifecycle.check_role(lifecycle.SPIKE, who)
        why = input_limits.line("reason", reason)
        return self._decisions.spike(self._reload(edition_id), why, by=who.name)

    def cancel(self, edition_id: int, reason: str, *, who: User) -> Edition:
        """End a delivery for good: readers who still wait are skipped. A reason is needed."""
        lifecycle.check_role(lifecycle.CANCEL, who)
        why = input_limits.line("reason", reason, needed=True)
        return self._decisions.cancel(self._reload(edition_id), why, by=who.name)

    def send_now(
        self,
        edition_id: int,
        revision: int,
        findings: Sequence[LintFinding],
        *,
        waiving: str = "",
        who: User,
        now: datetime,
    ) -> Edition | Judged:
        """Approve, unless it is, and let it leave at once instead of at its hour."""
        approved = self.approve(edition_id, revision, findings, waiving=waiving, who=who, now=now)
        if isinstance(approved, Judged):
            return approved
        refuse_early(approved, now)
        with self._database.write() as connection:
            edition = _locked(connection, edition_id)
            if edition.due_at > now and editions.bring_forward(connection, edition_id, now):
                _log(connection, edition, "send now", "", who.name, now)
        leaving = self._reload(edition_id)
        if leaving.state in (EditionState.DRAFT, EditionState.HELD):
            raise EditionError(
                f"the edition of {leaving.day} was changed at the same moment, and stays",
                hint="look at what has changed, then send it",
            )
        return leaving

    def note_test(
        self, edition_id: int, addresses: Sequence[str], *, who: User, now: datetime
    ) -> None:
        """Log that a test was sent, and where to."""
        with self._database.write() as connection:
            edition = _locked(connection, edition_id)
            _log(connection, edition, "test", ", ".join(addresses), who.name, now)

    def _move(
        self, edition_id: int, transition: Transition, note: str, who: User, now: datetime
    ) -> Edition:
        lifecycle.check_role(transition, who)
        said = input_limits.text("message", note)
        with self._database.write() as connection:
            edition = _locked(connection, edition_id)
            if edition.state is not transition.after and not lifecycle.move(
                connection, edition, transition, by=who.name, now=now, note=said, reason=said
            ):
                raise lifecycle.explain_refusal(edition, transition)
        return self._reload(edition_id)

    def _reload(self, edition_id: int) -> Edition:
        with self._database.read() as connection:
            return _found(editions.get(connection, edition_id), edition_id)


def wants_changes(history: Iterable[edits.Edit], decide: Container[str]) -> bool:
    """Whether a wish for changes stands after the log of an edition. Pure.

    An approval ends it, and its author, or one of those who `decide`, by asking for a review.
    Anybody else's asking does not: who was told to change it cannot say alone that it is well.
    """
    author = ""
    for entry in history:
        lifts = entry.who == author or entry.who in decide
        if entry.kind == "changes":
            author = entry.who
        elif entry.kind == "approve" or (entry.kind == "submit" and lifts):
            author = ""
    return bool(author)


def judge(findings: Sequence[LintFinding], given: Sequence[Waiver]) -> Judged:
    """Sort findings by what they mean for an approval. Errors cannot be waived."""
    by_key = {(waiver.rule, waiver.place, waiver.about): waiver for waiver in given}
    errors, warnings, waived = [], [], []
    for finding in findings:
        waiver = by_key.get(_key(finding))
        if finding.level is Severity.ERROR:
            errors.append(finding)
        elif waiver is None:
            warnings.append(finding)
        else:
            waived.append((finding, waiver))
    return Judged(tuple(errors), tuple(warnings), tuple(waived))


def _key(finding: LintFinding) -> tuple[str, str, str]:
    """What a waiver is kept by."""
    return finding.rule[:100], finding.place.describe()[:400], finding.about


def _waive(connection: Connection, edition: Edition, waiver: Waiver) -> None:
    waivers.keep(connection, edition.id, waiver)
    note = f"{waiver.rule}: {waiver.place}: {waiver.reason}"
    _log(connection, edition, "waive", note, waiver.who, waiver.at)


def _log(
    connection: Connection, edition: Edition, kind: str, note: str, who: str, now: datetime
) -> None:
    edits.record(
        connection, edition.id, kind, revision=edition.revision, who=who, now=now, note=note
    )


def _locked(connection: Connection, edition_id: int) -> Edition:
    return _found(editions.lock(connection, edition_id), edition_id)


def _found(edition: Edition | None, edition_id: int) -> Edition:
    if edition is None:
        raise EditionError(f"there is no edition number {edition_id}", hint="go back to the list")
    return edition
