"""The SMTP mailer: connects, negotiates TLS, logs in, and hands the connection to a
`SmtpConnection`.

smtplib does what is done once a connection (greeting, EHLO, STARTTLS, AUTH); the mail transaction,
done once a message, is in `briefing.mailers.transaction`.
"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
import threading
from pathlib import Path

from briefing.errors import MailerFault
from briefing.mailers import MailerBusy, Wait, sit_out
from briefing.mailers.transaction import Features, SmtpConnection
from briefing.mailers.wire import Reply, Wire

__all__ = ["Smtp"]

_PORTS = {"none": 25, "starttls": 587, "tls": 465}


class Smtp:
    """A server that takes our mail, at `host`:`port`, over up to `connections` of them at once.

    `security` is "starttls" (default port 587), "tls" from the first byte (465), or "none" (25).
    The certificate is verified for `host` against the system's authorities, or against those in
    `ca_file` (PEM) alone where it is given. `timeout`, in seconds, is the server's time for one
    answer, twice that for the end of a message. `messages_per_connection` is after how many
    messages a connection is changed, 0 for never. `helo` is the name for EHLO, by default the
    machine's.
    """

    kind = "smtp"

    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        security: str = "starttls",
        username: str = "",
        password: str = "",
        connections: int = 8,
        timeout: float = 60.0,
        messages_per_connection: int = 0,
        helo: str = "",
        ca_file: Path | None = None,
    ) -> None:
        if security not in _PORTS:
            raise ValueError(f"security is one of {', '.join(_PORTS)}, not {security!r}")
        self.connections = connections
        self._host = host
        self._port = port or _PORTS[security]
        self._server = f"{host}:{self._port}"
        self._security = security
        self._username = username
        self._password = password
        self._timeout = timeout
        self._messages_per_connection = messages_per_connection
        self._helo = helo
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Smtp({self._host!r}, {self._port}, security={self._security!r})"

    def open(self, wait: Wait = sit_out) -> SmtpConnection:  # noqa: ARG002 - only APIs ask to wait
        """Connect, negotiate TLS, log in; may be called by several threads at once.

        Raises `MailerFault` naming server, cause and mend; `MailerBusy` (one of them) for what may
        pass by itself: a refused or unanswered connection, a 4xx greeting or login.
        """
        try:
            smtp = self._connect()
        except (OSError, UnicodeError, smtplib.SMTPException) as error:
            raise self._fault(error) from error
        try:
            smtp.ehlo_or_helo_if_needed()
            if self._security == "starttls":
                self._encrypt(smtp)
            if self._username:
                self._login(smtp)
            return self._hand_over(smtp)
        except (OSError, smtplib.SMTPException) as error:
            smtp.close()
            raise self._fault(error) from error
        except BaseException:
            smtp.close()
            raise

    def _connect(self) -> smtplib.SMTP:
        if not self._helo:
            # smtplib looks it up anew for each connection, and a slow DNS makes that seconds.
            name = socket.getfqdn()
            self._helo = name if "." in name else "[127.0.0.1]"
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, self._helo, timeout=self._timeout, context=self._tls()
            )
        return smtplib.SMTP(self._host, self._port, self._helo, timeout=self._timeout)

    def _tls(self) -> ssl.SSLContext:
        """One context for all connections: loading the authorities takes tens of milliseconds."""
        with self._lock:
            if self._context is None:
                try:
                    self._context = ssl.create_default_context(cafile=self._ca_file)
                except OSError as error:
                    raise MailerFault(
                        f"{self._ca_file}: no certificates can be read from it ({error})",
                        hint="set ca_file in [mailer] to a PEM file with the authority's "
                        "certificate, or remove it to use the system's",
                    ) from error
            return self._context

    def _encrypt(self, smtp: smtplib.SMTP) -> None:
        if not smtp.has_extn("starttls"):
            raise MailerFault(
                f"{self._server}: it does not offer STARTTLS",
                hint='use security = "tls" on port 465; security = "none" is for a server on '
                "this machine or a private network",
            )
        smtp.starttls(context=self._tls())
        smtp.ehlo_or_helo_if_needed()

    def _login(self, smtp: smtplib.SMTP) -> None:
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        if not {"PLAIN", "LOGIN", "CRAM-MD5"}.intersection(offered):
            raise MailerFault(
                f"{self._server}: it offers no login by password"
                + (f", only {', '.join(offered)}" if offered else ""),
                hint='many servers offer it only with security = "starttls" or "tls"; where none '
                "is needed, remove username and password from [mailer]",
            )
        if (self._username + self._password).isascii():
            smtp.login(self._username, self._password)
            return
        # smtplib encodes credentials as ASCII; AUTH PLAIN is UTF-8 (RFC 4616).
        token = base64.b64encode(f"\0{self._username}\0{self._password}".encode()).decode()
        code, words = smtp.docmd("AUTH", f"PLAIN {token}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, words)

    def _hand_over(self, smtp: smtplib.SMTP) -> SmtpConnection:
        sock, stream = smtp.sock, smtp.file
        if sock is None:
            raise smtplib.SMTPServerDisconnected("the server closed the connection")
        limit = smtp.esmtp_features.get("size", "").strip()
        features = Features(
            pipelining=smtp.has_extn("pipelining"),
            size=smtp.has_extn("size"),
            size_limit=int(limit) if limit.isascii() and limit.isdigit() else 0,
            utf8=smtp.has_extn("smtputf8"),
        )
        connection = SmtpConnection(
            Wire(sock, self._timeout), features, self._messages_per_connection
        )
        smtp.sock = smtp.file = None
        if stream is not None:
            stream.close()
        return connection

    def _fault(self, error: Exception) -> MailerFault:
        """The error as people can act on it."""
        kind = MailerFault
        hint = "check host, port and security in [mailer], and that the server is running"
        match error:
            case ssl.SSLCertVerificationError():
                cause = f"its certificate cannot be trusted: {error.verify_message}"
                hint = (
                    "set host in [mailer] to the name the certificate is for; for a private "
                    "authority, set ca_file to its certificate"
                )
            case ssl.SSLError():
                cause = f"TLS failed: {error.reason or error}"
                hint = 'use security = "starttls" on port 587 and "tls" on port 465'
            case socket.gaierror() | UnicodeError():
                cause = "no such host"
                hint = "check host in [mailer], and that this machine's DNS works"
                if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
                    kind = MailerBusy
            case smtplib.SMTPAuthenticationError():
                kind = _by_code(error)
                cause = f"the login as {self._username!r} was refused: {_words(error)}"
                hint = (
                    "check username and password in [mailer]; some providers want a password made "
                    "for this program"
                )
            case smtplib.SMTPResponseException():
                kind = _by_code(error)
                cause = f"it does not serve us: {_words(error)}"
                hint = "the server's words say why; its operator can say more"
            case TimeoutError() | smtplib.SMTPServerDisconnected():
                kind = MailerBusy
                # smtplib reports a silent server as one that hung up.
                silent = isinstance(error.__context__ or error, TimeoutError)
                what = f"no answer within {self._timeout:g} s" if silent else "it hung up"
                cause = f"{what}, before it was ready"
                hint = (
                    'on port 465 use security = "tls"; else see that the server runs and that no '
                    "firewall is in between"
                )
            case OSError():
                kind = MailerBusy
                cause = f"cannot connect: {error.strerror or error}"
            case _:
                cause = str(error)
        return kind(f"{self._server}: {cause}", hint=hint)


def _by_code(error: smtplib.SMTPResponseException) -> type[MailerFault]:
    return MailerBusy if 400 <= error.smtp_code < 500 else MailerFault


def _words(error: smtplib.SMTPResponseException) -> str:
    raw = error.smtp_error
    octets = raw if isinstance(raw, bytes) else str(raw).encode()
    return f"{error.smtp_code} {Reply(error.smtp_code, tuple(octets.splitlines() or [b''])).text}"
