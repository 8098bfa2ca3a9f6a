"""Amazon SES, API v2: the very bytes, one message a request (SendEmail with Raw content).

botocore signs (Signature Version 4) and finds credentials; the request itself is ours, because
botocore repeats a request whose answer was lost, and SES knows no repeated mail for one. Its bulk
call takes templates alone, so a batch is 1.

SES writes Date and Message-ID anew and sets the envelope sender itself; our Message-ID travels as a
message tag, which its events carry. Whether links are rewritten says the configuration set.

Sources, as of 2026-11: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html,
https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html, botocore's model.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from briefing.errors import MailerFault
from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter
from briefing.mailers.provider import Provider, refusal, taken
from briefing.model import Outcome, OutcomeKind

__all__ = ["Ses"]

_SEND = "/v2/email/outbound-emails"
_ACCOUNT = "/v2/email/account"
_THROTTLED = ("Throttling", "ThrottlingException", "TooManyRequestsException", "LimitExceeded")
_DAILY = re.compile(r"daily|24.hour|quota", re.IGNORECASE)
_UNVERIFIED = re.compile(r"not verified|not authori[sz]ed|authority to send", re.IGNORECASE)
_NO_ADDRESS = re.compile(
    r"illegal address|domain (?:starts|ends|contains)|local address|missing (?:final|start)|"
    r"destination.*invalid|invalid.*destination",
    re.IGNORECASE,
)
# What a message tag may hold: letters, digits and these.
_NO_TAG = re.compile(r"[^A-Za-z0-9_.@-]")


class Ses(Provider):
    """`access_key` and `secret_key` may both be empty: then botocore looks where AWS's own tools
    do (environment, profile, role). `configuration_set` may be empty. Raises `MailerFault` where
    botocore is not installed or finds no credentials."""

    kind: ClassVar[str] = "ses"
    title: ClassVar[str] = "Amazon SES"
    room: ClassVar[int] = 40_000_000
    brief: ClassVar[bool] = True

    def __init__(
        self,
        region: str,
        access_key: str = "",
        secret_key: str = "",
        *,
        configuration_set: str = "",
        url: str = "",
    ) -> None:
        super().__init__(url or f"https://email.{region}.amazonaws.com")
        self._region = region
        self._set = configuration_set
        self._credentials = _find_credentials(access_key, secret_key)

    def ping(self) -> HttpRequest:
        return self._sign("GET", _ACCOUNT, b"")

    def check_ping(self, answer: HttpResponse) -> str:
        kind = _kind(answer)
        if kind == "AccessDeniedException":
            return "the key may send; it may not look at the account (ses:GetAccount)"
        if not answer.accepted:
            raise MailerFault(
                f"Amazon SES refuses: {answer.words}",
                hint="check access_key, api_key and region in [mailer], and this machine's clock",
            )
        if answer.get("SendingEnabled") is False:
            raise MailerFault(
                "Amazon SES has paused sending for this account",
                hint="its console says why; lift the pause there",
            )
        quota = answer.get("SendQuota") or {}
        most, sent = quota.get("Max24HourSend", -1), quota.get("SentLast24Hours", 0)
        room = "without a daily limit" if most < 0 else f"{most - sent:,.0f} left of {most:,.0f}"
        box = "" if answer.get("ProductionAccessEnabled") else ", in the sandbox"
        return f"the account may send{box}: {room} today, {quota.get('MaxSendRate', 0):g} a second"

    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        (letter,) = letters
        body: dict[str, Any] = {
            "Destination": {"ToAddresses": [letter.message.recipient]},
            "Content": {"Raw": {"Data": base64.b64encode(letter.unsigned).decode("ascii")}},
            "EmailTags": [{"Name": "briefing-id", "Value": _NO_TAG.sub("_", letter.mark)[:256]}],
        }
        if self._set:
            body["ConfigurationSetName"] = self._set
        return self._sign("POST", _SEND, json.dumps(body).encode())

    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        return [taken(letter, answer, str(answer.get("MessageId") or "")) for letter in letters]

    def is_busy(self, answer: HttpResponse) -> bool:
        if _kind(answer).startswith(_THROTTLED):
            return _DAILY.search(answer.words) is None
        return super().is_busy(answer)

    def classify_error(self, answer: HttpResponse) -> Outcome:
        kind, words = _kind(answer), answer.words
        if kind == "MessageRejected" and not _UNVERIFIED.search(words):
            return refusal(OutcomeKind.CONTENT, answer)
        if kind == "BadRequestException":
            if _NO_ADDRESS.search(words):
                return refusal(OutcomeKind.HARD, answer, "5.1.3")
            return refusal(OutcomeKind.FAULT, answer, stage=Stage.END)
        # Paused, suspended, unverified, no permission, the day's limit.
        return refusal(OutcomeKind.FAULT, answer)

    def _sign(self, method: str, path: str, body: bytes) -> HttpRequest:
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - an extra
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest(
            method=method,
            url=self.url + path,
            data=body,
            headers={"Content-Type": "application/json"} if body else {},
        )
        SigV4Auth(self._credentials, "ses", self._region).add_auth(request)
        return HttpRequest(method, path, dict(request.headers.items()), body)


def _kind(answer: HttpResponse) -> str:
    """The error's name: `MessageRejected`; "" where there is none."""
    named = answer.headers.get("x-amzn-errortype") or str(answer.get("__type") or "")
    return named.rpartition("#")[2].partition(":")[0]


def _find_credentials(access_key: str, secret_key: str) -> Any:
    try:
        import botocore.session  # noqa: PLC0415
        from botocore.credentials import Credentials  # noqa: PLC0415
    except ImportError as error:
        raise MailerFault(
            "Amazon SES needs botocore, which is not installed",
            hint="in the checkout: pip install --require-hashes -r requirements/run.txt",
        ) from error
    if access_key:
        return Credentials(access_key, secret_key)
    found = botocore.session.Session().get_credentials()
    if found is None:
        raise MailerFault(
            "there are no credentials for Amazon SES",
            hint="set access_key and api_key_env in [mailer], or give this machine a role",
        )
    return found
