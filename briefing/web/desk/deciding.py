"""Deciding: review, approval, holding and sending, and test sends to the configured addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Form
from pydantic import BaseModel
from starlette.responses import Response

from briefing.composition.lint import Finding
from briefing.desk.deciding import Judged
from briefing.model import Edition, EditionState
from briefing.web.desk.gate import Seat, Seated
from briefing.web.desk.parts import Number, Parts
from briefing.web.desk.table import Refused, Table


class DecisionForm(BaseModel):
    """Any form of a decision. `revision` is the one that was looked at, `waiving` a reason that
    answers for all open warnings, `address` where test sends go."""

    revision: int = 0
    reason: str = ""
    waiving: str = ""
    address: list[str] = []


def register(parts: Parts) -> None:
    routes, table, decisions = parts.routes, Table(parts), _Decisions(parts)

    @routes.post("/editions/{number}/submit")
    def submit(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Ask for review."""
        return table.settle(number, seat, lambda: decisions.submit(number, seat, form))

    @routes.post("/editions/{number}/request-changes")
    def request_changes(
        number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]
    ) -> Response:
        """Say what has to change first."""
        return table.settle(number, seat, lambda: decisions.request_changes(number, seat, form))

    @routes.post("/editions/{number}/approve")
    def approve(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Approve the revision that was looked at."""
        return table.settle(number, seat, lambda: decisions.approve(number, seat, form))

    @routes.post("/editions/{number}/send-now")
    def send_now(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Approve it and let it leave at once."""
        return table.settle(number, seat, lambda: decisions.send_now(number, seat, form))

    @routes.post("/editions/{number}/take-back")
    def take_back(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Take an approval back, as long as nobody has it."""
        return table.settle(number, seat, lambda: decisions.take_back(number, seat, form))

    @routes.post("/editions/{number}/hold")
    def hold(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Keep it from leaving."""
        return table.settle(number, seat, lambda: decisions.hold(number, seat, form))

    @routes.post("/editions/{number}/spike")
    def spike(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Give it up."""
        return table.settle(number, seat, lambda: decisions.spike(number, seat, form))

    @routes.post("/editions/{number}/test-send")
    def test_send(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Send it, marked as a test, to some of the configured addresses."""
        return table.settle(number, seat, lambda: decisions.test_send(number, seat, form))


class _Decisions:
    """Each gives what is said when it is done."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._desk = parts.desk
        self._deciding = parts.desk.deciding

    def submit(self, number: int, seat: Seat, form: DecisionForm) -> str:
        self._deciding.submit(number, note=form.reason, who=seat.user, now=self._parts.clock())
        return "It waits for review."

    def request_changes(self, number: int, seat: Seat, form: DecisionForm) -> str:
        now = self._parts.clock()
        self._deciding.request_changes(number, form.reason, who=seat.user, now=now)
        return "The changes are asked for."

    def approve(self, number: int, seat: Seat, form: DecisionForm) -> str:
        approved = self._deciding.approve(
            number,
            form.revision,
            self._findings(number, seat),
            waiving=form.waiving,
            who=seat.user,
            now=self._parts.clock(),
        )
        return f"Revision {_done(approved).approved_revision} is approved."

    def send_now(self, number: int, seat: Seat, form: DecisionForm) -> str:
        sent = self._deciding.send_now(
            number,
            form.revision,
            self._findings(number, seat),
            waiving=form.waiving,
            who=seat.user,
            now=self._parts.clock(),
        )
        _done(sent)
        return "It is approved, and leaves now."

    def take_back(self, number: int, seat: Seat, form: DecisionForm) -> str:
        now = self._parts.clock()
        edition = self._deciding.take_back(number, form.reason, who=seat.user, now=now)
        if edition.state is EditionState.HELD:
            return "The approval is taken back. Its hour is over: it is held."
        return "The approval is taken back: it is a draft again."

    def hold(self, number: int, seat: Seat, form: DecisionForm) -> str:
        self._deciding.hold(number, form.reason, who=seat.user, now=self._parts.clock())
        return "It is held."

    def spike(self, number: int, seat: Seat, form: DecisionForm) -> str:
        self._deciding.spike(number, form.reason, who=seat.user, now=self._parts.clock())
        return "It is spiked. Its stories go to the next edition."

    def test_send(self, number: int, seat: Seat, form: DecisionForm) -> str:
        allowed = self._parts.newsroom.test_addresses
        chosen = [address for address in allowed if address in form.address]
        if not chosen:
            raise Refused("no address was chosen", "choose from those of the configuration")
        edition = self._parts.sheet(number, seat).edition
        answers = self._desk.test_send(self._desk.show(edition), chosen)
        sent = [address for address, fault in answers if not fault]
        if sent:
            self._deciding.note_test(number, sent, who=seat.user, now=self._parts.clock())
        failed = [f"{address}: {fault}" for address, fault in answers if fault]
        if failed:
            raise Refused("a test could not be sent: " + "; ".join(failed))
        return f"A test went to {', '.join(chosen)}."

    def _findings(self, number: int, seat: Seat) -> Sequence[Finding]:
        """What is wrong with it as it stands; if it has moved on, the approval says so itself."""
        edition = self._parts.sheet(number, seat).edition
        if not edition.stories:
            raise Refused("there is no story in it", "add one, or spike it")
        return self._desk.proofs.of(edition).findings


def _done(answer: Edition | Judged) -> Edition:
    if isinstance(answer, Edition):
        return answer
    if answer.errors:
        raise Refused(
            f"{_count(len(answer.errors), 'error')} must be mended first",
            "see what the check found",
        )
    raise Refused(
        f"{_count(len(answer.warnings), 'warning')} must be answered for",
        "give a reason with the approval, or mend what the check found",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
