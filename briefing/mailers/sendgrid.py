"""SendGrid v3: up to 1,000 messages a request, as personalizations of one content.

Readers of one request share the content; their own addresses go in as substitutions, which SendGrid
puts in the place of tags. An address may stand in a request once. What is accepted is answered with
202 and no body; one address that is not valid refuses the whole, which is then sent in halves.

Our Message-ID is kept as a field, and travels as a custom argument as well, which events carry.
The envelope sender is SendGrid's.

Sources, as of 2026-11: SendGrid's OpenAPI description (twilio/sendgrid-oai),
https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors and …/mail-send/limitations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from briefing.errors import MailerFault
from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter, share
from briefing.mailers.provider import Provider, refusal, taken
from briefing.model import Outcome, OutcomeKind

__all__ = ["SendGrid"]

_OFF = {"enable": False}
_NOT_TRACKED = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": _OFF,
    "subscription_tracking": _OFF,
    "ganalytics": _OFF,
}
_TO = re.compile(r"personalizations\.\d+\.to\b")


class SendGrid(Provider):
    """`url` is https://api.eu.sendgrid.com for subusers in the European Union."""

    kind: ClassVar[str] = "sendgrid"
    title: ClassVar[str] = "SendGrid"
    cap: ClassVar[int] = 1000
    room: ClassVar[int] = 20_000_000
    full: ClassVar[int] = 1_000_000_000  # a content travels once; see `share`
    brief: ClassVar[bool] = True

    def __init__(self, key: str, *, url: str = "") -> None:
        super().__init__(url or "https://api.sendgrid.com")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ping(self) -> HttpRequest:
        return HttpRequest("GET", "/v3/scopes", self._headers)

    def check_ping(self, answer: HttpResponse) -> str:
        if not answer.accepted:
            raise MailerFault(
                f"SendGrid refuses the key: {answer.words}",
                hint="set api_key_env in [mailer] to an API key with the scope mail.send",
            )
        if "mail.send" not in (answer.get("scopes") or []):
            raise MailerFault(
                "SendGrid: the key may not send mail",
                hint="give the API key the scope mail.send",
            )
        return "the key may send"

    def group(self, letters: Sequence[Letter]) -> list[list[Letter]]:
        groups: list[list[Letter]] = []
        for shared in share(letters):
            rest = shared.letters
            while rest:
                first = {it.message.recipient.casefold(): it for it in reversed(rest)}
                group = list(first.values())
                group.reverse()
                groups.append(group)
                chosen = {id(letter) for letter in group}
                rest = [letter for letter in rest if id(letter) not in chosen]
        return groups

    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        shares = share(letters)
        if len(shares) > 1:
            raise ValueError("messages of one request differ in more than addresses")
        (shared,) = shares
        name, address = letters[0].sender
        body: dict[str, Any] = {
            "personalizations": [
                _personalize(letter, values)
                for letter, values in zip(shared.letters, shared.values, strict=True)
            ],
            "from": _mailbox(name, address),
            "subject": shared.subject,
            "content": [
                {"type": kind, "value": part}
                for kind, part in (("text/plain", shared.text), ("text/html", shared.html))
                if part
            ],
            "tracking_settings": _NOT_TRACKED,
        }
        reply_to = letters[0].reply_to
        if reply_to is not None:
            body["reply_to"] = _mailbox(*reply_to)
        return HttpRequest("POST", "/v3/mail/send", self._headers, json.dumps(body).encode())

    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        reference = answer.headers.get("x-message-id", "")
        return [taken(letter, answer, reference) for letter in letters]

    def classify_error(self, answer: HttpResponse) -> Outcome:
        if answer.status != 400:
            return super().classify_error(answer)
        errors = answer.get("errors") or []
        fields = [str(it.get("field") or "") for it in errors if isinstance(it, dict)]
        if any(_TO.match(field) for field in fields):
            return refusal(OutcomeKind.HARD, answer, "5.1.3")
        if any(field.startswith(("from", "reply_to")) for field in fields):
            return refusal(OutcomeKind.FAULT, answer)
        return refusal(OutcomeKind.FAULT, answer, stage=Stage.END)


def _personalize(letter: Letter, values: dict[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "to": [_mailbox(*letter.reader)],
        "headers": {**letter.fields, "Message-ID": letter.message.message_id},
        "custom_args": {"briefing-id": letter.mark},
    }
    if values:
        entry["substitutions"] = values
    return entry


def _mailbox(name: str, address: str) -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}
