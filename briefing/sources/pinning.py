"""Connections for `fetching`: to public addresses only, and cut when the time is up (promise 9).

Whoever names an address, or redirects to one, could aim at the cloud's metadata service or a
printer in the office. So each connection resolves its host, refuses unless *every* address is a
public one, and connects to the very address that was looked at: a name that answers differently
the second time (DNS rebinding) is never asked a second time. Host header, SNI and certificate keep
the name.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection

from briefing.sources.special_addresses import is_metadata, is_public

__all__ = ["Dialler", "LineRefused", "PinnedAdapter", "pinned_session"]

_ADDRESSES_TRIED = 4


class LineRefused(Exception):
    """No connection: `reason` and `mend` in words. No OSError, which urllib3 would wrap away."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Dialler:
    """Opens the connections of one fetch, one after the other, and ends the last at the deadline.

    A socket's own timeout counts each read anew, so that a server which sends a byte now and then
    could hold a fetch for hours, in the TLS handshake, the headers or the body.
    """

    def __init__(self, *, allow_private: bool, connect_s: float, total_s: float) -> None:
        self._allow_private = allow_private
        self._connect_s = connect_s
        self._ends = time.monotonic() + total_s
        self._line: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(total_s, self._cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def late(self) -> bool:
        return time.monotonic() >= self._ends

    def dial(self, connection: HTTPConnection) -> socket.socket:
        """A socket to an address of the connection's host. Raises `LineRefused`."""
        host = connection.host
        try:
            found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise LineRefused(
                f"the host name {host} cannot be resolved: {error}.", "Check its spelling."
            ) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if is_metadata(address):
                raise LineRefused(
                    f"{host} is {address}, which is not a public address: a cloud tells the "
                    "machine's credentials there.",
                    "Use the address of a feed.",
                )
            if not self._allow_private and not is_public(address):
                raise LineRefused(
                    f"{host} is {address}, which is not a public address.",
                    "Use a public address, or set allow_private = true for this source.",
                )
        line = self._connect(connection, addresses)
        with self._lock:
            self._drop()
            # A duplicate: TLS detaches the socket it wraps; shutting down either ends the line.
            self._line = line.dup()
        return line

    def _connect(self, connection: HTTPConnection, addresses: list[str]) -> socket.socket:
        refused = f"{connection.host} has no address."
        for address in addresses[:_ADDRESSES_TRIED]:
            left = self._ends - time.monotonic()
            if left <= 0:
                break
            try:
                return create_connection(
                    (address, connection.port or 0),
                    timeout=min(self._connect_s, left),
                    socket_options=connection.socket_options,
                )
            except TimeoutError:
                refused = f"{address} does not answer (within {self._connect_s:g} s)."
            except OSError as error:
                refused = f"no connection to {address}: {error.strerror or error}."
        raise LineRefused(refused)

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._line:
            self._line.close()
            self._line = None

    def _cut(self) -> None:
        with self._lock:
            if self._line:
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)


class _PinnedHTTP(HTTPConnection):
    def __init__(self, *args: Any, dialler: Dialler, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialler = dialler

    def _new_conn(self) -> socket.socket:
        return self._dialler.dial(self)


class _PinnedHTTPS(HTTPSConnection):
    def __init__(self, *args: Any, dialler: Dialler, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialler = dialler

    def _new_conn(self) -> socket.socket:
        return self._dialler.dial(self)


class _PinnedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PinnedHTTP


class _PinnedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedHTTPS


class PinnedAdapter(HTTPAdapter):
    """A transport for `requests` that gets its connections from a `Dialler`."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _PinnedHTTPPool,
            "https": _PinnedHTTPSPool,
        }

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.conn_kw["dialler"] = self._dialler  # the pool makes each connection with these
        return pool


@contextmanager
def pinned_session(dialler: Dialler) -> Iterator[requests.Session]:
    """A session whose connections all come from the dialler. Proxies and passwords of the
    environment are not used: a proxy would resolve names on its own."""
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, PinnedAdapter(dialler))
        yield session
