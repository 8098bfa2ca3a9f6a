"""Amazon SES: requests as botocore's model and moto's server know them, and what answers mean."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from briefing.errors import MailerFault
from briefing.mailers import MailerBusy
from briefing.mailers.api import Api
from briefing.mailers.ses import Ses
from briefing.model import Message, Outcome, OutcomeKind
from tests.kit.providers import ApiServer, Ledger, Reply

sessions = pytest.importorskip("botocore.session", reason="the extra `ses` is not installed")
validate = pytest.importorskip("botocore.validate")

MakeMails = Callable[..., list[Message]]


def refused(kind: str, words: str, status: int = 400) -> Reply:
    return Reply(status, {"message": words}, {"x-amzn-ErrorType": f"{kind}:http://internal"})


def outcome(reply: Reply, mails: list[Message]) -> Outcome:
    with ApiServer("ses", [reply]) as server:
        (found,) = server.mailer().open().send(iter(mails), Ledger())
    return found


def test_the_very_bytes_are_sent(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    with ApiServer("ses") as server:
        list(server.mailer().open().send(iter([mail]), Ledger()))
    assert base64.b64decode(server.asked[0].json()["Content"]["Raw"]["Data"]) == mail.data


def test_a_signature_that_ses_would_break_is_left_out(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    signed = b"DKIM-Signature: v=1; a=rsa-sha256;\r\n b=abc\r\nDKIM-Signature: v=1;\r\n b=def\r\n"
    both = dataclasses.replace(mail, data=signed + mail.data)
    with ApiServer("ses") as server:
        list(server.mailer().open().send(iter([both]), Ledger()))
    assert base64.b64decode(server.asked[0].json()["Content"]["Raw"]["Data"]) == mail.data


def test_a_request_is_one_that_botocore_would_make(make_mails: MakeMails) -> None:
    with ApiServer("ses") as server:
        list(server.mailer().open().send(iter(make_mails(1)), Ledger()))
    (asked,) = server.asked
    model = sessions.Session().get_service_model("sesv2").operation_model("SendEmail")
    assert (asked.method, asked.path) == (model.http["method"], model.http["requestUri"])
    body: dict[str, Any] = asked.json()
    body["Content"]["Raw"]["Data"] = base64.b64decode(body["Content"]["Raw"]["Data"])
    report = validate.ParamValidator().validate(body, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert set(body) <= set(model.input_shape.members)


def test_a_request_is_signed_with_the_key(make_mails: MakeMails) -> None:
    with ApiServer("ses") as server:
        list(server.mailer().open().send(iter(make_mails(1)), Ledger()))
    sealed = server.asked[0].headers["authorization"]
    assert sealed.startswith("AWS4-HMAC-SHA256 Credential=AKIATESTS/")
    assert "/eu-west-1/ses/aws4_request" in sealed


def test_our_message_id_goes_along_as_a_tag(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    with ApiServer("ses") as server:
        list(server.mailer().open().send(iter([mail]), Ledger()))
    (tag,) = server.asked[0].json()["EmailTags"]
    assert tag == {"Name": "briefing-id", "Value": mail.message_id.strip("<>")}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of moto's server."""
    server_module = pytest.importorskip("moto.server", reason="moto's server is not installed")
    running = server_module.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def test_motos_server_takes_mail_of_a_verified_domain_only(
    moto: str, make_mails: MakeMails
) -> None:
    api = Api(Ses("eu-west-1", "AKIATESTS", "secret", url=moto), timeout=10)
    api._known = True  # moto knows nothing of accounts
    (before,) = api.open().send(iter(make_mails(1)), Ledger())
    client = sessions.Session().create_client(
        "ses",
        region_name="eu-west-1",
        aws_access_key_id="AKIATESTS",
        aws_secret_access_key="secret",
        endpoint_url=moto,
    )
    client.verify_domain_identity(Domain="alienroad.example")
    (after,) = api.open().send(iter(make_mails(1)), Ledger())
    assert before.kind is OutcomeKind.FAULT
    assert after.kind is OutcomeKind.SENT
    assert after.reference


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused("MessageRejected", "Email contains a virus"), OutcomeKind.CONTENT),
        (refused("MessageRejected", "Email address is not verified. a@b"), OutcomeKind.FAULT),
        (refused("BadRequestException", "Domain contains illegal character"), OutcomeKind.HARD),
        (refused("BadRequestException", "Something new"), OutcomeKind.FAULT),
        (refused("AccountSuspendedException", "suspended"), OutcomeKind.FAULT),
        (refused("SendingPausedException", "paused"), OutcomeKind.FAULT),
        (refused("MailFromDomainNotVerifiedException", "no MX"), OutcomeKind.FAULT),
        (refused("NotFoundException", "no such configuration set", 404), OutcomeKind.FAULT),
        (refused("AccessDeniedException", "may not", 403), OutcomeKind.FAULT),
        (refused("SignatureDoesNotMatch", "signature", 403), OutcomeKind.FAULT),
        (
            refused("ThrottlingException", "Daily message quota exceeded.", 429),
            OutcomeKind.FAULT,
        ),
    ],
)
def test_what_a_refusal_means(reply: Reply, kind: OutcomeKind, make_mails: MakeMails) -> None:
    assert outcome(reply, make_mails(1)).kind is kind


def test_too_many_a_second_is_no_answer_about_the_message(
    make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.mailers.api._PAUSES", ())
    found = outcome(refused("ThrottlingException", "Maximum sending rate exceeded."), make_mails(1))
    assert (found.kind, found.code) == (OutcomeKind.SOFT, 0)


def test_an_unknown_bad_request_is_said_of_one_recipient_first(make_mails: MakeMails) -> None:
    found = outcome(refused("BadRequestException", "Something new"), make_mails(1))
    assert found.stage == "end of data"


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Reply(200, {"SendingEnabled": False}), "paused sending"),
        (refused("UnrecognizedClientException", "token invalid", 403), "refuses"),
    ],
)
def test_an_account_that_may_not_send_is_a_fault(look: Reply, words: str) -> None:
    with ApiServer("ses", look=look) as server, pytest.raises(MailerFault, match=words) as caught:
        server.mailer().open()
    assert not isinstance(caught.value, MailerBusy)


def test_a_key_that_may_only_send_is_enough() -> None:
    with ApiServer("ses", look=refused("AccessDeniedException", "GetAccount", 403)) as server:
        assert "may send" in server.mailer().check()


def test_the_day_s_quota_is_told() -> None:
    with ApiServer("ses") as server:
        assert "49,980 left of 50,000" in server.mailer().check()


def test_without_any_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: None)
    with pytest.raises(MailerFault, match="no credentials"):
        Ses("eu-west-1")
