"""Connecting, TLS and login, against real servers and scripted ones."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from briefing.errors import MailerFault
from briefing.mailers import Mailer, MailerBusy
from briefing.mailers.smtp import Smtp
from briefing.model import Message, OutcomeKind
from tests.kit.certificates import Certificate
from tests.kit.smtp import RecordingServer, read_record
from tests.kit.smtp_script import DROP, SILENCE, Act, Answer, ScriptedServer

from .conftest import MakeMailer, MakeMessages

LOGIN = ("newsroom", "correct horse")


def yes(message: Message) -> bool:
    return True


def deliver(mailer: Mailer, messages: list[Message]) -> list[OutcomeKind]:
    with closing(mailer.open()) as line:
        return [outcome.kind for outcome in line.send(messages, yes)]


def fault(mailer: Smtp) -> MailerFault:
    with pytest.raises(MailerFault) as caught:
        mailer.open().close()
    assert caught.value.hint
    return caught.value


# A real server


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_real_server_gets_each_message_octet_for_octet(
    pipelining: bool, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    messages = make_messages(20, size=40_000)
    with RecordingServer(pipelining=pipelining) as server:
        assert deliver(make_mailer(server.port), messages) == [OutcomeKind.SENT] * 20
        assert [took.data for took in server.accepted] == [sent.data for sent in messages]
        assert [took.sender for took in server.accepted] == [sent.sender for sent in messages]
        assert [took.recipient for took in server.accepted] == [m.recipient for m in messages]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_real_server_that_refuses_some_gets_the_others(
    pipelining: bool, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    def refuse(address: str) -> str:
        return "550 5.1.1 No such user" if address[6] in "258" else ""

    with RecordingServer(pipelining=pipelining, refuse=refuse) as server:
        kinds = deliver(make_mailer(server.port), make_messages(9))
        assert [took.recipient[6] for took in server.accepted] == list("134679")
    assert [n for n, kind in enumerate(kinds, 1) if kind is OutcomeKind.HARD] == [2, 5, 8]


def test_a_message_over_the_servers_size_is_content_and_never_sent(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with RecordingServer(size_limit=10_000) as server:
        kinds = deliver(make_mailer(server.port), make_messages(size=20_000))
        assert server.accepted == []
    assert kinds == [OutcomeKind.CONTENT]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_messages_travel_encrypted_after_a_login(
    security: str, certificate: Certificate, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    messages = make_messages(5, size=200_000)
    how = {"starttls": "starttls", "tls": "implicit"}[security]
    with RecordingServer(**{how: certificate}, login=LOGIN) as server:  # type: ignore[arg-type]
        mailer = make_mailer(
            server.port,
            security=security,
            username=LOGIN[0],
            password=LOGIN[1],
            ca_file=certificate.authority,
        )
        assert deliver(mailer, messages) == [OutcomeKind.SENT] * 5
        assert [took.data for took in server.accepted] == [sent.data for sent in messages]


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_small_writes_are_never_held_back(
    security: str, certificate: Certificate, make_mailer: MakeMailer
) -> None:
    servers = {"none": {}, "starttls": {"starttls": certificate}, "tls": {"implicit": certificate}}
    with RecordingServer(**servers[security]) as server:  # type: ignore[arg-type]
        mailer = make_mailer(server.port, security=security, ca_file=certificate.authority)
        with closing(mailer.open()) as line:
            assert line._wire._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_password_beyond_ascii_logs_in(
    certificate: Certificate, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    login = ("newsroom", "pässwörd")
    with RecordingServer(starttls=certificate, login=login) as server:
        mailer = make_mailer(
            server.port,
            security="starttls",
            username=login[0],
            password=login[1],
            ca_file=certificate.authority,
        )
        assert deliver(mailer, make_messages()) == [OutcomeKind.SENT]


def test_lines_are_opened_by_several_threads_at_once(
    certificate: Certificate, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with RecordingServer(starttls=certificate) as server:
        mailer = make_mailer(server.port, security="starttls", ca_file=certificate.authority)
        threads = [
            threading.Thread(target=deliver, args=(mailer, make_messages(5))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.accepted) == 40


def test_an_idle_tls_line_takes_another_batch(
    certificate: Certificate, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with RecordingServer(implicit=certificate) as server:
        mailer = make_mailer(server.port, security="tls", ca_file=certificate.authority)
        with closing(mailer.open()) as line:
            for _ in range(3):
                assert [outcome.kind for outcome in line.send(make_messages(), yes)] == [
                    OutcomeKind.SENT
                ]


def test_a_recording_server_of_its_own_process_keeps_a_record(
    tmp_path: Path, make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    record = tmp_path / "accepted.jsonl"
    command = [sys.executable, "-m", "tests.kit.smtp", "--record", str(record)]
    command += ["--refuse", "reader2@example.org", "550 5.1.1 gone"]
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        kinds = deliver(make_mailer(port), make_messages(3))
        process.terminate()
        assert process.wait(20) == 0
    assert kinds == [OutcomeKind.SENT, OutcomeKind.HARD, OutcomeKind.SENT]
    assert [took.message_id for took in read_record(record)] == [
        "<m1@news.example>",
        "<m3@news.example>",
    ]


# Faults, each naming server, cause and mend


def test_nobody_listening(make_mailer: MakeMailer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    error = fault(make_mailer(port))
    assert f"127.0.0.1:{port}: cannot connect: Connection refused" in str(error)
    assert isinstance(error, MailerBusy)


def test_no_such_host() -> None:
    error = fault(Smtp("mail.invalid", 25, security="none"))
    assert "mail.invalid:25: no such host" in str(error)
    assert not isinstance(error, MailerBusy)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example", "mail .example"])
def test_a_host_that_is_no_name(host: str) -> None:
    assert "no such host" in str(fault(Smtp(host, 25, security="none")))


def test_a_certificate_for_another_name(
    other_certificate: Certificate, make_mailer: MakeMailer
) -> None:
    with RecordingServer(starttls=other_certificate) as server:
        ca_file = other_certificate.authority
        error = fault(make_mailer(server.port, security="starttls", ca_file=ca_file))
    assert "certificate cannot be trusted" in str(error)
    assert "127.0.0.1" in str(error)
    assert not isinstance(error, MailerBusy)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_by_an_unknown_authority(
    security: str, certificate: Certificate, make_mailer: MakeMailer
) -> None:
    how = {"starttls": "starttls", "tls": "implicit"}[security]
    with RecordingServer(**{how: certificate}) as server:  # type: ignore[arg-type]
        error = fault(make_mailer(server.port, security=security))
    assert "certificate cannot be trusted" in str(error)
    assert "ca_file" in error.hint


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_read(
    content: str | None, tmp_path: Path, make_mailer: MakeMailer
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with ScriptedServer(offers=("STARTTLS",)) as server:
        answers = make_mailer(server.port, security="starttls", ca_file=ca_file)
        assert str(ca_file) in str(fault(answers))


def test_no_starttls(make_mailer: MakeMailer) -> None:
    with ScriptedServer() as server:
        error = fault(make_mailer(server.port, security="starttls"))
    assert f"127.0.0.1:{server.port}: it does not offer STARTTLS" in str(error)


def test_tls_spoken_to_a_plain_port(make_mailer: MakeMailer) -> None:
    with ScriptedServer() as server:
        error = fault(make_mailer(server.port, security="tls"))
    assert "TLS failed" in str(error)
    assert "587" in error.hint


def test_plain_spoken_to_a_tls_port(certificate: Certificate, make_mailer: MakeMailer) -> None:
    with RecordingServer(implicit=certificate) as server:
        error = fault(make_mailer(server.port, timeout=0.3))
    assert "465" in error.hint


def test_a_wrong_password(certificate: Certificate, make_mailer: MakeMailer) -> None:
    with RecordingServer(starttls=certificate, login=LOGIN) as server:
        mailer = make_mailer(
            server.port,
            security="starttls",
            username=LOGIN[0],
            password="hunter2",
            ca_file=certificate.authority,
        )
        error = fault(mailer)
    assert "the login as 'newsroom' was refused: 535" in str(error)
    assert "hunter2" not in f"{error!r} {error} {mailer!r}"
    assert not isinstance(error, MailerBusy)


@pytest.mark.parametrize("offers", [(), ("AUTH XOAUTH2 NTLM",)])
def test_no_login_that_we_know(offers: tuple[str, ...], make_mailer: MakeMailer) -> None:
    with ScriptedServer(offers=offers) as server:
        error = fault(make_mailer(server.port, username="a", password="b"))
    assert "no login by password" in str(error)


@pytest.mark.parametrize(
    ("step", "answer", "words", "busy"),
    [
        ("greeting", "554 5.7.1 No service for you", "554 5.7.1 No service for you", False),
        ("greeting", "421 4.3.2 Too busy", "421 4.3.2 Too busy", True),
        ("greeting", DROP, "it hung up", True),
        ("greeting", SILENCE, "no answer within 0.3 s", True),
        ("greeting", Act(b"HTTP/1.1 400 Bad Request\r\n", drop=True), "", False),
        ("ehlo", "550 5.7.1 Bad name", "550 5.7.1 Bad name", False),
        ("ehlo", DROP, "it hung up", True),
        ("star", "454 4.7.0 TLS not available", "454 4.7.0 TLS not available", True),
        ("auth", "454 4.7.0 Temporary failure", "454 4.7.0 Temporary failure", True),
        ("auth", "535 5.7.8 Wrong", "535 5.7.8 Wrong", False),
    ],
)
def test_a_server_that_does_not_let_us_in(
    step: str, answer: Answer, words: str, busy: bool, make_mailer: MakeMailer
) -> None:
    settings: dict[str, object] = {"timeout": 0.3}
    if step == "star":
        settings["security"] = "starttls"
    if step == "auth":
        settings |= {"username": "a", "password": "b"}
    with ScriptedServer({step: answer}, offers=("STARTTLS", "AUTH PLAIN")) as server:
        error = fault(make_mailer(server.port, **settings))
    assert f"127.0.0.1:{server.port}: " in str(error)
    assert words in str(error)
    assert isinstance(error, MailerBusy) is busy


def test_a_login_lost_later_is_a_fault_that_ends_the_line(
    make_mailer: MakeMailer, make_messages: MakeMessages
) -> None:
    with ScriptedServer({"mail": "530 5.7.0 Authentication required"}) as server:
        assert deliver(make_mailer(server.port), make_messages(3)) == [OutcomeKind.FAULT]


def test_an_unknown_security_is_refused() -> None:
    with pytest.raises(ValueError, match="starttls"):
        Smtp("127.0.0.1", security="ssl")
