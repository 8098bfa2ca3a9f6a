"""Fetching over HTTP that an outsider's address cannot turn against the newsroom (promise 9).

http and https only, to public addresses only (`pinning.py`), at each redirect anew, and never from
https back to http. Size, time and redirects are bounded; a body counts after decompression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from briefing import __version__
from briefing.errors import SourceFailed
from briefing.sources import SourceBusy
from briefing.sources.pinning import Dialler, LineRefused, pinned_session
from briefing.sources.text import one_line

__all__ = ["Bounds", "FetchedPage", "fetch", "glance"]

USER_AGENT = f"daily-briefing/{__version__} (feed reader)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 65_536
_LONGEST_MARK = 500  # characters of an ETag or Last-Modified worth keeping


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a fetch may go: sizes in bytes, times in seconds.

    `allow_private` also reaches loopback, private and link-local addresses. `ca_file` names the
    certificates to trust instead of the public ones.
    """

    allow_private: bool = False
    max_bytes: int = 10_000_000
    connect_s: float = 10
    read_s: float = 20
    total_s: float = 60
    redirects: int = 5
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """What an address answered. `url` is where the redirects ended, `charset` what the header says.

    With `not_modified` the body is empty, and `etag` and `modified` are those that were sent.
    """

    url: str
    body: bytes = b""
    content_type: str = ""
    charset: str = ""
    etag: str = ""
    modified: str = ""
    not_modified: bool = False
    status: int = 200


def fetch(
    url: str,
    *,
    name: str,
    now: datetime,
    bounds: Bounds = Bounds(),
    etag: str = "",
    modified: str = "",
    accept: str = "*/*",
) -> FetchedPage:
    """GET `url` for the source called `name`; `etag` and `modified` make it conditional.

    Raises `SourceFailed` for whatever goes wrong, `SourceBusy` where the server says when to come
    back; nothing else.
    """
    dialler = Dialler(
        allow_private=bounds.allow_private, connect_s=bounds.connect_s, total_s=bounds.total_s
    )
    try:
        return _Fetch(name, now, bounds, dialler).follow(url, _headers(etag, modified, accept))
    finally:
        dialler.close()


def glance(url: str, *, now: datetime, bounds: Bounds = Bounds()) -> FetchedPage:
    """GET `url` for its status and where its redirects end; the body is left unread.

    An answer of any status is a `FetchedPage`. Raises `SourceFailed` where there is none.
    """
    dialler = Dialler(
        allow_private=bounds.allow_private, connect_s=bounds.connect_s, total_s=bounds.total_s
    )
    try:
        return _Glance("", now, bounds, dialler).follow(url, _headers("", "", "*/*"))
    finally:
        dialler.close()


def _headers(etag: str, modified: str, accept: str) -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, "Accept": accept, "Accept-Encoding": "gzip, deflate"}
    if _is_mark(etag):
        headers["If-None-Match"] = etag
    if _is_mark(modified):
        headers["If-Modified-Since"] = modified
    return headers


def _is_mark(value: str) -> bool:
    return 0 < len(value) <= _LONGEST_MARK and value.isascii() and value.isprintable()


