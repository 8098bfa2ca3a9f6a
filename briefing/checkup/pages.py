"""The web pages as they are reached from outside: readers leave by them."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests

from briefing.checkup.finding import CheckResult, error, ok, warning

__all__ = ["check_pages"]

_TIMEOUT = 10.0
_SOON = 14
_PROXY = (
    "see that `briefing run` runs, and that the proxy in front passes everything on to [web] listen"
)


def check_pages(
    public_url: str, leaving: str, now: datetime, ca_file: Path | None = None
) -> list[CheckResult]:
    """Whether `public_url` answers over HTTPS, and the one-click address `leaving`, signed for
    nobody, as RFC 8058 asks."""
    parts = urlsplit(public_url)
    findings = []
    if parts.scheme == "https":
        findings.append(_check_certificate(parts.hostname or "", parts.port or 443, now, ca_file))
    else:
        findings.append(
            warning(
                "web",
                f"{public_url} is not https: readers cannot reach it, and Gmail and Yahoo show no "
                "unsubscribe button",
                "set public_url in [web] to the address on the internet",
            )
        )
    session = requests.Session()
    verify = str(ca_file) if ca_file else True
    with session:
        findings.append(_check_health(session, public_url, verify))
        findings.append(_check_one_click(session, leaving, verify))
    return findings


def _check_health(session: requests.Session, public_url: str, verify: str | bool) -> CheckResult:
    try:
        answer = session.get(
            f"{public_url}/healthz", timeout=_TIMEOUT, allow_redirects=False, verify=verify
        )
    except requests.RequestException as failed:
        return error("web", f"{public_url} does not answer: {_words(failed)}", _PROXY)
    if answer.status_code == 503:
        return error("web", "the pages run, and say that they are not well", "see their log")
    if answer.status_code != 200:
        return error("web", f"{public_url}/healthz answers {answer.status_code}", _PROXY)
    return ok("web", f"{public_url} answers")


def _check_one_click(session: requests.Session, leaving: str, verify: str | bool) -> CheckResult:
    try:
        answer = session.post(
            leaving,
            data={"List-Unsubscribe": "One-Click"},
            timeout=_TIMEOUT,
            allow_redirects=False,
            verify=verify,
        )
    except requests.RequestException as failed:
        return error("one-click", f"it does not answer: {_words(failed)}", _PROXY)
    if 300 <= answer.status_code < 400:
        return error(
            "one-click",
            f"it redirects to {answer.headers.get('location', '')[:100]}; RFC 8058 forbids that",
            "set public_url in [web] to where the redirect leads",
        )
    if answer.status_code == 404:
        return error(
            "one-click",
            "its address is not known there",
            "see that the pages run with this configuration: the same secret, the same briefings",
        )
    if answer.status_code != 200:
        return error("one-click", f"it answers {answer.status_code}", _PROXY)
    if answer.cookies:
        return warning("one-click", "a cookie is set on it", "have the proxy set none there")
    return ok("one-click", "the address answers a POST with 200, no redirect and no cookie")


def _check_certificate(host: str, port: int, now: datetime, ca_file: Path | None) -> CheckResult:
    context = ssl.create_default_context(cafile=ca_file)
    try:
        with (
            socket.create_connection((host, port), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            until = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    except ssl.SSLCertVerificationError as refused:
        return error(
            "web", f"the certificate of {host} is not trusted: {refused.verify_message}", "renew it"
        )
    except (OSError, KeyError) as failed:
        return error("web", f"no TLS with {host}: {failed}", _PROXY)
    days = (datetime.fromtimestamp(until, UTC) - now).days
    if days < _SOON:
        return warning("web", f"the certificate of {host} ends in {days} days", "renew it")
    return ok("web", f"the certificate of {host} is good for {days} days")


def _words(failed: requests.RequestException) -> str:
    cause = failed.args[0] if failed.args else failed
    reason = getattr(cause, "reason", cause)
    return str(reason).rpartition(": ")[2][:200] or type(failed).__name__
