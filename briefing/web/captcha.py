"""An optional captcha on the joining form, of a kind that is asked by POST whether it was solved.

Without one configured, no page names another host. With one, the joining page, and it alone, loads
the provider's script. Sources: docs.hcaptcha.com, developers.cloudflare.com/turnstile.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from briefing.sources.pinning import Dialler, LineRefused, pinned_session

# Seconds: for the connection, for each piece of the answer, and for all of it.
_PATIENCE: Final = (3.05, 5.0)
_LONGEST: Final = 8.0
_MOST_ANSWER: Final = 4096


@dataclass(frozen=True, slots=True)
class CaptchaProvider:
    """What a page needs to show its widget, where the answer is checked, and the form's field."""

    script: str
    style: str
    verify: str
    field: str
    hosts: str


PROVIDERS: Final = {
    "hcaptcha": CaptchaProvider(
        script="https://js.hcaptcha.com/1/api.js",
        style="h-captcha",
        verify="https://api.hcaptcha.com/siteverify",
        field="h-captcha-response",
        hosts="https://hcaptcha.com https://*.hcaptcha.com",
    ),
    "turnstile": CaptchaProvider(
        script="https://challenges.cloudflare.com/turnstile/v0/api.js",
        style="cf-turnstile",
        verify="https://challenges.cloudflare.com/turnstile/v0/siteverify",
        field="cf-turnstile-response",
        hosts="https://challenges.cloudflare.com",
    ),
}


class CaptchaUnreachable(Exception):
    """The provider gives no answer; nobody can be let in now."""


@dataclass(frozen=True, slots=True)
class Captcha:
    """A configured captcha; `verify_url` takes the place of the provider's own."""

    kind: str
    site_key: str
    secret: str = field(repr=False)
    verify_url: str = ""

    @property
    def provider(self) -> CaptchaProvider:
        return PROVIDERS[self.kind]

    def solved(self, answer: str, host: str) -> bool:
        """Whether the provider takes the answer for a person's. Raises `CaptchaUnreachable`."""
        if not answer:
            return False
        # A verifier that the operator named may be on their own network.
        own = bool(self.verify_url)
        dialler = Dialler(allow_private=own, connect_s=_PATIENCE[0], total_s=_LONGEST)
        try:
            with pinned_session(dialler) as session:
                said = session.post(
                    self.verify_url or self.provider.verify,
                    data={"secret": self.secret, "response": answer, "remoteip": host},
                    timeout=_PATIENCE,
                    allow_redirects=False,
                    stream=True,
                )
                with said:
                    if said.status_code != 200:
                        raise CaptchaUnreachable(f"status {said.status_code}")
                    facts = json.loads(_read(said))
        except (requests.RequestException, HTTPError, LineRefused, OSError, ValueError) as error:
            raise CaptchaUnreachable(type(error).__name__) from error
        finally:
            dialler.close()
        return isinstance(facts, dict) and facts.get("success") is True


def _read(answer: requests.Response) -> bytes:
    """The beginning of an answer. One that comes drop by drop is none."""
    began, body = time.monotonic(), b""
    for piece in answer.iter_content(_MOST_ANSWER):
        body += piece
        if len(body) > _MOST_ANSWER or time.monotonic() - began > _LONGEST:
            raise CaptchaUnreachable("the answer has no end")
    return body
