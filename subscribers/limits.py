"""Limits on what anybody may ask of the pages: so many times in a sliding window.

They are kept in the database, so that neither a restart nor a second process gives a new allowance,
and they name nobody: what is counted is a keyed mark of an address or a network.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from subscribers.addresses import mark_address
from subscribers.dialect import insert
from subscribers.roll import pepper
from subscribers.tables import page_limits

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def allow(connection: Connection, name: str, most: int, span: timedelta, now: datetime) -> bool:
    """Whether `name` may once more, at most `most` times in any `span`; counts it if so.

    What is refused is not counted: who goes on trying is let in as soon as the window allows.
    """
    mark = mark_address(f"limit\0{name}", pepper(connection))
    at, start = _ms(now), _ms(now - span)
    # Writing the row first locks it: of two at the same moment one sees the other's time.
    times: list[int] = connection.execute(
        insert(connection, page_limits)
        .values(mark=mark, times=[], until=at)
        .on_conflict_do_update(index_elements=["mark"], set_={"mark": mark})
        .returning(page_limits.c.times)
    ).scalar_one()
    within = [time for time in times if time > start]
    allowed = len(within) < most
    if allowed:
        within.append(at)
    connection.execute(
        update(page_limits)
        .where(page_limits.c.mark == mark)
        .values(times=within, until=max(within, default=at) + _span_ms(span))
    )
    return allowed


def would_allow(
    connection: Connection, name: str, most: int, span: timedelta, now: datetime
) -> bool:
    """Whether `allow` would say yes; counts nothing and writes nothing, so that whoever is over a
    limit anyway costs no more than a look."""
    mark = mark_address(f"limit\0{name}", pepper(connection))
    times: list[int] = (
        connection.execute(select(page_limits.c.times).where(page_limits.c.mark == mark)).scalar()
        or []
    )
    start = _ms(now - span)
    return sum(time > start for time in times) < most


def forget(connection: Connection, now: datetime) -> None:
    """Remove what no window reaches any more."""
    connection.execute(delete(page_limits).where(page_limits.c.until < _ms(now)))


def mailbox_of(folded: str) -> str:
    """What an address counts as: the mailbox that it most likely leads to, without what stands
    after a plus (RFC 5233), and without the dots that Gmail overlooks (Google, "Dots don't matter
    in Gmail addresses"). For counting alone: mail is never sent there."""
    local, _, domain = folded.rpartition("@")
    local = unicodedata.normalize("NFKC", local).casefold()
    base = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        return f"{base.replace('.', '') or base}@gmail.com"
    return f"{base}@{domain}"


def networks_of(host: str) -> list[tuple[str, int]]:
    """The networks a visitor is counted under, and how many times the limit each may have.

    One site has up to a /48 of IPv6 (RFC 6177), 65,536 networks of the size that `network_of`
    gives; a provider may as well give each household a /56 of it. So that counts as four of them.
    """
    near = network_of(host) or "unknown"
    if ":" not in near:
        return [(near, 1)]
    return [(near, 1), (str(ipaddress.ip_network(near).supernet(new_prefix=48)), 4)]


def network_of(host: str) -> str:
    """The network a visitor comes from: a /24 of IPv4, a /64 of IPv6 (one subscriber's line,
    RFC 6177). "" for what is no address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


def _ms(moment: datetime) -> int:
    return _span_ms(moment - _EPOCH)


def _span_ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
