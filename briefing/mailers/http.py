"""HTTP as mailers need it: one connection, one request at a time, and what is known when it breaks.

A request that breaks has one question: can the provider have got it? `Lost.sent` is False only
where that is certain (no connection, no TLS). Nothing is repeated here, and no redirect followed:
a mail that is sent twice by a library's good will is still sent twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from briefing.errors import MailerFault

__all__ = ["Connection", "HttpRequest", "HttpResponse", "Lost"]

_MOST_BYTES = 4_000_000
_WORDS = 500
# What providers call the time until they take requests again; seconds, or a moment since 1970.
_RESETS = ("x-ratelimit-reset", "ratelimit-reset", "x-sib-ratelimit-reset")
_LEFT = ("x-ratelimit-remaining", "ratelimit-remaining", "x-sib-ratelimit-remaining")
_MOMENT_S, _MOMENT_MS = 10**9, 10**12


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `path` begins with a slash and stands below the provider's address."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back. `headers` ignore case; `whole` is False where the body broke off."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    whole: bool = True

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def get(self, key: str) -> Any:
        """A key of the body where that is a JSON object that has it, else None."""
        found = self.json()
        return found.get(key) if isinstance(found, dict) else None

    @property
    def words(self) -> str:
        """What was answered, on one line, for people."""
        found = " ".join(self.body.decode("utf-8", "replace").split())[:_WORDS]
        return f"HTTP {self.status}: {found}" if found else f"HTTP {self.status}"

    @property
    def wait(self) -> float | None:
        """How many seconds the provider asks to be left alone, None where it does not say.

        `Retry-After` (RFC 9110, 10.2.3) in seconds or as a date, else the provider's own field.
        Moments are held against the answer's own `Date`, so that our clock does not matter.
        """
        if (after := self.headers.get("retry-after")) is not None:
            return self._seconds(after)
        return next(
            (self._seconds(self.headers[name]) for name in _RESETS if name in self.headers), None
        )

    @property
    def used_up(self) -> bool:
        """Whether the next request before `wait` is over would be one too many."""
        return any(self.headers.get(name, "").strip() == "0" for name in _LEFT)

    def _seconds(self, value: str) -> float | None:
        try:
            number = float(value)
        except ValueError:
            return self._until(value)
        if number < _MOMENT_S:
            return max(0.0, number)
        moment = number / 1000 if number >= _MOMENT_MS else number
        sent = _moment(self.headers.get("date", ""))
        return None if sent is None else max(0.0, moment - sent)

    def _until(self, value: str) -> float | None:
        until, sent = _moment(value), _moment(self.headers.get("date", ""))
        return None if until is None or sent is None else max(0.0, until - sent)


class Lost(Exception):
    """No answer. `sent` is False where the request certainly did not reach the provider; `fault` is
    what nobody but the operator can mend."""

    def __init__(self, reason: str, *, sent: bool, fault: MailerFault | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.fault = fault


class Connection:
    """A kept-alive connection to `url`, for one thread. `timeout` in seconds is for connecting, for
    each silence, and doubled for an answer as a whole."""

    def __init__(self, url: str, timeout: float, ca_file: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        # Or requests would put a password from ~/.netrc in the place of the provider's key.
        self._session.auth = _keep_headers
        self._verify = str(ca_file) if ca_file else True
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def call(self, call: HttpRequest) -> HttpResponse:
        """Ask, and read the answer to its end. Raises `Lost`."""
        deadline = time.monotonic() + 2 * self._timeout
        try:
            response = self._session.request(
                call.method,
                self._url + call.path,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    **call.headers,
                },
                data=call.body or None,
                timeout=self._timeout,
                # Given here, for REQUESTS_CA_BUNDLE overrules what a session has.
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise self._lost(error) from error
        try:
            body, whole = _read(response, deadline)
        finally:
            response.close()
        return HttpResponse(response.status_code, response.headers, body, whole)

    def close(self) -> None:
        self._session.close()

    def _lost(self, error: requests.RequestException) -> Lost:
        host = self._url.partition("://")[2]
        cause = error.args[0] if error.args else error
        reason = getattr(cause, "reason", None)
        match error:
            case requests.exceptions.SSLError():
                return self._untrusted(host, reason or cause)
            case requests.exceptions.ConnectTimeout():
                return Lost(f"{host}: no connection within {self._timeout:g} s", sent=False)
            case requests.exceptions.ReadTimeout():
                return Lost(f"{host}: no answer within {self._timeout:g} s", sent=True)
            case requests.exceptions.ProxyError():
                return Lost(f"{host}: the proxy does not let us through", sent=False)
            case requests.exceptions.ConnectionError():
                sent = not isinstance(reason, urllib3.exceptions.NewConnectionError)
                what = "the connection broke" if sent else "no connection"
                return Lost(f"{host}: {what}", sent=sent)
        return Lost(f"{host}: {type(error).__name__}", sent=True)

    def _untrusted(self, host: str, cause: object) -> Lost:
        words = str(getattr(cause, "args", [cause])[0] if cause else "")
        # A connection that breaks under TLS comes as the same error as a certificate that is wrong.
        if "certificate" not in words.lower():
            return Lost(f"{host}: TLS failed", sent=True)
        fault = MailerFault(
            f"{host}: its certificate cannot be trusted",
            hint="check api_url in [mailer]; for a private authority, set ca_file to its "
            "certificate",
        )
        return Lost(fault.message, sent=False, fault=fault)


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _read(response: requests.Response, deadline: float) -> tuple[bytes, bool]:
    """The body, and whether it came to its end, in time and size."""
    body = bytearray()
    try:
        # Not `iter_content`, which waits for whole pieces however slowly they come.
        while piece := response.raw.read1(65_536):
            body += piece
            if len(body) > _MOST_BYTES or time.monotonic() > deadline:
                return bytes(body), False
    except (urllib3.exceptions.HTTPError, OSError):
        return bytes(body), False
    return bytes(body), True


def _moment(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
