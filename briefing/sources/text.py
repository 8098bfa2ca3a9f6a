"""Foreign text made plain: one line, a paragraph, a web address, a language, a slug.

Every function is total: any string gives a clean one, perhaps empty. Text that comes out is text,
not markup: whoever puts it into HTML escapes it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import nh3

ELLIPSIS = "…"
MAX_URL = 2000  # what mail clients and old proxies carry without cutting

# Joiners shape Persian, Indic scripts and emoji; every other invisible character can hide text or,
# like the bidirectional overrides, show a reader something else than what is written.
_JOINERS = frozenset("\u200c\u200d")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article blockquote dd div dl dt h1 h2 h3 h4 h5 h6 hr li main ol p pre section "
        "table tr ul",
    )
)
# Left out with what is inside them: they hold no prose of the article.
UNREAD = frozenset(
    re.findall(
        r"\w+",
        "aside audio button canvas embed figure footer form head iframe math nav noscript object "
        "script select style svg template textarea title video",
    )
)
# Nested blocks cost the sanitiser their number squared: 40,000 took 3.8 s, 5,000 take 0.03 s.
_MAX_TAGS = 5_000
_MAX_MARKUP = 500_000  # characters
_BREAK = re.compile(r"<br>\s*(?:<br>\s*)+")
_TAG = re.compile(r"</?[a-z][a-z0-9]*>")

_LANGUAGE = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?",
    re.IGNORECASE,
)
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?", re.IGNORECASE)
# RFC 3986 reserved and "%": what is already encoded stays as it is.
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"


def one_line(text: str, limit: int) -> str:
    """`text` in NFC on one line: invisible characters gone, white space collapsed, cut at `limit`.

    A text that is too long is cut after its last whole word, with an ellipsis.
    """
    # Bounded before the work as well: white space may be most of it, but not a hundred times.
    text = unicodedata.normalize("NFC", text[: limit * 100])
    if not text.isprintable():
        text = "".join(filter(None, map(_visible, text)))
    return shorten(" ".join(text.split()), limit)


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters: its whole words that fit, with an ellipsis if cut."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, _, _ = cut.rpartition(" ")
    return (head if len(head) > limit // 2 else cut).rstrip(" ,;:–—-") + ELLIPSIS


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS:
        return ""
    return character


def paragraphs_of(markup: str) -> Iterator[str]:
    """The paragraphs of an HTML fragment as plain text: entities decoded once, scripts left out."""
    # nh3 leaves only bare block tags and escapes every other "<", so that the split is exact.
    bare = nh3.clean(
        _bounded(markup),
        tags=set(_BLOCKS | {"br"}),
        clean_content_tags=set(UNREAD),
        attributes={},
        link_rel=None,
    )
    for piece in _TAG.split(_BREAK.sub("<p>", bare).replace("<br>", " ")):
        text = " ".join(html.unescape(piece).split())
        if text:
            yield text


def _bounded(markup: str) -> str:
    markup = markup[:_MAX_MARKUP]
    if markup.count("<") <= _MAX_TAGS:
        return markup
    return "<".join(markup.split("<", _MAX_TAGS)[:_MAX_TAGS])


def text_of(markup: str) -> str:
    """An HTML fragment as one run of plain text, for a title or a description."""
    return " ".join(paragraphs_of(markup))


def web_address(raw: str, base: str = "") -> str:
    """An absolute http(s) address in ASCII, resolved against `base`; "" for anything else.

    Addresses with a user name are refused, since they show one host and lead to another; so are
    hosts under `.invalid` (RFC 2606), which lead nowhere.
    """
    raw = raw.strip()
    if not raw or len(raw) > MAX_URL or any(c.isspace() or not c.isprintable() for c in raw):
        return ""
    try:
        parts = urlsplit(urljoin(base, raw) if base else raw)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            return ""
        if ":" in host:
            host = f"[{IPv6Address(host)}]"
        else:
            host = host.encode("idna").decode("ascii").lower()
            if not _HOST.fullmatch(host) or host.rstrip(".").endswith(".invalid"):
                return ""
        netloc = host if port is None else f"{host}:{port}"
        path, query, fragment = (
            quote(part, safe=_URL_SAFE) for part in (parts.path, parts.query, parts.fragment)
        )
    except ValueError:
        return ""
    address = urlunsplit((parts.scheme, netloc, path, query, fragment))
    return address if len(address) <= MAX_URL else ""


def language_tag(raw: str) -> str:
    """A BCP 47 tag of language, script and region in its usual case; "" if it is not plausible."""
    match = _LANGUAGE.fullmatch(raw.strip().replace("_", "-"))
    if not match:
        return ""
    subtags = [match["language"].lower()]
    if match["script"]:
        subtags.append(match["script"].title())
    if match["region"]:
        subtags.append(match["region"].upper())
    return "-".join(subtags)


def slug(raw: str) -> str:
    """Lower-case ASCII letters and digits joined by hyphens, at most 60 characters."""
    folded = unicodedata.normalize("NFKD", raw[:600]).encode("ascii", "ignore").decode("ascii")
    return "-".join(re.findall(r"[a-z0-9]+", folded.lower()))[:60].strip("-")
