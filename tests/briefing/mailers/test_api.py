"""What all providers' mailers do alike: gate, send, and tell what became of each message."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from briefing.errors import MailerFault
from briefing.mailers import MailerBusy, WaitEnded
from briefing.mailers.api import ApiConnection
from briefing.model import Message, Outcome, OutcomeKind
from tests.kit.certificates import Certificate
from tests.kit.providers import FRIENDLY, KINDS, ApiServer, Ledger, Reply

MakeMails = Callable[..., list[Message]]
BATCHING = ("postmark", "resend", "sendgrid", "brevo")
KNOWING = ("resend", "brevo")
FORGETFUL = tuple(kind for kind in KINDS if kind not in KNOWING)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits between repeats."""
    monkeypatch.setattr("briefing.mailers.api._PAUSES", (0.0, 0.0, 0.0))


def send(
    line: ApiConnection, mails: Sequence[Message], ledger: Ledger | None = None
) -> list[Outcome]:
    return list(line.send(iter(mails), ledger or Ledger()))


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.kind.value for outcome in outcomes]


@pytest.mark.parametrize("kind", KINDS)
def test_each_reader_gets_one_message_under_its_own_id(kind: str, make_mails: MakeMails) -> None:
    mails, ledger = make_mails(5), Ledger()
    with ApiServer(kind) as server:
        line = server.mailer().open()
        outcomes = send(line, mails, ledger)
        line.close()
    assert kinds(outcomes) == ["sent"] * 5
    assert [o.recipient_id for o in outcomes] == ledger.asked == [1, 2, 3, 4, 5]
    assert [(a.recipient, a.message_id) for a in server.accepted] == [
        (m.recipient, m.message_id) for m in mails
    ]
    assert all(outcome.reference for outcome in outcomes)


@pytest.mark.parametrize("kind", BATCHING)
def test_a_batch_is_one_request_that_was_gated_before(kind: str, make_mails: MakeMails) -> None:
    mails, ledger = make_mails(25), Ledger()
    with ApiServer(kind) as server:
        line = server.mailer(batch=10).open()
        outcomes = line.send(iter(mails), ledger)
        next(outcomes)
        assert ledger.asked == list(range(1, 11))
        rest = list(outcomes)
        line.close()
    assert kinds(rest) == ["sent"] * 24
    assert len(server.asked) == 3
    assert {(a.recipient, a.message_id) for a in server.accepted} == {
        (m.recipient, m.message_id) for m in mails
    }


@pytest.mark.parametrize("kind", ["ses", "mailgun"])
def test_a_provider_of_whole_messages_sends_one_by_one(kind: str, make_mails: MakeMails) -> None:
    with ApiServer(kind) as server:
        mailer = server.mailer(batch=50)
        assert mailer.batch == 1
        send(mailer.open(), make_mails(3))
    assert len(server.asked) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_the_gate_refuses_is_not_sent_and_ends_it(
    kind: str, make_mails: MakeMails
) -> None:
    with ApiServer(kind) as server:
        outcomes = send(server.mailer(batch=10).open(), make_mails(6), Ledger(after=3))
    assert [o.recipient_id for o in outcomes] == [1, 2, 3]
    assert [a.recipient for a in server.accepted] == [
        f"reader{n}@readers.example" for n in (1, 2, 3)
    ]


@pytest.mark.parametrize("kind", FORGETFUL)
def test_a_lost_answer_is_unknown_and_asked_for_no_second_time(
    kind: str, make_mails: MakeMails
) -> None:
    with ApiServer(kind, [Reply(drop=True, takes=True)]) as server:
        line = server.mailer().open()
        outcomes = send(line, make_mails(3))
    assert kinds(outcomes) == ["unknown"]
    assert len(server.asked) == 1
    assert not line.alive


@pytest.mark.parametrize("kind", KNOWING)
def test_a_lost_answer_is_asked_for_again_where_a_repeat_is_known(
    kind: str, make_mails: MakeMails
) -> None:
    script = [Reply(drop=True, takes=True), Reply(500, takes=True), FRIENDLY]
    with ApiServer(kind, script) as server:
        outcomes = send(server.mailer(batch=3).open(), make_mails(3))
    assert kinds(outcomes) == ["sent"] * 3
    assert len(server.asked) == 3
    assert len(server.accepted) == 3, "a repeated request was taken twice"