class _Fetch:
    """One fetch with its redirects."""

    def __init__(self, name: str, now: datetime, bounds: Bounds, dialler: Dialler) -> None:
        self.name = name
        self.now = now
        self.bounds = bounds
        self.dialler = dialler

    def follow(self, url: str, headers: dict[str, str]) -> FetchedPage:
        with pinned_session(self.dialler) as session:
            session.verify = self.bounds.ca_file or True
            for _ in range(self.bounds.redirects + 1):
                with self._asked(session, url, headers) as response:
                    if response.status_code not in _REDIRECTS:
                        return self._page(url, response, headers)
                    target = response.headers.get("location", "")
                if not target:
                    raise self._failed(url, "it redirects without saying where to.")
                url = self._next(url, self._resolved(url, target))
        raise self._failed(
            url,
            f"more than {self.bounds.redirects} redirects.",
            "Open the address in a browser and configure the one it ends at.",
        )

    def _resolved(self, url: str, target: str) -> str:
        try:
            return urljoin(url, target)
        except ValueError as error:
            raise self._failed(url, f"it redirects to “{_shown(target)}”, no address.") from error

    def _next(self, url: str, target: str) -> str:
        """Where a redirect leads, unless it gives up what the address promised: on the way to an
        http address anybody may write the news."""
        if url.lower().startswith("https:") and target.lower().startswith("http:"):
            raise self._failed(
                url,
                f"it redirects from https to {_shown(target)}.",
                "Ask the publisher for an https address, or configure the http one.",
            )
        return target

    @contextmanager
    def _asked(
        self, session: requests.Session, url: str, headers: dict[str, str]
    ) -> Iterator[requests.Response]:
        self._check(url)
        bounds = self.bounds
        try:
            with session.get(
                url,
                headers=headers,
                timeout=(bounds.connect_s, bounds.read_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                yield response
        except LineRefused as refusal:
            if self.dialler.late:
                raise self._too_slow(url) from refusal
            raise self._failed(url, refusal.reason, refusal.hint) from refusal
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise self._broken(url, error) from error

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not url.isprintable():
            raise self._failed(url, "not an http or https address.", "Write it in full: https://…")

    def _page(
        self, url: str, response: requests.Response, headers: Mapping[str, str]
    ) -> FetchedPage:
        status = response.status_code
        conditional = {"If-None-Match", "If-Modified-Since"} & headers.keys()
        if status == requests.codes.not_modified and conditional:
            etag, modified = (headers.get(k, "") for k in ("If-None-Match", "If-Modified-Since"))
            return FetchedPage(url, etag=etag, modified=modified, not_modified=True)
        if status != requests.codes.ok:
            raise self._turned_away(url, response)
        content_type, _, parameters = response.headers.get("content-type", "").partition(";")
        _, _, charset = parameters.lower().partition("charset=")
        etag, modified = (response.headers.get(k, "") for k in ("etag", "last-modified"))
        return FetchedPage(
            url=url,
            body=self._body(url, response),
            content_type=content_type.strip().lower(),
            charset=charset.partition(";")[0].strip(" \"'"),
            etag=etag if _is_mark(etag) else "",
            modified=modified if _is_mark(modified) else "",
        )

    def _body(self, url: str, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self.bounds.max_bytes:
                raise self._failed(
                    url,
                    f"larger than {self.bounds.max_bytes:,} bytes.",
                    "Point the source at a shorter feed.",
                )
        if self.dialler.late:  # the cut may look like the body's regular end
            raise self._too_slow(url)
        return bytes(body)

    def _turned_away(self, url: str, response: requests.Response) -> SourceFailed:
        status = response.status_code
        reason = (
            f"the server answered {status} {one_line(response.reason or '', 80)}".rstrip() + "."
        )
        mends = {
            401: "The address needs a login; ask the publisher for an open feed.",
            403: "The server refuses feed readers, or this machine; ask the publisher.",
            404: "Check the address in a browser; the feed may have moved.",
            410: "The feed is gone for good; take the source out of the configuration.",
        }
        retry_at = self._retry_at(response.headers.get("retry-after", ""))
        if retry_at and status in {429, 503}:
            when = f"{retry_at:%Y-%m-%d %H:%M:%S} UTC"
            return SourceBusy(
                self._message(url, f"{reason} It asks to be left alone until {when}."),
                retry_at=retry_at,
                hint="Collect this source less often.",
            )
        return self._failed(url, reason, mends.get(status, ""))

    def _retry_at(self, header: str) -> datetime | None:
        header = header.strip()
        try:
            if header.isdecimal():
                return self.now + timedelta(seconds=int(header[:9]))
            return parsedate_to_datetime(header).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None

    def _broken(self, url: str, error: Exception) -> SourceFailed:
        if self.dialler.late:
            return self._too_slow(url)
        if isinstance(error, requests.exceptions.SSLError):
            return self._failed(
                url, f"the secure connection failed: {_cause(error)}.", "Check its certificate."
            )
        if isinstance(error, (requests.Timeout, TimeoutError)) or "timed out" in str(error):
            seconds = f"{self.bounds.connect_s:g} s to connect, {self.bounds.read_s:g} s to answer"
            return self._failed(url, f"no answer in time ({seconds}).")
        return self._failed(url, f"the connection failed: {_cause(error)}.")

    def _too_slow(self, url: str) -> SourceFailed:
        return self._failed(url, f"the answer took more than {self.bounds.total_s:g} s.")

    def _failed(self, url: str, reason: str, hint: str = "") -> SourceFailed:
        hint = hint or "Try again later; if it stays, check the address in a browser."
        return SourceFailed(self._message(url, reason), hint=hint)

    def _message(self, url: str, reason: str) -> str:
        return f"source “{self.name}”: {_shown(url)}: {reason}"


class _Glance(_Fetch):
    """A fetch that looks at the first line of the answer only."""

    def _next(self, _url: str, target: str) -> str:
        return target  # as a reader's browser would follow the link

    def _page(
        self, url: str, response: requests.Response, _headers: Mapping[str, str]
    ) -> FetchedPage:
        return FetchedPage(url, status=response.status_code)

    def _message(self, _url: str, reason: str) -> str:
        return reason


def _shown(url: str) -> str:
    """The address as it may be printed: no password, no control characters, not endless."""
    try:
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        url = url.rpartition("@")[2]
    return one_line(url, 300)


def _cause(error: BaseException) -> str:
    """The innermost message; requests and urllib3 wrap it two or three times with object names."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        arguments = (a for a in error.args if isinstance(a, BaseException))
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else next(arguments, None)
    words = one_line(str(error), 200).rstrip(".")
    return words or type(error).__name__
