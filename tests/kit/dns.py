"""A DNS server on loopback, with a zone that a test writes.

::

    with DnsServer({"alienroad.example": {"TXT": ["v=spf1 -all"], "MX": ["10 mail.…"]}}) as dns: ...

What is not in the zone does not exist; a name whose records are `SILENT` gets no answer at all, one
with `BROKEN` a SERVFAIL. `asked` has the questions in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from dnslib import QTYPE, RCODE, RR, TXT
from dnslib.server import BaseResolver, DNSServer

from briefing.checkup.names import Dns

Zone = Mapping[str, Mapping[str, Sequence[str]] | str]
SILENT, BROKEN = "silent", "broken"


class DnsServer(BaseResolver):  # type: ignore[misc]
    """The server; `port` is a free one of 127.0.0.1, for UDP."""

    def __init__(self, zone: Zone) -> None:
        self.zone = {name.lower(): records for name, records in zone.items()}
        self.asked: list[tuple[str, str]] = []
        self._server: Any = None

    @property
    def port(self) -> int:
        return int(self._server.server.server_address[1])

    def client(self, timeout: float = 1.0) -> Dns:
        return Dns(["127.0.0.1"], self.port, timeout)

    def __enter__(self) -> Self:
        self._server = DNSServer(self, address="127.0.0.1", port=0, logger=_Quiet())
        self._server.start_thread()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._server.server.server_close()

    def resolve(self, request: Any, handler: Any) -> Any:
        """Called by the server for each question."""
        question = str(request.q.qname).rstrip(".").lower()
        kind = QTYPE[request.q.qtype]
        self.asked.append((question, kind))
        reply = request.reply()
        records = self.zone.get(question)
        if records == SILENT:
            raise TimeoutError(question)
        if records == BROKEN:
            reply.header.rcode = RCODE.SERVFAIL
        elif isinstance(records, Mapping):
            for value in records.get(kind, ()):
                reply.add_answer(*_record(question, kind, value))
        elif not any(name.endswith(f".{question}") for name in self.zone):
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


def _record(name: str, kind: str, value: str) -> list[Any]:
    if kind == "TXT":
        strings = [value[at : at + 255].encode() for at in range(0, len(value), 255)]
        return [RR(name, QTYPE.TXT, rdata=TXT(strings), ttl=60)]
    found: list[Any] = RR.fromZone(f"{name}. 60 IN {kind} {value}")
    return found


class _Quiet:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None
