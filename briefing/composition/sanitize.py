"""Foreign text is data: what sources, editors and publishers wrote, made fit to stand in a mail.

Three doors, one for each kind of text: `words` for a line or paragraph of plain text, `address` for
a link or picture, `markdown` for the editor's note. What comes out holds no control characters, no
slot, no scheme but http and https. Markup in plain text stays text: the templates escape it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from briefing.composition.slots import neutralise

__all__ = ["address", "host_of", "markdown", "markdown_text", "shorten", "words"]

# C0 and C1 controls, the embedding, override and isolate controls that turn a line round (the
# "Trojan Source" set, Unicode TR 36), invisible tags and fillers, and lone surrogates, which no
# encoder takes. Tags that spell a region's flag (Unicode TS 51, ED-14a) are kept.
_CONTROLS = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f)"
    "|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNFIT = re.compile(r"[\\\x00-\x1f\x7f-\xa0\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SPACES = re.compile(r"[\s\u2028\u2029]+")

# What may stand in a path or query as it is (RFC 3986, section 2); "%" is part of an encoding.
_URL_SAFE: Final = "!$&'()*+,;=:@/?%~-._"
_MAX_URL = 2048

_NOTE_TAGS: Final = {"p", "a", "em", "strong", "ul", "ol", "li", "br", "blockquote", "code"}


def words(text: str, limit: int = 0) -> str:
    """One line of plain text: no controls, single spaces, no slot, at most `limit` characters."""
    clean = neutralise(_SPACES.sub(" ", _CONTROLS.sub(r"\1", text)).strip())
    return shorten(clean, limit) if limit else clean


def shorten(text: str, limit: int, *, ellipsis: str = "…") -> str:
    """Cut at a word's end so that the ellipsis still fits; unspaced scripts are cut anywhere."""
    if len(text) <= limit:
        return text
    room = limit - len(ellipsis)
    head = text[: room + 1]
    cut = head.rfind(" ")
    # A cut that throws away more than half of the room is worse than a broken word.
    kept = head[:cut] if cut >= room // 2 else text[:room]
    return kept.rstrip(" ,;:–—-·、，；：。") + ellipsis


@lru_cache(maxsize=4096)
def address(url: str) -> str:
    """The address in ASCII, or "" if it is not one a reader may be sent to.

    Only http and https with a host name and no user name: `https://bank.example@evil.example`
    leads elsewhere than it says. International names become their A-labels (RFC 5891), other
    characters are percent-encoded (RFC 3986).
    """
    url = url.strip()
    if not url or len(url) > _MAX_URL or _UNFIT.search(url):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return ""
    netloc = host if port is None else f"{host}:{port}"
    path, query, fragment = (
        _stray_percent(quote(part, safe=_URL_SAFE))
        for part in (parts.path, parts.query, parts.fragment)
    )
    return neutralise(urlunsplit((scheme, netloc, path, query, fragment)))


def host_of(url: str) -> str:
    """The host a link leads to, without "www.", for words such as "Continue reading at …"."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def markdown(text: str, classes: Mapping[str, str]) -> Markup:
    """The editor's Markdown as a few harmless elements; HTML in it is shown as text.

    `classes` gives the elements of a name ("p", "a") their class, for the theme's styles.
    """
    clean = nh3.clean(
        _markdown().render(_note_source(text)),
        tags=_NOTE_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel=None,
        attribute_filter=_note_attribute,
        set_tag_attribute_values={tag: {"class": name} for tag, name in classes.items()},
    )
    return Markup(neutralise(clean).strip())  # noqa: S704  (cleaned just above)


def markdown_text(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The note for the plain-text part: paragraphs in order, each with the addresses it links to.

    A list item begins with "• ".
    """
    paragraphs: list[tuple[str, tuple[str, ...]]] = []
    depth = 0
    for token in _markdown().parse(_note_source(text)):
        if token.type == "list_item_open":
            depth += 1
        elif token.type == "list_item_close":
            depth -= 1
        elif token.type in {"inline", "fence", "code_block"}:
            said: list[str] = []
            links: list[str] = []
            for child in token.children or [token]:
                if child.type == "link_open":
                    links.append(address(str(child.attrGet("href"))))
                said.append(" " if child.type in {"softbreak", "hardbreak"} else child.content)
            if line := words("".join(said)):
                paragraphs.append((f"• {line}" if depth else line, tuple(links)))
    return tuple(paragraphs)


def _host(host: str) -> str:
    if not host or host.rstrip(".").endswith("slot.invalid"):
        return ""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]"
    ascii_host = host.encode("idna").decode("ascii") if not host.isascii() else host
    return ascii_host if re.fullmatch(r"[A-Za-z0-9._-]+", ascii_host) else ""


def _stray_percent(part: str) -> str:
    return re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part)


def _note_source(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub(r"\1", re.sub("[\v\f\x85\u2028\u2029]", " ", lines))


def _note_attribute(_tag: str, name: str, value: str) -> str | None:
    return address(value) or None if name == "href" else value


class _Note(MarkdownIt):
    """Markdown in which a link that nobody may be sent to stays the text it was typed as."""

    def validateLink(self, url: str) -> bool:  # noqa: N802  (markdown-it's name)
        return bool(address(url))


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # Headings would break the outline of the mail, pictures would be fetched from anywhere, tables
    # and rules have no style here; all of them stay the text they were typed as.
    dull = ["heading", "lheading", "image", "table", "hr", "html_block", "html_inline"]
    return _Note("commonmark", {"html": False}).disable(dull, ignoreInvalid=True)
