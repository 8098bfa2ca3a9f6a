"""No test reaches beyond this machine.

An audit hook sees every connection and look-up of this process, whichever library makes it (child
processes are out of its sight). It raises, and because code under test may well take any exception
of a connection for a dead feed, it also keeps a list that the fixture `no_network` looks at.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable

# RFC 6761 and RFC 2606 keep these from ever being registered: they fail here as they would outside.
_NOWHERE = ("invalid", "test", "example", "example.com", "example.net", "example.org")

attempts: list[str] = []


class NetworkReached(RuntimeError):
    """A test tried to leave this machine."""


def guard() -> None:
    """Watch from now on until the process ends; a second call does nothing."""
    if not _installed:
        _installed.append(_watch)
        sys.addaudithook(_watch)


_installed: list[Callable[[str, tuple[object, ...]], None]] = []


def _watch(event: str, details: tuple[object, ...]) -> None:
    match event, details:
        case (("socket.connect" | "socket.sendto" | "socket.sendmsg"), (_, (host, *_))):
            if not _is_loopback(host):
                _refuse(event, host)
        case (("socket.getaddrinfo" | "socket.gethostbyname"), (host, *_)):
            _check_name(event, host)


def _check_name(event: str, host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in {"", "localhost", socket.gethostname()}:
        return
    if any(f".{name.lower().rstrip('.')}".endswith(f".{ending}") for ending in _NOWHERE):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        _refuse(event, name)


def _is_loopback(host: object) -> bool:
    """Also true of what is no internet address: a unix socket, a netlink group."""
    if not isinstance(host, str) or host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _refuse(event: str, host: object) -> None:
    attempts.append(f"{event} {host}")
    raise NetworkReached(f"{event} {host}: tests stay on this machine")
