"""As much CSS as mail uses, read leniently: sheets into rules, rules into declarations, colours.

A reading for judgement only. What premailer inlined is in `style` attributes already; here are
those, and what stayed in `<style>`.
"""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = [
    "Color",
    "Declarations",
    "ParsedStylesheet",
    "StyleRule",
    "pixels",
    "read_color",
    "read_style",
]

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_PIECE = re.compile(r"\"[^\"]*\"|'[^']*'|\([^()]*\)|[{};]|[^{};\"'()]+|[\"'()]")
_PIXELS = re.compile(r"(-?\d*\.?\d+)(px)?\Z")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\Z")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)\s*(?:[,/]\s*1(?:\.0*)?\s*)?\)\Z")
_NAMED: Final = {
    "black": "#000000",
    "white": "#ffffff",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#c0c0c0",
    "red": "#ff0000",
    "maroon": "#800000",
    "green": "#008000",
    "blue": "#0000ff",
    "navy": "#000080",
    "yellow": "#ffff00",
}

Declarations = dict[str, str]
"""Property to value; a value that is `!important` still says so."""


class Color(NamedTuple):
    """Red, green and blue, 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return "#{:02x}{:02x}{:02x}".format(*self)

    def inverted(self) -> Color:
        """The same hue, light where it was dark, as mail programs do that force a dark scheme."""
        hue, light, vivid = colorsys.rgb_to_hls(*(channel / 255 for channel in self))
        return Color(*(round(part * 255) for part in colorsys.hls_to_rgb(hue, 1 - light, vivid)))


@dataclass(frozen=True, slots=True)
class StyleRule:
    """One rule; `conditions` are the at-rules round it, outermost first."""

    selectors: tuple[str, ...]
    declarations: Declarations
    conditions: tuple[str, ...]


@dataclass(slots=True)
class ParsedStylesheet:
    """A `<style>`: its rules, the at-rules without or with a block, and whether braces match."""

    text: str
    rules: list[StyleRule] = field(default_factory=list)
    at_rules: list[tuple[str, ...]] = field(default_factory=list)
    balanced: bool = True

    @classmethod
    def read(cls, text: str) -> ParsedStylesheet:
        sheet = cls(text)
        opened: list[str] = []
        said = ""
        for piece in _PIECE.findall(_COMMENT.sub("", text)):
            if piece == "{":
                opened.append(said.strip())
                if opened[-1].startswith("@"):
                    sheet.at_rules.append(tuple(part for part in opened if part.startswith("@")))
                said = ""
            elif piece == "}":
                sheet._close(opened, said)
                said = ""
            elif piece == ";" and not (opened and not opened[-1].startswith("@")):
                if said.strip().startswith("@"):
                    sheet.at_rules.append((*opened, said.strip()))
                said = ""
            else:
                said += piece
        sheet.balanced &= not opened and not said.strip()
        return sheet

    def _close(self, opened: list[str], said: str) -> None:
        if not opened:
            self.balanced = False
            return
        head = opened.pop()
        if head.startswith("@"):
            return
        selectors = tuple(part.strip() for part in head.split(",") if part.strip())
        self.rules.append(StyleRule(selectors, read_style(said), tuple(opened)))


@lru_cache(maxsize=2048)
def _read_style(text: str) -> tuple[tuple[str, str], ...]:
    found: Declarations = {}
    said = ""
    for piece in [*_PIECE.findall(text), ";"]:
        if piece != ";":
            said += piece
            continue
        name, colon, value = said.partition(":")
        said = ""
        if colon and value.strip():
            key = name.strip().lower()
            found.pop(key, None)
            found[key] = value.strip()
    return tuple(found.items())


def read_style(text: str) -> Declarations:
    """The declarations of a `style` attribute or of a rule, in order; the last of a name counts."""
    return dict(_read_style(text))


def pixels(value: str) -> float | None:
    """A length in CSS pixels, None for one that says otherwise."""
    found = _PIXELS.match(plain(value))
    return float(found[1]) if found and (found[2] or float(found[1]) == 0) else None


def plain(value: str) -> str:
    """A value in small letters, without `!important`."""
    return value.lower().replace("!important", "").strip()


def read_color(value: str) -> Color | None:
    """The colour in a value such as `#fff`, `rgb(0, 0, 0)` or `1px solid black`; None without."""
    words = re.findall(r"[a-z-]+\([^)]*\)|\S+", plain(value))
    for word in words:
        named = _NAMED.get(word, word)
        if found := _HEX.match(named):
            digits = "".join(d * 2 for d in found[1]) if len(found[1]) == 3 else found[1]
            return Color(*(int(digits[at : at + 2], 16) for at in (0, 2, 4)))
        if found := _RGB.match(named):
            return Color(*(min(255, int(part)) for part in found.groups()))
    return None
