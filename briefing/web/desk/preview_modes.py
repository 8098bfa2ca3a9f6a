"""Looks: one mail as different programs show it.

A preview must not depend on the machine it is looked at on: there is one look for the light scheme
and one for the dark, whatever the editor's own is. So the mail's questions about the scheme are
answered here, in the mail's own style sheets, and only there: the words of a story are never
touched. All of this is pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, urlencode

from lxml import etree

__all__ = ["CUSTOMARY", "Choice", "PreviewMode", "show", "show_scheme"]


class PreviewMode(StrEnum):
    """One way to look at an edition, by its name in addresses. `label` is for people, `width` in
    CSS pixels."""

    DESKTOP = "desktop"
    PHONE = "phone"
    NARROW = "narrow"
    DARK = "dark"
    NO_IMAGES = "noimages"
    NO_STYLE = "nostyle"
    TEXT = "text"
    RAW = "raw"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def width(self) -> int:
        return {PreviewMode.PHONE: 375, PreviewMode.NARROW: 320}.get(self, 640)


_LABELS: Final = {
    PreviewMode.DESKTOP: "Desktop",
    PreviewMode.PHONE: "Phone",
    PreviewMode.NARROW: "Small phone",
    PreviewMode.DARK: "Dark",
    PreviewMode.NO_IMAGES: "Images off",
    PreviewMode.NO_STYLE: "No style sheet",
    PreviewMode.TEXT: "Plain text",
    PreviewMode.RAW: "Whole message",
}

CUSTOMARY: Final = (PreviewMode.DESKTOP, PreviewMode.PHONE)
"""What stands side by side where nothing else was chosen."""

_LONGEST_ADDRESS: Final = 320


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants to see: looks in their own order, and a reader's address, "" for no one
    in particular; `pictures` are fetched from their hosts, who then know that somebody looks."""

    looks: tuple[PreviewMode, ...] = CUSTOMARY
    reader: str = ""
    pictures: bool = False

    @classmethod
    def of(cls, looks: list[PreviewMode], reader: str, *, pictures: bool = False) -> Choice:
        chosen = tuple(look for look in PreviewMode if look in looks) or CUSTOMARY
        return cls(chosen, reader.strip(), pictures)

    @classmethod
    def read(cls, query: str) -> Choice:
        """A choice as `query` writes it; what is none is passed over."""
        pairs = parse_qsl(query[:2000])
        looks = [
            PreviewMode(value)
            for name, value in pairs
            if name == "look" and value in set(PreviewMode)
        ]
        readers = [value for name, value in pairs if name == "reader"]
        reader = readers[-1][:_LONGEST_ADDRESS] if readers else ""
        return cls.of(looks, reader, pictures=("pictures", "1") in pairs)

    @property
    def query(self) -> str:
        return urlencode(
            [*(("look", look.value) for look in self.looks)]
            + ([("reader", self.reader)] if self.reader else [])
            + ([("pictures", "1")] if self.pictures else [])
        )

    @property
    def with_pictures(self) -> Choice:
        return Choice(self.looks, self.reader, pictures=True)

    def alone(self, look: PreviewMode) -> str:
        """The query of one of them."""
        return Choice((look,), self.reader, self.pictures).query


def show(html: str, look: PreviewMode) -> str:
    """A mail's HTML as a look has it, in its one scheme. Links lead nowhere: they ask for a window,
    and a sandbox opens none."""
    if not html.strip():
        return html
    parser = etree.HTMLParser(encoding="utf-8")
    page = etree.fromstring(html.encode(errors="replace"), parser)
    if look is PreviewMode.NO_STYLE:
        _take_styles_out(page)
    scheme = "dark" if look is PreviewMode.DARK else "light"
    for sheet in page.iter("style"):
        sheet.text = show_scheme(sheet.text or "", scheme)
    for element in page.iter(etree.Element):
        if (media := element.get("media")) is not None:
            element.set("media", _answer(media, scheme))
        if "color-scheme" in (style := element.get("style", "")).lower():
            element.set("style", show_scheme(style, scheme))
        if element.tag == "meta" and "color-scheme" in element.get("name", "").lower():
            element.set("content", _narrowed(element.get("content", ""), scheme))
    if look in (PreviewMode.PHONE, PreviewMode.NARROW):
        # A phone's scroll bar lies over the page; a desktop's would take some of these pixels.
        page.set("style", f"{page.get('style', '')};scrollbar-width:none".lstrip(";"))
    if (head := page.find("head")) is not None:
        head.insert(0, etree.Element("base", target="_blank"))
    shown: bytes = etree.tostring(page.getroottree(), method="html", encoding="utf-8")
    return shown.decode()


_PIECE = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    r"|\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?"
    r"|[{};]|[^/{};\"']+|/",
    re.DOTALL,
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_QUESTION = re.compile(r"\(\s*prefers-color-scheme\s*(?::\s*([\w-]+)\s*)?\)", re.IGNORECASE)
_DECLARED = re.compile(r"(\s*(?:supported-)?color-schemes?\s*:)([^;{}]*)\Z", re.IGNORECASE)
_YES, _NO = "(min-width:0)", "(max-width:0)"


def show_scheme(css: str, scheme: str) -> str:
    """A style sheet, or the declarations of an attribute, as they are in a scheme, "light" or
    "dark": what is asked by `@media` is answered, and of the schemes declared one is left.
    """
    said: list[str] = []
    shown: list[str] = []
    for piece in [*_PIECE.findall(css), ""]:
        if piece not in ("{", "}", ";", ""):
            said.append(piece)
            continue
        whole = "".join(said)
        bare = _COMMENT.sub("", whole) if "/*" in whole else whole
        if bare.lstrip().lower().startswith("@media"):
            shown.append(_answer(bare, scheme))
        elif piece != "{" and (found := _DECLARED.fullmatch(bare)):
            shown.append(found[1] + _narrowed(found[2], scheme))
        else:
            shown.append(whole)
        shown.append(piece)
        said = []
    return "".join(shown)


def _answer(query: str, scheme: str) -> str:
    """A media query in which the question about the scheme is a condition that always or never
    holds, so that `not`, `and` and `,` mean what they meant."""

    def decide(found: re.Match[str]) -> str:
        asked = found[1]
        return _YES if asked is None or asked.lower() == scheme else _NO

    return _QUESTION.sub(decide, query)


def _narrowed(declared: str, scheme: str) -> str:
    """The value of `color-scheme` with one scheme, if it has that one."""
    if scheme not in declared.lower().replace("!", " ").split():
        return declared
    return scheme + ("!important" if "important" in declared.lower() else "")


def _take_styles_out(page: etree._Element) -> None:
    etree.strip_elements(page, "style", with_tail=False)
    for comment in list(page.iter(etree.Comment)):
        parent = comment.getparent()
        if "<style" in (comment.text or "").lower() and parent is not None:
            # The words after it are kept.
            before, tail = comment.getprevious(), comment.tail or ""
            if before is not None:
                before.tail = (before.tail or "") + tail
            else:
                parent.text = (parent.text or "") + tail
            comment.tail = None
            parent.remove(comment)