@pytest.mark.parametrize("kind", KNOWING)
def test_a_request_has_the_same_key_after_a_restart(kind: str, make_mails: MakeMails) -> None:
    mails = make_mails(1)
    with ApiServer(kind, [Reply(drop=True, takes=True)] * 4 + [FRIENDLY]) as server:
        first = send(server.mailer().open(), mails)
        again = send(server.mailer().open(), mails)
    assert kinds(first + again) == ["unknown", "sent"]
    assert len(server.accepted) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_provider_is_waited_for_so_long_and_no_longer(
    kind: str, make_mails: MakeMails
) -> None:
    told = threading.Event()
    with ApiServer(kind, [Reply(hold=told)]) as server:
        outcomes = send(server.mailer(timeout=0.2).open(), make_mails(2))
        told.set()
    assert kinds(outcomes) == ["unknown"]
    assert "no answer within 0.2 s" in outcomes[0].text


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_5xx_leaves_it_unknown(kind: str, make_mails: MakeMails) -> None:
    with ApiServer(kind, [Reply(502, b"<html>bad gateway</html>")]) as server:
        outcomes = send(server.mailer().open(), make_mails(2))
    assert kinds(outcomes) == ["unknown"]
    assert "502" in outcomes[0].text


@pytest.mark.parametrize("kind", ["postmark", "resend", "brevo"])
def test_half_an_answer_that_should_tell_each_result_is_unknown(
    kind: str, make_mails: MakeMails
) -> None:
    half = Reply(200, b'[{"ErrorCode": 0, "Message": "OK", "MessageID": "1"}]' * 9, cut=20)
    with ApiServer(kind, [half]) as server:
        outcomes = send(server.mailer(batch=2).open(), make_mails(2))
    assert kinds(outcomes) == ["unknown", "unknown"]


@pytest.mark.parametrize("kind", ["ses", "mailgun", "sendgrid"])
def test_half_an_answer_will_do_where_its_status_says_all(kind: str, make_mails: MakeMails) -> None:
    half = Reply(202 if kind == "sendgrid" else 200, b'{"MessageId": "1"}', cut=5)
    with ApiServer(kind, [half]) as server:
        outcomes = send(server.mailer().open(), make_mails(1))
    assert kinds(outcomes) == ["sent"]


@pytest.mark.parametrize("kind", ["postmark", "resend", "brevo"])
def test_results_that_are_not_one_a_message_are_unknown(kind: str, make_mails: MakeMails) -> None:
    with ApiServer(kind, [Reply(200, {"data": [], "messageIds": []})]) as server:
        outcomes = send(server.mailer(batch=2).open(), make_mails(2))
    assert kinds(outcomes) == ["unknown", "unknown"]


@pytest.mark.parametrize("kind", KINDS)
def test_429_with_a_short_wait_is_sat_out(kind: str, make_mails: MakeMails) -> None:
    with ApiServer(kind, [Reply(429, headers={"Retry-After": "0"}), FRIENDLY]) as server:
        outcomes = send(server.mailer().open(), make_mails(2))
    assert kinds(outcomes) == ["sent", "sent"]
    assert len(server.asked) == 3
    assert len(server.accepted) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_429_with_a_long_wait_leaves_the_message_untried_and_the_mailer_busy(
    kind: str, make_mails: MakeMails
) -> None:
    with ApiServer(kind, [Reply(429, headers={"Retry-After": "40"})]) as server:
        mailer = server.mailer()
        line = mailer.open()
        other = mailer.open()
        outcomes = send(line, make_mails(2))
        untouched = iter(make_mails(1))
        assert list(other.send(untouched, Ledger())) == []
        with pytest.raises(MailerBusy, match="takes no more for 40 seconds"):
            mailer.open()
    # A soft answer without a code is one before hand-over: the next line takes the message.
    assert [(o.kind, o.code) for o in outcomes] == [(OutcomeKind.SOFT, 0)]
    assert next(untouched)
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_told_to_end_meanwhile_leaves_the_message_untried(
    kind: str, make_mails: MakeMails
) -> None:
    asked_to_wait = []

    def wait(seconds: float) -> bool:
        asked_to_wait.append(seconds)
        return seconds > 1

    with ApiServer(kind, [Reply(429, headers={"Retry-After": "2"})]) as server:
        line = server.mailer().open(wait)
        outcomes = send(line, make_mails(2))
    assert max(asked_to_wait) == 2
    assert [(o.kind, o.code) for o in outcomes] == [(OutcomeKind.SOFT, 0)]
    assert not line.alive
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", KNOWING)
def test_who_is_told_to_end_with_an_answer_lost_asks_for_it_once_more(
    kind: str, make_mails: MakeMails
) -> None:
    over = threading.Event()

    def script(*_: object) -> Reply:
        over.set()
        return Reply(500)

    with ApiServer(kind, [script]) as server:
        outcomes = send(server.mailer().open(over.wait), make_mails(2))
    assert kinds(outcomes) == ["unknown"]
    assert len(server.asked) == 2


