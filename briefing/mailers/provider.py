"""A provider: what differs from one API to the next, as blanks that each of them fills.

What they do alike is in `briefing.mailers.api`. What an answer means is said here in three words:
*busy*, where nothing was taken; *unclear*, where the messages may have been; and the blame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter
from briefing.model import Outcome, OutcomeKind

__all__ = ["Provider", "refusal", "taken"]


class Provider(ABC):
    """The blanks. One object serves all connections at once, so it keeps nothing."""

    kind: ClassVar[str]
    """The name in [mailer] kind."""
    title: ClassVar[str]
    """The name for people."""
    cap: ClassVar[int] = 1
    """The most messages in one request."""
    room: ClassVar[int] = 10_000_000
    """The most bytes of one message."""
    full: ClassVar[int] = 30_000_000
    """The most bytes of messages in one request."""
    utf8: ClassVar[bool] = False
    """Whether it takes addresses with a name beyond ASCII (RFC 6531)."""
    repeatable: ClassVar[bool] = False
    """Whether it knows a request that is made again, and does nothing then."""
    brief: ClassVar[bool] = False
    """Whether a success says all by its status alone."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def ping(self) -> HttpRequest:
        """A request that changes nothing and tells whether the key is right."""

    @abstractmethod
    def check_ping(self, answer: HttpResponse) -> str:
        """What that request's answer says, for people. Raises `MailerFault`."""

    @abstractmethod
    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        """The request that sends these letters. Raises `ValueError` for one that cannot be."""

    @abstractmethod
    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        """An outcome a letter, in order, from an answer that accepted the request; none at all
        where the answer does not say."""

    def group(self, letters: Sequence[Letter]) -> list[list[Letter]]:
        """Letters that may go in one request, by the provider's own rules."""
        return [list(letters)]

    def is_busy(self, answer: HttpResponse) -> bool:
        """Whether nothing was taken and the same may be asked again soon."""
        return answer.status == 429 or (answer.status == 503 and answer.wait is not None)

    def is_unclear(self, answer: HttpResponse) -> bool:
        """Whether the messages may have been taken or not."""
        if answer.accepted:
            return not answer.whole and not self.brief
        return answer.status >= 500

    def classify_error(self, answer: HttpResponse) -> Outcome:
        """What an answer that refused the request says of each letter in it; for reader 0.

        `SENT` where it says that the same request was taken before. Without words of the
        provider's own: an error of the request is said as of one recipient (`stage`), so that it
        is everybody's only where others fare alike; the rest hits everybody.
        """
        if answer.status == 413:
            return refusal(OutcomeKind.CONTENT, answer, "5.3.4")
        if answer.status in (400, 409, 422):
            return refusal(OutcomeKind.FAULT, answer, stage=Stage.END)
        return refusal(OutcomeKind.FAULT, answer)


def refusal(
    kind: OutcomeKind, answer: HttpResponse, status: str = "", text: str = "", stage: str = ""
) -> Outcome:
    """An outcome for reader 0 in the answer's own words, or in `text`."""
    return Outcome(0, kind, answer.status, status, text or answer.words, stage=stage)


def taken(letter: Letter, answer: HttpResponse, reference: str) -> Outcome:
    """The provider has it, under the name `reference`."""
    text = f"taken as {reference}" if reference else "taken"
    number = letter.message.recipient_id
    return Outcome(number, OutcomeKind.SENT, answer.status, "", text, reference)
