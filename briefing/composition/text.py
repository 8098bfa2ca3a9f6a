"""The plain-text part: paragraphs wrapped by the cells a terminal gives them.

Latin letters take one cell, Chinese, Japanese and Korean ones and most emoji two, marks none
(Unicode Standard Annex 11; `wcwidth`). An address is never broken and has a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wcwidth import wcswidth, wcwidth

__all__ = ["LINE", "cells", "tidy", "underline", "wrap"]

LINE = 72
"""Cells in a line: 78 is the limit advised by RFC 5322 section 2.1.1, less room for quoting."""

_ADDRESS = re.compile(r"https?://\S+\Z", re.IGNORECASE)

# Characters of unspaced scripts, between any two of which a line may break.
_UNSPACED = re.compile(
    "[\u2e80-\u312f\u3130-\u318f\u3190-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]"
)
# What may not begin a line (closing marks, small kana; JIS X 4051) and what may not end one.
_NOT_FIRST = frozenset(
    "、。，．・：；？！」』）］｝〉》】〕〗’”…‥ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
)
_NOT_LAST = frozenset("「『（［｛〈《【〔〖‘“")


def cells(text: str) -> int:
    """Cells that `text` takes; controls count none."""
    if text.isascii():
        return len(text)
    width = wcswidth(text)
    return width if width >= 0 else sum(max(0, wcwidth(character)) for character in text)


def wrap(text: str, *, first: str = "", rest: str | None = None, width: int = LINE) -> str:
    """Wrap one paragraph; `first` stands before the first line and `rest` before the others.

    Without `rest` the other lines are indented by as many cells as `first` takes.
    """
    indent = " " * cells(first) if rest is None else rest
    lines: list[str] = []
    line, taken = first, cells(first)
    fresh = True
    for piece, glued in _pieces(text, width - max(cells(first), cells(indent))):
        size = cells(piece)
        address = bool(_ADDRESS.match(piece))
        gap = 0 if fresh or glued else 1
        if not fresh and (address or taken + gap + size > width):
            lines.append(line.rstrip())
            line, taken, gap = indent, cells(indent), 0
        line += " " * gap + piece
        taken += gap + size
        fresh = False
        if address:
            lines.append(line)
            line, taken, fresh = indent, cells(indent), True
    if not fresh:
        lines.append(line.rstrip())
    return "\n".join(lines)


def underline(text: str, mark: str) -> str:
    """`text`, already wrapped, with a line of `mark` under it as long as its longest line."""
    return f"{text}\n{mark * max((cells(line) for line in text.split(chr(10))), default=0)}"


def tidy(text: str) -> str:
    """No blank line first or last, never two in a row, no space at a line's end, one final LF."""
    lines = (line.rstrip() for line in text.strip("\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _pieces(text: str, width: int) -> Iterator[tuple[str, bool]]:
    """What may not be broken, each with whether it stands without a space after the one before."""
    for word in text.split():
        if _ADDRESS.match(word) or (word.isascii() and len(word) <= width):
            yield word, False
        else:
            glued = False
            for piece in _unbreakable(word):
                for part in _hard_cuts(piece, width):
                    yield part, glued
                    glued = True


def _unbreakable(word: str) -> Iterator[str]:
    piece = ""
    for character in word:
        breakable = (
            piece
            and (_UNSPACED.match(character) or _UNSPACED.match(piece[-1]))
            and character not in _NOT_FIRST
            and piece[-1] not in _NOT_LAST
            and wcwidth(character) > 0
        )
        if breakable:
            yield piece
            piece = ""
        piece += character
    yield piece


def _hard_cuts(piece: str, width: int) -> Iterator[str]:
    """A word longer than a line is cut at the line's end, before a character that takes a cell."""
    while cells(piece) > width:
        end, taken = 0, 0
        for character in piece:
            size = max(0, wcwidth(character))
            if end and taken + size > width:
                break
            end, taken = end + 1, taken + size
        yield piece[:end]
        piece = piece[end:]
    if piece:
        yield piece