@pytest.mark.parametrize("kind", KNOWING)
def test_who_is_told_to_end_after_a_doubt_keeps_the_doubt(kind: str, make_mails: MakeMails) -> None:
    over = threading.Event()

    def script(*_: object) -> Reply:
        over.set()
        return Reply(500, takes=True)

    with ApiServer(kind, [script, Reply(429, headers={"Retry-After": "1"})]) as server:
        outcomes = send(server.mailer().open(over.wait), make_mails(1))
    assert kinds(outcomes) == ["unknown"]


@pytest.mark.parametrize("kind", KNOWING)
@pytest.mark.parametrize(
    "refusal",
    [
        Reply(429, headers={"Retry-After": "30"}),
        Reply(429, {"name": "daily_quota_exceeded"}, {"Retry-After": "30"}),
        Reply(401, {"message": "no"}),
        Reply(413),
    ],
    ids=["busy", "quota", "key", "size"],
)
def test_a_repeat_that_is_refused_leaves_the_batch_in_doubt_and_whole(
    kind: str, refusal: Reply, make_mails: MakeMails
) -> None:
    """Untried or halved, they would go under another key, and be taken a second time."""
    script = [Reply(500, takes=True), refusal]
    with ApiServer(kind, script) as server:
        outcomes = send(server.mailer(batch=2).open(), make_mails(2))
        accepted = [a.recipient for a in server.accepted]
    assert kinds(outcomes) == ["unknown", "unknown"]
    assert "HTTP 500" in outcomes[0].text
    assert f"HTTP {refusal.status}" in outcomes[0].text
    assert len(accepted) == len(set(accepted)) == 2


@pytest.mark.parametrize("kind", KNOWING)
def test_a_repeat_that_finds_nobody_listening_leaves_a_doubt(
    kind: str, make_mails: MakeMails
) -> None:
    def go_down(*_: object) -> Reply:
        assert server._server is not None
        server._server.socket.close()
        return Reply(drop=True, takes=True)

    with ApiServer(kind, [go_down]) as server:
        outcomes = send(server.mailer().open(), make_mails(1))
    assert kinds(outcomes) == ["unknown"]
    assert "no connection" in outcomes[0].text


def test_a_line_is_not_opened_for_who_is_told_to_end_meanwhile() -> None:
    with ApiServer("ses") as server:
        mailer = server.mailer()
        mailer.rest(1.5)
        with pytest.raises(WaitEnded):
            mailer.open(lambda _: True)


@pytest.mark.parametrize("kind", KINDS)
def test_503_with_retry_after_took_nothing(kind: str, make_mails: MakeMails) -> None:
    with ApiServer(kind, [Reply(503, headers={"Retry-After": "0"}), FRIENDLY]) as server:
        outcomes = send(server.mailer().open(), make_mails(1))
    assert kinds(outcomes) == ["sent"]


def test_a_rate_that_is_used_up_is_not_overrun(make_mails: MakeMails) -> None:
    last = Reply(
        200,
        {"data": [{"id": "1"}]},
        {"ratelimit-remaining": "0", "ratelimit-reset": "30"},
    )
    with ApiServer("resend", [last]) as server:
        mailer = server.mailer()
        outcomes = send(mailer.open(), make_mails(3))
        assert 29 < mailer.wait <= 30
    assert kinds(outcomes) == ["sent"]
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", BATCHING)
@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_one_fault_after_which_nothing_is_asked(
    kind: str, status: int, make_mails: MakeMails
) -> None:
    with ApiServer(kind, [Reply(status, {"message": "no"})]) as server:
        line = server.mailer(batch=3).open()
        outcomes = send(line, make_mails(9))
    assert kinds(outcomes) == ["soft", "soft", "fault"]
    assert {(o.code, o.stage) for o in outcomes[:2]} == {(0, "")}
    assert outcomes[2].stage == "", "said of a recipient, it would not stop the edition"
    assert len(server.asked) == 1
    assert not line.alive


@pytest.mark.parametrize("kind", BATCHING)
def test_a_request_that_is_refused_as_a_whole_is_sent_in_halves(
    kind: str, make_mails: MakeMails
) -> None:
    with ApiServer(kind, [Reply(413), FRIENDLY]) as server:
        outcomes = send(server.mailer(batch=4).open(), make_mails(4))
    assert kinds(outcomes) == ["sent"] * 4
    assert len(server.asked) == 3
    assert len(server.accepted) == 4


