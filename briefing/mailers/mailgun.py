"""Mailgun: the very bytes, one message a request (messages.mime).

Its batches need `recipient-variables`, which go into the parts and not into every field; without
them every reader would see all the others. So a batch is 1. Our Message-ID and fields stay as they
are; the envelope sender is Mailgun's.

Sources, as of 2026-11: Mailgun's OpenAPI description (mailgun/mailgun-mcp-server).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import ClassVar

from urllib3.filepost import encode_multipart_formdata

from briefing.errors import MailerFault
from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter
from briefing.mailers.provider import Provider, refusal, taken
from briefing.model import Outcome, OutcomeKind

__all__ = ["Mailgun"]

_NO_ADDRESS = re.compile(r"\bto\b[\w' ]* (?:is not a valid|not valid|invalid)", re.IGNORECASE)
_SOON = re.compile(r"per[- ]sec|per[- ]min|requests|try again after", re.IGNORECASE)


class Mailgun(Provider):
    """`domain` is the sending domain of the account; `url` the region's, the United States' by
    default, https://api.eu.mailgun.net for the European Union."""

    kind: ClassVar[str] = "mailgun"
    title: ClassVar[str] = "Mailgun"
    room: ClassVar[int] = 25_000_000
    utf8: ClassVar[bool] = True
    brief: ClassVar[bool] = True

    def __init__(self, domain: str, key: str, *, url: str = "") -> None:
        super().__init__(url or "https://api.mailgun.net")
        self._domain = domain
        token = base64.b64encode(f"api:{key}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {token}"}

    def ping(self) -> HttpRequest:
        return HttpRequest("GET", f"/v4/domains/{self._domain}", self._headers)

    def check_ping(self, answer: HttpResponse) -> str:
        if answer.status in (401, 403):
            # So is a key answered that may only send, which is the better kind to have here.
            return "the key may not look at the domain; whether it may send shows when mail goes"
        if not answer.accepted:
            raise MailerFault(
                f"Mailgun does not know the domain {self._domain}: {answer.words}",
                hint="check domain in [mailer], and api_url (https://api.eu.mailgun.net for "
                "accounts in the European Union)",
            )
        state = (answer.get("domain") or {}).get("state", "")
        if state not in ("active", ""):
            raise MailerFault(
                f"Mailgun: the domain {self._domain} is {state}",
                hint="its control panel says what is missing",
            )
        return f"the domain {self._domain} is active"

    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        (letter,) = letters
        body, kind = encode_multipart_formdata(
            [
                ("to", letter.message.recipient),
                ("message", ("message.mime", letter.unsigned, "application/octet-stream")),
                ("o:tracking", "no"),
                ("o:tracking-clicks", "no"),
                ("o:tracking-opens", "no"),
                ("v:briefing-id", letter.mark),
            ]
        )
        path = f"/v3/{self._domain}/messages.mime"
        return HttpRequest("POST", path, {**self._headers, "Content-Type": kind}, body)

    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        return [taken(letter, answer, str(answer.get("id") or "")) for letter in letters]

    def is_busy(self, answer: HttpResponse) -> bool:
        # 429 is for a rate as well as for the account's limit of the hour or day.
        if answer.status == 429:
            return answer.wait is not None or _SOON.search(answer.words) is not None
        return super().is_busy(answer)

    def classify_error(self, answer: HttpResponse) -> Outcome:
        if answer.status == 400:
            if _NO_ADDRESS.search(answer.words):
                return refusal(OutcomeKind.HARD, answer, "5.1.3")
            return refusal(OutcomeKind.FAULT, answer, stage=Stage.END)
        return super().classify_error(answer)
