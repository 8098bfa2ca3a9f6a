"""What an answer says of waiting, and in what words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from briefing.mailers.http import HttpResponse

SENT = "Tue, 10 Mar 2026 06:00:00 GMT"
SECONDS = 1773122400  # the same moment


def answer(**fields: str) -> HttpResponse:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return HttpResponse(429, CaseInsensitiveDict(headers), b"")


@pytest.mark.parametrize(
    ("fields", "wait"),
    [
        ({}, None),
        ({"Retry_After": "30"}, 30),
        ({"Retry_After": "Tue, 10 Mar 2026 06:01:30 GMT", "Date": SENT}, 90),
        ({"Retry_After": "Tue, 10 Mar 2026 05:00:00 GMT", "Date": SENT}, 0),
        ({"Retry_After": "Tue, 10 Mar 2026 06:01:30 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({"ratelimit_reset": "2"}, 2),
        ({"X_RateLimit_Reset": str(SECONDS + 7), "Date": SENT}, 7),
        ({"X_RateLimit_Reset": str((SECONDS + 7) * 1000), "Date": SENT}, 7),
        ({"X_Sib_RateLimit_Reset": "12"}, 12),
        ({"Retry_After": "1", "ratelimit_reset": "9"}, 1),
    ],
)
def test_how_long_to_leave_it_alone(fields: dict[str, str], wait: float | None) -> None:
    assert answer(**fields).wait == wait


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_upsets_it(value: str, date: str) -> None:
    answer(Retry_After=value, Date=date).wait  # noqa: B018


def test_the_words_are_on_one_line_and_short() -> None:
    found = HttpResponse(400, {}, b'{\n  "message": "no"\n}' + b" x" * 5000).words
    assert found.startswith('HTTP 400: { "message": "no" }')
    assert "\n" not in found
    assert len(found) < 600


def test_a_body_that_is_no_json_has_no_keys() -> None:
    assert HttpResponse(200, {}, b"<html>").get("id") is None
    assert HttpResponse(200, {}, b"[1]").get("id") is None