def test_a_message_too_large_for_the_provider_is_the_messages_fault(
    make_mails: MakeMails,
) -> None:
    with ApiServer("postmark", [Reply(413)]) as server:
        (outcome,) = send(server.mailer().open(), make_mails(1))
    assert (outcome.kind, outcome.status) == (OutcomeKind.CONTENT, "5.3.4")


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_no_mail_can_go_to_is_refused_before_it_is_gated(
    kind: str, make_mails: MakeMails
) -> None:
    (good,) = make_mails(1)
    bad = dataclasses.replace(good, recipient_id=7, recipient="x\r\nBcc: all@evil.example")
    ledger = Ledger()
    with ApiServer(kind) as server:
        outcomes = send(server.mailer().open(), [bad, good], ledger)
    assert [(o.recipient_id, o.kind.value, o.status) for o in outcomes] == [
        (7, "hard", "5.1.3"),
        (1, "sent", ""),
    ]
    assert ledger.asked == [1]


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "mailgun"])
def test_a_name_beyond_ascii_before_the_at_is_not_the_readers_fault(
    kind: str, make_mails: MakeMails
) -> None:
    (good,) = make_mails(1)
    with ApiServer(kind) as server:
        outcomes = send(
            server.mailer().open(), [dataclasses.replace(good, recipient="josé@readers.example")]
        )
    assert [(o.kind.value, o.status) for o in outcomes] == [("content", "5.6.7")]
    assert server.asked == []


@pytest.mark.parametrize("kind", KINDS)
def test_opening_tells_a_key_that_works(kind: str) -> None:
    with ApiServer(kind) as server:
        mailer = server.mailer()
        mailer.open().close()
        mailer.open().close()
        assert server.looked == 1
        assert mailer.check()


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "mailgun"])
def test_opening_with_a_wrong_key_is_a_fault_with_a_mend(kind: str) -> None:
    wrong = Reply(401, {"message": "Unauthorized", "code": "unauthorized"})
    with ApiServer(kind, look=wrong) as server, pytest.raises(MailerFault) as caught:
        server.mailer().open()
    assert not isinstance(caught.value, MailerBusy)
    assert "api_key" in caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
def test_opening_where_nobody_listens_is_busy(kind: str) -> None:
    with ApiServer(kind) as server:
        mailer = server.mailer()
    with pytest.raises(MailerBusy, match="no connection"):
        mailer.open()


@pytest.mark.parametrize("kind", KINDS)
def test_a_redirect_is_not_followed(kind: str) -> None:
    away = Reply(302, headers={"Location": "http://127.0.0.1:9/"})
    with ApiServer(kind, look=away) as server, pytest.raises(MailerFault, match="redirect"):
        server.mailer().open()


def test_a_provider_that_goes_away_leaves_the_rest_to_another_line(make_mails: MakeMails) -> None:
    hangs_up = Reply(200, {"Name": "x"}, {"Connection": "close"})
    with ApiServer("postmark", look=hangs_up) as server:
        line = server.mailer().open()
    outcomes = send(line, make_mails(3))
    assert [(o.kind.value, o.code) for o in outcomes] == [("soft", 0)]
    assert not line.alive


def test_lost_requests_make_the_mailer_rest_longer_and_longer(make_mails: MakeMails) -> None:
    waits = []
    with ApiServer("ses", [Reply(500)]) as server:
        mailer = server.mailer()
        for _ in range(4):
            send(mailer.open(), make_mails(1))
            waits.append(mailer.wait)
            mailer._rests_until = 0.0
    assert [round(wait) for wait in waits] == [0, 1, 2, 4]


def test_the_key_is_looked_at_again_after_trouble(make_mails: MakeMails) -> None:
    with ApiServer("ses", [Reply(500), FRIENDLY]) as server:
        mailer = server.mailer()
        send(mailer.open(), make_mails(1))
        mailer.open()
        assert server.looked == 2


def test_an_answer_that_drips_is_not_waited_for_longer_than_twice_the_time(
    make_mails: MakeMails,
) -> None:
    with ApiServer("postmark", [Reply(200, b" " * 200, drip=0.05)]) as server:
        started = time.monotonic()
        outcomes = send(server.mailer(timeout=0.2).open(), make_mails(1))
        assert time.monotonic() - started < 2
    assert kinds(outcomes) == ["unknown"]


def test_a_line_for_batches_waits_a_little_for_more() -> None:
    with ApiServer("resend") as server:
        assert server.mailer(batch=2).open().patience > 0


def test_a_certificate_nobody_signed_is_a_fault(certificate: Certificate) -> None:
    with ApiServer("resend", context=certificate.server_context()) as server:
        with pytest.raises(MailerFault, match="cannot be trusted") as caught:
            server.mailer().open()
        assert not isinstance(caught.value, MailerBusy)
        server.mailer(ca_file=certificate.authority).open().close()


def test_a_closed_line_takes_nothing(make_mails: MakeMails) -> None:
    with ApiServer("resend") as server:
        line = server.mailer().open()
        line.close()
        feed = iter(make_mails(1))
        assert list(line.send(feed, Ledger())) == []
        assert next(feed)
