"""A mail host of its own for one test: a real Postfix that bounces, and a real Dovecot mailbox.

::

    with host() as place, postfix(place, fates) as smtp_port, dovecot(place) as imap_port: ...

Both are Debian's programs with a configuration, queue and ports of their own; the machine's mail
system, if it has one, is left alone. Postfix keeps no mail: each recipient's fate is what
`fates` says, and what it returns is delivered into the Maildir that Dovecot serves. Both change
user and so are started by root only; elsewhere the test is skipped, with the reason.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit import parts
from tests.kit.commands import wait_until

USER = "bounces"
PASSWORD = "open-sesame-for-tests"
DOMAIN = "alienroad.example"
_PATIENCE = 30.0

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.alienroad.example
mydestination =
mynetworks = 127.0.0.0/8
recipient_delimiter = +
smtpd_reject_unlisted_recipient = no
smtpd_peername_lookup = no
transport_maps = texthash:{folder}/transport
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
default_transport = error:5.4.4 this server delivers nothing
relay_transport = error:5.4.4 this server delivers nothing
local_transport = error:5.4.4 this server delivers nothing
bounce_queue_lifetime = 1d
notify_classes =
smtputf8_enable = yes
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
delay_warning_time = 1s
"""

_MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
showq unix n - n - - showq
"""

_DOVECOT = """\
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{maildir}
first_valid_uid = 1
imap_capability = {capabilities}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""


@dataclass(frozen=True)
class Host:
    """A folder of the two, and who owns the mail in it."""

    folder: Path
    uid: int
    gid: int

    @property
    def maildir(self) -> Path:
        return self.folder / "mail"


@contextmanager
def host() -> Iterator[Host]:
    """A place for both that their users may enter; skips where they cannot be started."""
    if os.geteuid() != 0:
        pytest.skip("Postfix and Dovecot can be started by root only")
    folder = Path(tempfile.mkdtemp(prefix="mailhost-"))
    folder.chmod(0o755)
    nobody = pwd.getpwnam("nobody")
    made = Host(folder, nobody.pw_uid, nobody.pw_gid)
    for name in ("mail", "mail/new", "mail/cur", "mail/tmp", "home"):
        (folder / name).mkdir()
        os.chown(folder / name, made.uid, made.gid)
    try:
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postfix(place: Host, fates: Mapping[str, str]) -> Iterator[int]:
    """Postfix on loopback; gives its port. `fates` maps recipients to transports, such as
    "error:5.1.1 User unknown" or "discard:"."""
    program = parts.program("smtp-sink", "postfix")
    master = parts.program("smtp-sink", *_MASTERS)
    daemons = Path(master).parent
    folder, port = place.folder, _free_port()
    config = folder / "postfix"
    for one in (config, folder / "queue", folder / "data"):
        one.mkdir()
    shutil.chown(folder / "data", "postfix", "postfix")
    transport = "".join(f"{address} {fate}\n" for address, fate in fates.items())
    (folder / "transport").write_text(transport)
    settings = _MAIN_CF.format(
        folder=folder, daemons=daemons, domain=DOMAIN, uid=place.uid, gid=place.gid
    )
    (config / "main.cf").write_text(settings)
    (config / "master.cf").write_text(_MASTER_CF.format(port=port))
    subprocess.run([program, "-c", config, "check"], check=True, capture_output=True)
    with _running([master, "-c", config, "-d"], folder / "postfix.log"):
        _wait_for_port(port, folder / "postfix.log")
        yield port


@contextmanager
def dovecot(place: Host, *, without: str = "") -> Iterator[int]:
    """Dovecot's IMAP on loopback; gives its port. `without` are capabilities it does not offer."""
    program = parts.program("dovecot")
    folder, port = place.folder, _free_port()
    offered = " ".join(word for word in _CAPABILITIES.split() if word not in without.split())
    config = folder / "dovecot.conf"
    config.write_text(
        _DOVECOT.format(
            folder=folder,
            maildir=place.maildir,
            port=port,
            password=PASSWORD,
            uid=place.uid,
            gid=place.gid,
            capabilities=offered,
        )
    )
    with _running([program, "-F", "-c", config], folder / "dovecot.log"):
        _wait_for_port(port, folder / "dovecot.log")
        yield port


def drop(place: Host, raw: bytes, name: str) -> None:
    """Put a mail into the mailbox, as a delivery agent does."""
    path = place.maildir / "tmp" / name
    path.write_bytes(raw)
    os.chown(path, place.uid, place.gid)
    path.rename(place.maildir / "new" / name)


_MASTERS = ("/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master")
_CAPABILITIES = "IMAP4rev1 LITERAL+ ID ENABLE IDLE UIDPLUS MOVE NAMESPACE SPECIAL-USE"


@contextmanager
def _running(command: list[str | Path], log: Path) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{command[0]} did not end:\n{_tail(log)}") from None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for_port(port: int, log: Path) -> None:
    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                return bool(line.recv(1))
        except OSError:
            return False

    try:
        wait_until(answers, f"port {port}")
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{_tail(log)}") from None


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:] if log.exists() else "(no log)"
