"""Layout: a fluid column, Outlook's table round it, cells that carry their own styles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from briefing.lint.css import pixels, plain
from briefing.lint.finding import LintFinding, Remedy, theme_error, theme_warning
from briefing.lint.mail import ParsedMail, own_text, style_of, where
from briefing.lint.places import MailElement
from briefing.lint.shown import show

_GHOST = theme_error(
    "ghost-table",
    "Outlook gets a table of the column's width inside a comment.",
    "caniemail.com: css-max-width, not in Outlook for Windows",
)
_WIDTH = theme_warning(
    "width",
    "The column is 320 to 640 pixels wide; 600 is usual.",
    "caniemail.com; Gmail's and Outlook's reading panes beside the list",
)
_FIXED = theme_error(
    "fixed-width",
    "Nothing is fixed wider than 320 pixels.",
    "WCAG 2.2, 1.4.10 Reflow (AA): no scrolling in two directions at 320 pixels",
)
_LONG_WORDS = theme_error(
    "long-words",
    "A word longer than a line may be broken anywhere.",
    "WCAG 2.2, 1.4.10 Reflow (AA); CSS Text 3, 5.4 overflow-wrap",
)
_CELL_FONT = theme_error(
    "cell-font",
    "Words have font and size from their cell or nearer, not from outside of it.",
    "Outlook and older webmail do not inherit into tables; caniemail.com: html-body",
)
_CELL_BOX = theme_error(
    "cell-box",
    "Padding stands on cells, paragraphs, headings and links, not on tables, rows or divs.",
    "caniemail.com: css-padding, partly in Outlook for Windows",
)
_MIRRORED = theme_error(
    "mirrored",
    "From right to left, text is aligned to the right, and the other way round.",
    "W3C, Structural markup and right-to-left text in HTML",
)

RULES: Final = (_GHOST, _WIDTH, _FIXED, _LONG_WORDS, _CELL_FONT, _CELL_BOX, _MIRRORED)

_LEAST: Final = 320
_WIDEST: Final = 640
_GHOST_WIDTH = re.compile(r"<table\b[^>]*\bwidth=[\"']?(\d+)", re.IGNORECASE)
_UNBROKEN = re.compile(r"[^\s\u00ad\u200b]{41,}")
_LEFT: Final = {"left": "ltr", "right": "rtl"}
_BOXES: Final = ("div", "table", "tbody", "tr", "body")


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    yield from _column(mail)
    yield from _boxes(mail)
    yield from _text(mail)


def _column(mail: ParsedMail) -> Iterator[LintFinding]:
    limits = [
        limit
        for element in mail.named("div", "table", "td")
        if (limit := pixels(style_of(element).get("max-width", ""))) is not None
    ]
    ghosts = [
        int(width)
        for comment in mail.comments
        if "mso" in comment
        for width in _GHOST_WIDTH.findall(comment)
    ]
    width = max(limits, default=0.0)
    if not width or width not in ghosts:
        yield _GHOST.broken(
            MailElement.COLUMN,
            f"max-width is {width:g} pixels, Outlook's table has "
            f"{', '.join(map(str, ghosts)) or 'none'}",
            "put <!--[if mso]><table role=“presentation” width=“{{ look.width }}”…> round the "
            "column, and the same max-width on it",
        )
    if width and not _LEAST <= width <= _WIDEST:
        yield _WIDTH.broken(
            MailElement.COLUMN,
            f"it is {width:g} pixels wide",
            "set width in [briefings.look] to 600 or so",
            remedy=Remedy.SETTINGS,
        )


def _boxes(mail: ParsedMail) -> Iterator[LintFinding]:
    for element in mail.elements:
        style = style_of(element)
        attribute = element.get("width", "") if element.tag != "img" else ""
        fixed = [
            length
            for value in (style.get("width", ""), style.get("min-width", ""), attribute)
            if (length := _fixed(value)) > _LEAST
        ]
        if element.tag == "img" and _fixed(style.get("width", "")) == 0:
            fixed += _wide_picture(element.get("width", ""), plain(style.get("width", "")), style)
        if fixed:
            yield _FIXED.broken(
                where(element), f"it is {max(fixed):g} pixels wide", "use width:100% and max-width"
            )
        if element.tag in _BOXES:
            padded = [
                name
                for name, value in style.items()
                if name.startswith("padding") and any(_fixed(part) for part in value.split())
            ]
            if padded:
                yield _CELL_BOX.broken(
                    where(element),
                    f"{padded[0]} on <{element.tag!s}>",
                    "put it on a <td>, or on a paragraph or link",
                )


def _text(mail: ParsedMail) -> Iterator[LintFinding]:
    shown = show(mail)
    for element in mail.elements:
        said = own_text(element)
        one = shown[element]
        if not said or one.hidden:
            continue
        if not one.breaks_words and _UNBROKEN.search(said):
            yield _LONG_WORDS.broken(
                where(element), "a word that nothing breaks", "set overflow-wrap:break-word"
            )
        # As far as the cell, but not beyond it.
        near = [element]
        while near[-1].tag != "td" and (parent := near[-1].getparent()) is not None:
            near.append(parent)
        declared = {name for item in near for name in style_of(item)}
        if lost := [name for name in ("font-family", "font-size") if name not in declared]:
            yield _CELL_FONT.broken(
                where(element), f"{lost[0]} comes from outside its cell", "write it on the <td>"
            )
    for cell in mail.named("td"):
        align = plain(style_of(cell).get("align", "") or style_of(cell).get("text-align", ""))
        ways = str((cell.xpath("ancestor-or-self::*[@dir][1]/@dir") or ["ltr"])[-1])
        # A cell at the far end of a row of several is aligned to that end on purpose.
        alone = len(cell.xpath("../td")) == 1
        if alone and align in _LEFT and _LEFT[align] != ways:
            yield _MIRRORED.broken(
                where(cell),
                f"text-align:{align} where text runs {ways}",
                "write text-align:{{ start }}, and class “turned” on a turned cell",
            )


def _fixed(value: str) -> float:
    digits = value + "px" if value.isdecimal() else value
    return pixels(digits) or 0.0


def _wide_picture(attribute: str, width: str, style: dict[str, str]) -> list[float]:
    fluid = width.endswith("%") or plain(style.get("max-width", "")).endswith("%")
    wide = _fixed(attribute)
    return [wide] if wide > _LEAST and not fluid else []
