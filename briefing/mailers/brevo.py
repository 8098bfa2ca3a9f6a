"""Brevo: up to 1,000 messages a request (messageVersions), known again by their idempotencyKey.

The key is a UUID made of the messages' bytes, so that the same request has the same one, after a
kill too, for the half hour that Brevo keeps it. A request it has had is answered with
`duplicate_parameter`: what was in doubt was taken then.

Brevo reads `{{ … }}` and `{% … %}` in subject and parts as its own templates, so foreign text must
not hold them. It decodes encoded words in fields and sends them as raw UTF-8, so a List-Id goes
without its name. Message-ID and envelope sender are Brevo's; our Message-ID travels as
X-Mailin-custom, which events carry. Whether links are rewritten says the account.

Sources, as of 2026-11: https://developers.brevo.com/docs/batch-send-transactional-emails,
…/docs/heterogenous-versions-batch-emails (idempotency), …/docs/limit-headers.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from briefing.errors import MailerFault
from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter, bare, share
from briefing.mailers.provider import Provider, refusal, taken
from briefing.mailers.resend import name_request
from briefing.model import Outcome, OutcomeKind

__all__ = ["Brevo"]

_TEMPLATE = re.compile(r"\{(?=[{%#])")
_TO = re.compile(r"\bto\b|recipient", re.IGNORECASE)
_SENDER = re.compile(r"sender|replyTo", re.IGNORECASE)


class Brevo(Provider):
    """`key` is an API key of version 3."""

    kind: ClassVar[str] = "brevo"
    title: ClassVar[str] = "Brevo"
    cap: ClassVar[int] = 1000
    room: ClassVar[int] = 15_000_000
    full: ClassVar[int] = 1_000_000_000  # a content travels once; see `share`
    repeatable: ClassVar[bool] = True

    def __init__(self, key: str, *, url: str = "") -> None:
        super().__init__(url or "https://api.brevo.com")
        self._headers = {"api-key": key, "Content-Type": "application/json"}

    def ping(self) -> HttpRequest:
        return HttpRequest("GET", "/v3/account", self._headers)

    def check_ping(self, answer: HttpResponse) -> str:
        if not answer.accepted:
            raise MailerFault(
                f"Brevo refuses the key: {answer.words}",
                hint="set api_key_env in [mailer] to an API key of version 3; Brevo can limit "
                "keys to certain IP addresses",
            )
        for plan in answer.get("plan") or []:
            if isinstance(plan, dict) and plan.get("creditsType") == "sendLimit":
                return f"the account may send {plan.get('credits', 0):,} more"
        return "the account may send"

    def group(self, letters: Sequence[Letter]) -> list[list[Letter]]:
        return [shared.letters for shared in share(letters)]

    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        shares = share(letters)
        if len(shares) > 1:
            raise ValueError("messages of one request differ in more than addresses")
        (shared,) = shares
        name, address = letters[0].sender
        body: dict[str, Any] = {
            "sender": _mailbox(name, address),
            "subject": _neutralise(shared.subject),
            "htmlContent": _fill(shared.html, shared.tags),
            "textContent": _fill(shared.text, shared.tags),
            "headers": {"idempotencyKey": str(uuid.UUID(bytes=name_request(letters)[:16]))},
            "messageVersions": [
                _version(letter, [values[tag] for tag in shared.tags])
                for letter, values in zip(shared.letters, shared.values, strict=True)
            ],
        }
        reply_to = letters[0].reply_to
        if reply_to is not None:
            body["replyTo"] = _mailbox(*reply_to)
        return HttpRequest("POST", "/v3/smtp/email", self._headers, json.dumps(body).encode())

    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        names = answer.get("messageIds")
        if names is None and answer.get("messageId"):
            names = [answer.get("messageId")] * len(letters)
        if not isinstance(names, list):
            return []
        return [
            taken(letter, answer, str(name)) for letter, name in zip(letters, names, strict=False)
        ]

    def classify_error(self, answer: HttpResponse) -> Outcome:
        code, words = answer.get("code"), str(answer.get("message") or "")
        if code == "duplicate_parameter":
            return refusal(OutcomeKind.SENT, answer, text="taken before")
        if answer.status == 400 and code in ("invalid_parameter", "missing_parameter"):
            if _SENDER.search(words):
                return refusal(OutcomeKind.FAULT, answer)
            if _TO.search(words):
                return refusal(OutcomeKind.HARD, answer, "5.1.3")
            return refusal(OutcomeKind.FAULT, answer, stage=Stage.END)
        return super().classify_error(answer)


def _version(letter: Letter, values: Sequence[str]) -> dict[str, Any]:
    fields = {**letter.fields, "X-Mailin-custom": letter.mark}
    if "List-Id" in fields:
        fields["List-Id"] = bare(fields["List-Id"])
    version: dict[str, Any] = {"to": [_mailbox(*letter.reader)], "headers": fields}
    if values:
        version["params"] = {f"u{number}": value for number, value in enumerate(values)}
    return version


def _neutralise(text: str) -> str:
    """Text in which nothing opens one of Brevo's own templates."""
    return _TEMPLATE.sub("{ ", text)


def _fill(part: str, tags: Sequence[str]) -> str:
    """A part with Brevo's own tags where addresses differ."""
    part = _neutralise(part)
    for number, tag in enumerate(tags):
        part = part.replace(tag, f"{{{{params.u{number}}}}}")
    return part


def _mailbox(name: str, address: str) -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}
