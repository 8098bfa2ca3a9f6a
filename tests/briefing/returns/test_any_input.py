"""Whatever strangers send: no reader raises anything it does not promise."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from briefing.returns import Marks
from briefing.returns.mail import read_mail
from briefing.returns.webhook import Forged, NotNow
from briefing.store.returns import EventKind
from subscribers.tokens import Tokens
from tests.briefing.returns.conftest import complaint, report
from tests.briefing.returns.test_hooks import PROVIDERS, Sent, sign_sns

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
MARKS = Marks(Tokens(["a secret for tests that is long enough to sign with"]))

# What breaks parsers of mail: folded and doubled fields, odd charsets, parts without an end.
FRAGMENTS = [
    b"\n", b"\r\n", b"\r", b"\n\n", b"--=_b\n", b"--=_b--\n", b"\0", b"\xff\xfe", b"=?utf-8?q?=?=",
    b"=?nonsense?b?%%%?=", b";", b":", b"\t", b" ", b"(", b")", b"<", b">", b"@", b'"', b"\\",
    b"Content-Type: message/delivery-status\n\n", b"Content-Type: message/feedback-report\n\n",
    b"Content-Type: message/rfc822\n\n", b"Content-Type: text/plain; charset=x-unknown\n\n",
    b'Content-Type: multipart/report; boundary="=_b"\n\n', b"Content-Type: multipart/report\n\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: uuencode\n",
    b"Final-Recipient: rfc822; ", b"Final-Recipient: ;;;\n", b"Original-Recipient: utf-8;\xc3\n",
    b"Action: failed\n", b"Status: 5.1.1\n", b"Status: 99999999999999999999.1.1\n",
    b"Diagnostic-Code: smtp; 550", b"Feedback-Type: abuse\n", b"Original-Rcpt-To: <>\n",
    b"X-Failed-Recipients: a@b.example, \n", b"From: \n", b"Date: Tue, 99 Foo 0000 99:99 +99\n",
    b"Message-ID: \n", b"Return-Path: <>\n", b"Hi. This is the qmail-send program at x\n",
    b"This is the mail system at host x\n", b"<a@b.example>:\n", b"Auto-Submitted: \n",
]  # fmt: skip


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A report or a complaint into which something was put, or pieces of nothing but such."""
    start = draw(st.sampled_from([b"", report().encode(), complaint().encode()]))
    pieces = draw(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=40), max_size=12))
    for piece in pieces:
        at = draw(st.integers(0, len(start)))
        cut = draw(st.integers(0, 30))
        start = start[:at] + piece + start[at + cut :]
    return start


# The first mail waits for a child to start, and a busy machine lets children wait.
CONFINED = settings(deadline=None)


@given(mails())
@CONFINED
def test_any_mail_is_read_or_said_not_to_be(raw: bytes) -> None:
    events = read_mail(raw, MARKS, NOW)
    assert events
    assert all(event.kind in EventKind and event.at <= NOW for event in events)


@given(st.binary(max_size=2000), st.text(max_size=80))
@CONFINED
def test_any_bytes_are_read_or_said_not_to_be(raw: bytes, recipient: str) -> None:
    assert read_mail(raw, MARKS, NOW, recipient=recipient)


@pytest.mark.parametrize("depth", [50, 400, 5000])
def test_parts_within_parts_end_somewhere(depth: int) -> None:
    raw = b"".join(
        b'Content-Type: multipart/report; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth)
    )
    assert read_mail(raw, MARKS, NOW)
    assert read_mail(b"Content-Type: message/rfc822\n\n" * depth, MARKS, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def bend(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """The value with something else in some places of it."""
    if draw(st.integers(0, 6)) == 0:
        return draw(JSON)
    if isinstance(value, dict):
        return {key: bend(item, draw) for key, item in value.items()}
    if isinstance(value, list):
        return [bend(item, draw) for item in value]
    return value


@pytest.mark.parametrize("name", PROVIDERS)
@given(data=st.data())
def test_any_genuine_call_is_read(name: str, data: st.DataObject) -> None:
    provider = PROVIDERS[name]
    entry = bend(provider.bounce, data.draw)
    sent = provider.sign(entry)
    for event in provider.hook().read(sent.headers, sent.body, NOW).events:
        assert event.provider == name
        assert event.kind in EventKind
        assert event.at <= NOW
        assert event.trusted


@pytest.mark.parametrize("name", PROVIDERS)
@given(
    body=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()),
    given_headers=st.dictionaries(
        st.sampled_from(
            [
                "authorization",
                "svix-id",
                "svix-timestamp",
                "svix-signature",
                "x-twilio-email-event-webhook-signature",
                "x-twilio-email-event-webhook-timestamp",
            ]
        ),
        st.text(max_size=60),
    ),
)
def test_any_other_call_is_refused(name: str, body: bytes, given_headers: dict[str, str]) -> None:
    with pytest.raises((Forged, NotNow)):
        PROVIDERS[name].hook().read(given_headers, body, NOW)


@given(data=st.data())
def test_any_notice_of_sns_is_refused_or_read(data: st.DataObject) -> None:
    notice = bend(json.loads(sign_sns(PROVIDERS["ses"].bounce).body), data.draw)
    sent = Sent({}, json.dumps(notice).encode())
    with contextlib.suppress(Forged, NotNow):
        PROVIDERS["ses"].hook().read(sent.headers, sent.body, NOW)
