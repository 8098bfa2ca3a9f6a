"""Deciding: review, approval, holding and sending, and test sends to the configured addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Final

from fastapi import Form
from pydantic import BaseModel
from starlette.responses import Response

from briefing.desk.approval import Judged
from briefing.lint import LintFinding
from briefing.model import Edition, EditionState
from briefing.web.desk.auth import Operating, Seat, Seated
from briefing.web.desk.context import DeskContext, Number
from briefing.web.desk.edition_page import AFTER, ActRefused, EditionPage, tell_span

_LEAVES: Final = {
    EditionState.APPROVED: "It is approved, and leaves now.",
    EditionState.SENDING: "It is being sent already.",
    EditionState.SENT: "It has been sent already: nobody gets it twice.",
}
"""What is said to who sends it now, by the state it is in then."""


class DecisionForm(BaseModel):
    """Any form of a decision. `revision` is the one that was looked at, `waiving` a reason that
    answers for all open warnings, `address` where test sends go."""

    revision: int = 0
    reason: str = ""
    waiving: str = ""
    panel: str = ""
    address: list[str] = []


def register(context: DeskContext) -> None:
    routes, table = context.routes, EditionPage(context)
    decisions = _Decisions(context, table)

    for path, act in decisions.by_path.items():
        routes.post(f"/editions/{{number}}/{path}")(_answering(table, act))

    @routes.get("/editions/{number}/send")
    def ask_to_send(number: Number, seat: Operating, revision: str = "") -> Response:
        """The question before it is sent: to how many, and what. `revision` is the one that the
        page showed; without it nobody has looked at any."""
        return decisions.ask_to_send(number, seat, revision)

    @routes.post("/editions/{number}/send-now")
    def send_now(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        """Approve it and let it leave at once."""

        def again(trouble: ActRefused) -> Response:
            return decisions.ask_to_send(number, seat, str(form.revision), form.waiving, trouble)

        act = partial(decisions.send_now, number, seat, form)
        return table.settle(number, seat, act, panel=again if form.panel else None)


_Decision = Callable[[int, Seat, DecisionForm], str]


def _answering(table: EditionPage, act: _Decision) -> Callable[..., Response]:
    """A handler of the forms of one decision."""

    def answer(number: Number, seat: Seated, form: Annotated[DecisionForm, Form()]) -> Response:
        return table.settle(number, seat, partial(act, number, seat, form))

    return answer


class _Decisions:
    """Each gives what is said when it is done."""

    def __init__(self, context: DeskContext, table: EditionPage) -> None:
        self._context = context
        self._table = table
        self._desk = context.desk
        self._deciding = context.desk.deciding
        self.by_path: Mapping[str, _Decision] = {
            "submit": self._submit,
            "request-changes": self._request_changes,
            "approve": self._approve,
            "take-back": self._take_back,
            "hold": self._hold,
            "spike": self._spike,
            "test-send": self._test_send,
        }

    def _submit(self, number: int, seat: Seat, form: DecisionForm) -> str:
        self._deciding.submit(number, note=form.reason, who=seat.user, now=self._context.clock())
        return "It waits for review."

    def _request_changes(self, number: int, seat: Seat, form: DecisionForm) -> str:
        now = self._context.clock()
        self._deciding.request_changes(number, form.reason, who=seat.user, now=now)
        return "The changes are asked for."

    def _approve(self, number: int, seat: Seat, form: DecisionForm) -> str:
        approved = self._deciding.approve(
            number,
            form.revision,
            self._findings(number, seat),
            waiving=form.waiving,
            who=seat.user,
            now=self._context.clock(),
        )
        return f"Revision {_done(approved).approved_revision} is approved."

    def send_now(self, number: int, seat: Seat, form: DecisionForm) -> str:
        before = self._context.sheet(number, seat).edition
        if seat.user.may_approve and before.state in AFTER:
            return _tell_leaving(before)
        sent = self._deciding.send_now(
            number,
            form.revision,
            self._findings(number, seat),
            waiving=form.waiving,
            who=seat.user,
            now=self._context.clock(),
        )
        return _tell_leaving(_done(sent))

    def ask_to_send(
        self,
        number: int,
        seat: Seat,
        looked_at: str,
        waiving: str = "",
        trouble: ActRefused | None = None,
    ) -> Response:
        """Asks only about the revision that was looked at; says what hinders it otherwise."""
        sheet = self._context.sheet(number, seat)
        edition, named = sheet.edition, self._context.briefing(sheet)
        now = self._context.clock()
        proof, _ = self._table.proof(edition)
        readers = self._desk.queries.count_subscribers(named.slug, now)
        return self._context.renderer.page(
            "send.html",
            seat,
            status=422 if trouble else 200,
            fragment=seat.fragment,
            edition=edition,
            named=named,
            looked_at=looked_at,
            readers=readers,
            judged=self._deciding.judge(number, proof.findings if proof else ()),
            subject=proof.composed.composition.subject if proof else edition.subject,
            left=tell_span(edition.due_at - now),
            waiving=waiving,
            trouble=trouble,
        )

    def _take_back(self, number: int, seat: Seat, form: DecisionForm) -> str:
        now = self._context.clock()
        edition = self._deciding.take_back(number, form.reason, who=seat.user, now=now)
        if edition.state is EditionState.HELD:
            return "The approval is taken back. Its hour is over: it is held."
        return "The approval is taken back: it is a draft again."

    def _hold(self, number: int, seat: Seat, form: DecisionForm) -> str:
        self._deciding.hold(number, form.reason, who=seat.user, now=self._context.clock())
        return "It is held."

    def _spike(self, number: int, seat: Seat, form: DecisionForm) -> str:
        self._deciding.spike(number, form.reason, who=seat.user, now=self._context.clock())
        return "It is spiked. Its stories go to the next edition."

    def _test_send(self, number: int, seat: Seat, form: DecisionForm) -> str:
        allowed = self._context.newsroom.test_addresses
        chosen = [address for address in allowed if address in form.address]
        if not chosen:
            raise ActRefused("no address was chosen", "choose from those of the configuration")
        edition = self._context.sheet(number, seat).edition
        answers = self._desk.test_send(self._desk.show(edition), chosen)
        sent = [address for address, fault in answers if not fault]
        if sent:
            self._deciding.note_test(number, sent, who=seat.user, now=self._context.clock())
        failed = [f"{address}: {fault}" for address, fault in answers if fault]
        if failed:
            raise ActRefused("a test could not be sent: " + "; ".join(failed))
        return f"A test went to {', '.join(chosen)}."

    def _findings(self, number: int, seat: Seat) -> Sequence[LintFinding]:
        """What is wrong with it as it stands; if it has moved on, the approval says so itself."""
        edition = self._context.sheet(number, seat).edition
        if not edition.stories:
            raise ActRefused("there is no story in it", "add one, or spike it")
        return self._desk.proofs.of(edition).findings


def _done(answer: Edition | Judged) -> Edition:
    if isinstance(answer, Edition):
        return answer
    if answer.errors:
        raise ActRefused(
            f"{_count(len(answer.errors), 'error')} must be mended first",
            "see what the check found",
        )
    raise ActRefused(
        f"{_count(len(answer.warnings), 'warning')} must be answered for",
        "give a reason with the approval, or mend what the check found",
    )


def _tell_leaving(edition: Edition) -> str:
    if edition.state is EditionState.CANCELLED:
        raise ActRefused("it was cancelled", "nobody else gets it any more")
    if edition.state not in _LEAVES:
        raise ActRefused(
            "it was changed at the same moment, and does not leave",
            "look at what has changed: it needs a new approval",
        )
    return _LEAVES[edition.state]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
