"""What each element looks like: inherited values, and the sheets of a colour scheme over them.

Only what the checks ask for: colours, sizes of text, fonts, alignment, what is hidden. Everything
that matters is in `style` attributes by now; what is left in `<style>` is matched by its selectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from cssselect import SelectorError
from lxml.cssselect import CSSSelector
from lxml.html import HtmlElement

from briefing.lint.css import Color, Declarations, plain, read_color
from briefing.lint.mail import ParsedMail, style_of

__all__ = ["Scheme", "Shown", "show"]


class Scheme(Enum):
    """How a reader's program shows the mail."""

    LIGHT = "light"
    DARK = "dark"
    OUTLOOK_DARK = "dark in Outlook"
    FORCED_DARK = "forced dark"
    NARROW = "narrow"


_BLACK: Final = Color(0, 0, 0)
_WHITE: Final = Color(255, 255, 255)


@dataclass(frozen=True, slots=True)
class Shown:
    """One element as it is shown; sizes in CSS pixels. `font` is empty where none was given."""

    color: Color = _BLACK
    ground: Color = _WHITE
    size: float = 16.0
    line: float = 19.2
    bold: bool = False
    font: str = ""
    align: str = ""
    display: str = "inline"
    breaks_words: bool = False
    hidden: bool = False


# Sizes and displays that browsers give (HTML Living Standard, 15.3), where a mail uses them.
_SIZES: Final = {"h1": 32.0, "h2": 24.0, "h3": 18.72, "h4": 16.0, "h5": 13.28, "h6": 10.72}
_BLOCKS: Final = frozenset(
    {"body", "div", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "table", "tbody"}
    | {"tr", "blockquote", "center", "hr"}
)
_BOLD: Final = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_UNSHOWN: Final = frozenset({"style", "script", "template", "noscript"})
_OUTLOOK = re.compile(r"\[data-ogs[cb]\]\s*", re.IGNORECASE)
_PHONE: Final = 375
_MAX_WIDTH = re.compile(r"max-(?:device-)?width\s*:\s*(\d+)px", re.IGNORECASE)
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_LENGTH = re.compile(r"(\d*\.?\d+)(px|em|rem|%|)\Z")


def show(mail: ParsedMail, scheme: Scheme = Scheme.LIGHT) -> dict[HtmlElement, Shown]:
    """Every element of the body as the scheme shows it."""
    over = _overlay(mail, scheme)
    shown: dict[HtmlElement, Shown] = {}
    for element in mail.elements:
        parent = element.getparent()
        above = shown.get(parent, Shown()) if parent is not None else Shown()
        shown[element] = _apply(str(element.tag), _declared(element, over.get(element)), above)
    if scheme is Scheme.FORCED_DARK:
        return {
            element: replace(one, color=one.color.inverted(), ground=one.ground.inverted())
            for element, one in shown.items()
        }
    return shown


def _declared(element: HtmlElement, over: Declarations | None) -> Declarations:
    """Inline over sheets, and what is important over both."""
    inline = style_of(element)
    if not over:
        return inline
    important = {name: value for name, value in over.items() if "!important" in value.lower()}
    return {**over, **inline, **important}


def _overlay(mail: ParsedMail, scheme: Scheme) -> dict[HtmlElement, Declarations]:
    over: dict[HtmlElement, Declarations] = {}
    for sheet in mail.sheets:
        for rule in sheet.rules:
            if not all(_holds(condition, scheme) for condition in rule.conditions):
                continue
            for selector in rule.selectors:
                for element in _matches(mail, selector, scheme):
                    declared = over.setdefault(element, {})
                    for name, value in rule.declarations.items():
                        # What is important yields to nothing that is not.
                        if "!important" not in declared.get(name, "") or "!important" in value:
                            declared[name] = value
    return over


def _holds(condition: str, scheme: Scheme) -> bool:
    if not condition.lower().startswith("@media"):
        return False
    if _DARK.search(condition):
        return scheme is Scheme.DARK
    width = _MAX_WIDTH.search(condition)
    return scheme is Scheme.NARROW and bool(width and int(width[1]) >= _PHONE)


def _matches(mail: ParsedMail, selector: str, scheme: Scheme) -> Iterable[HtmlElement]:
    bare = _OUTLOOK.sub("", selector)
    if (bare != selector) != (scheme is Scheme.OUTLOOK_DARK) and bare != selector:
        return ()
    try:
        return [item for item in CSSSelector(bare)(mail.tree) if isinstance(item, HtmlElement)]
    except SelectorError:
        return ()  # a pseudo-class such as :hover, or a mail program's own trick


def _apply(tag: str, declared: Declarations, above: Shown) -> Shown:
    size = _size(declared.get("font-size", ""), above.size, _SIZES.get(tag, above.size))
    color = read_color(declared.get("color", "")) or above.color
    ground = (
        read_color(declared.get("background-color", ""))
        or read_color(declared.get("background", ""))
        or above.ground
    )
    weight = plain(declared.get("font-weight", ""))
    bold = weight in {"bold", "bolder", "600", "700", "800", "900"}
    breaking = {plain(declared.get(name, "")) for name in ("overflow-wrap", "word-wrap")}
    display = plain(declared.get("display", ""))
    return Shown(
        color=color,
        ground=ground,
        size=size,
        line=_line(declared.get("line-height", ""), size, above),
        bold=bold if weight else above.bold or tag in _BOLD,
        font=declared.get("font-family", "") or above.font,
        align=plain(declared.get("text-align", "")) or above.align,
        display=display or ("block" if tag in _BLOCKS else "cell" if tag == "td" else "inline"),
        breaks_words=above.breaks_words
        or bool(breaking & {"break-word", "anywhere"})
        or plain(declared.get("word-break", "")) in {"break-word", "break-all"},
        hidden=above.hidden or display == "none" or tag in _UNSHOWN,
    )


def _size(value: str, above: float, usual: float) -> float:
    found = _LENGTH.match(plain(value))
    if not found or not (found[2] or float(found[1]) == 0):
        return usual
    number = float(found[1])
    return {"px": number, "em": number * above, "rem": number * 16, "%": number * above / 100}.get(
        found[2], number
    )


def _line(value: str, size: float, above: Shown) -> float:
    found = _LENGTH.match(plain(value))
    if not found:
        # Unitless line heights are inherited as they are; the ratio above is the best guess.
        return above.line / above.size * size if above.size else size * 1.2
    number = float(found[1])
    if found[2] in {"", "em"}:
        return number * size
    return number * size / 100 if found[2] == "%" else number
