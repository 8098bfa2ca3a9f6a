"""IP addresses that no source may be fetched from, by a table of our own.

What Python calls global has changed even between patch releases (`192.0.0.0/24` was, all but ten
addresses of it), and knows nothing of clouds. Sources, as of 2026-11:

* IANA, IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, kept up to date at
  iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry); blocks that
  are reachable but serve infrastructure alone (AS112, relays) are in it as well
* RFC 5771 and RFC 4291, 2.7: multicast; RFC 3879: site-local; RFC 7526: 6to4 is deprecated
* Azure: "What is IP address 168.63.129.16?"; Alibaba Cloud: "Instance metadata" (100.100.100.200);
  Oracle Cloud: 192.0.0.192; AWS: "Instance metadata", "Task credentials" and "EKS Pod Identity";
  Google Cloud: "Metadata server"
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["is_metadata", "is_public"]

_SPECIAL_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared between a carrier and its customers
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's wire server
            "169.254.0.0/16",  # link-local, with most clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments, with Oracle's metadata
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
# All that IANA gives out as global unicast. Loopback, link-local, unique local, site-local,
# multicast, discard-only, SRv6 and IPv4-compatible addresses are outside of it.
_UNICAST: Final = IPv6Network("2000::/3")
_SPECIAL_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, AMT, AS112, ORCHID, DRIP
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address by a relay that nobody runs any more
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # the former 6bone
            "3fff::/20",  # documentation
        ),
    )
)
# An address in these is that of its last 32 bits. On a network with IPv6 alone, every name of an
# IPv4 host is answered with one in the first (RFC 6052, RFC 6147).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")

_METADATA: Final = frozenset(
    map(
        ip_address,
        (
            "100.100.100.200",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "192.0.0.192",
            "fd00:ec2::23",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)


def is_public(address: str) -> bool:
    """Whether traffic to an IP address leaves for the public Internet, and for a host there."""
    ip = _reached(address)
    if isinstance(ip, IPv4Address):
        return not any(ip in block for block in _SPECIAL_4)
    return ip in _UNICAST and not any(ip in block for block in _SPECIAL_6)


def is_metadata(address: str) -> bool:
    """Whether a cloud answers there with the machine's own credentials. Nothing is ever fetched
    from such an address, also where private ones are allowed."""
    return _reached(address) in _METADATA


def _reached(address: str) -> IPv4Address | IPv6Address:
    """The address at which traffic to `address` ends."""
    ip = ip_address(address.partition("%")[0])  # without the interface of a link-local one
    if isinstance(ip, IPv6Address) and (ip in _NAT64 or ip in _MAPPED):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip
