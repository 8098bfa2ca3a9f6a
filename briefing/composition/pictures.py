"""Where a mail's pictures may come from: public hosts, over https, on its own port.

What a source gives is judged here, once, before anything is made of it, and `lint` judges what
stands in the mail in the end by the same rules. Composition reaches no network, so an http address
is asked for over https without a look, as browsers do (W3C, Mixed Content, section 4.1): of hosts
that serve pictures hardly one has no https, and where one has none, the reader sees the
description. Whoever publishes is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from briefing import hosts
from briefing.composition.sanitize import address

__all__ = ["PictureRefusal", "PictureSource", "picture_source"]

_PORTS: Final = {"http": (None, 80), "https": (None, 443)}
# Mail programs show no other formats everywhere (caniemail.com: WebP, AVIF and SVG images).
_UNSHOWN: Final = (".svg", ".svgz", ".webp", ".avif", ".heic", ".jxl", ".tif", ".tiff", ".bmp")


class PictureRefusal(StrEnum):
    """Why a picture is left out."""

    NO_ADDRESS = "no-address"
    NUMBER = "number"
    PRIVATE = "private"
    PORT = "port"
    FORMAT = "format"
    TINY = "tiny"

    def describe(self) -> str:
        """For people: what it has, or of `TINY`, what it is."""
        return _REFUSED[self]


_REFUSED: Final = {
    PictureRefusal.NO_ADDRESS: "no web address",
    PictureRefusal.NUMBER: "a number in place of a host",
    PictureRefusal.PRIVATE: "a private host",
    PictureRefusal.PORT: "a port of its own",
    PictureRefusal.FORMAT: "a format that mail programs do not show",
    PictureRefusal.TINY: "smaller than 48 pixels",
}


@dataclass(frozen=True, slots=True)
class PictureSource:
    """`url` is what the mail asks for, "" where there is a `refusal`; `secured` says that the
    source gave it as http."""

    url: str
    refusal: PictureRefusal | None = None
    secured: bool = False


_HOSTS: Final = {
    hosts.Unfit.NUMBER: PictureRefusal.NUMBER,
    hosts.Unfit.PRIVATE: PictureRefusal.PRIVATE,
}


@lru_cache(maxsize=4096)
def picture_source(url: str) -> PictureSource:
    """What becomes of a picture's address. Pure."""
    clean = address(url)
    if not clean:
        return PictureSource("", PictureRefusal.NO_ADDRESS)
    parts = urlsplit(clean)
    host = parts.hostname or ""
    unfit = hosts.judge(host)
    if unfit is not None:
        return PictureSource("", _HOSTS[unfit])
    if parts.port not in _PORTS[parts.scheme]:
        return PictureSource("", PictureRefusal.PORT)
    if parts.path.lower().endswith(_UNSHOWN) or "webp" in parts.query.lower():
        return PictureSource("", PictureRefusal.FORMAT)
    secure = urlunsplit(("https", host.removesuffix("."), parts.path, parts.query, parts.fragment))
    return PictureSource(secure, secured=parts.scheme == "http")
