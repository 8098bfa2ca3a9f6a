"""Readers of single values: each takes what TOML gave and returns our type.

A value that will not do raises `InvalidValue`.

Types are strict: `"8"` is not 8 and 1 is not true. No reader touches a file or the network.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import TypeVar

from babel import Locale, UnknownLocaleError

T = TypeVar("T")

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
# Fonts end up inside style attributes: what could close one or start a rule is left out.
_FONTS = re.compile(r"[\w ,.'-]+")


class InvalidValue(Exception):
    """A value that will not do: the reason, and what to write instead."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class RefusedItems(InvalidValue):
    """Several items of one list or table, each with its place ("[2]") and its value."""

    def __init__(self, items: list[tuple[str, object, InvalidValue]]) -> None:
        super().__init__("has items that will not do")
        self.items = items


def suggest(word: str, known: Iterable[str]) -> str:
    """The known word that was most likely meant, or ""."""
    by_fold = {entry.casefold(): entry for entry in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""


def one_line(value: object) -> str:
    """Text as it is, without line breaks and control characters."""
    if not isinstance(value, str):
        raise InvalidValue("needs text", 'write it in quotes: "…"')
    # Line breaks and control characters would end up in headers (RFC 5322, section 2.2).
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in value):
        raise InvalidValue("holds a line break or control character", "write it on one line")
    return value


def text(limit: int = 200, *, empty: bool = False) -> Callable[[object], str]:
    """One line of at most `limit` characters."""

    def read(value: object) -> str:
        line = one_line(value).strip()
        if not line and not empty:
            raise InvalidValue(
                "is empty", "write something, or leave the key out if it has a default"
            )
        if len(line) > limit:
            raise InvalidValue(f"has {len(line)} characters", f"write at most {limit}")
        return line

    return read


def opaque(value: object) -> str:
    """A password or key, taken as it is, spaces included."""
    line = one_line(value)
    if not line:
        raise InvalidValue("is empty", "write the secret, or leave the key out")
    return line


def optional(read: Callable[[object], str]) -> Callable[[object], str]:
    """Lets "" stand for "not set"."""
    return lambda value: "" if value == "" else read(value)


def choice(*options: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value in options:
            return str(value)
        close = suggest(value, options) if isinstance(value, str) else ""
        meant = f'did you mean "{close}"? ' if close else ""
        allowed = ", ".join(f'"{option}"' for option in options)
        raise InvalidValue("is not one of the choices", f"{meant}allowed: {allowed}")

    return read


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue("needs true or false", "write true or false, without quotes")
    return value


def integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidValue(
                "needs a whole number", f"write one from {low} to {high}, without quotes"
            )
        if not low <= value <= high:
            raise InvalidValue("is out of range", f"write a whole number from {low} to {high}")
        return value

    return read


def number(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
            raise InvalidValue(
                "needs a number", f"write one from {low:g} to {high:g}, without quotes"
            )
        if not low <= value <= high:
            raise InvalidValue("is out of range", f"write a number from {low:g} to {high:g}")
        return float(value)

    return read


def language(value: object) -> str:
    """A BCP 47 tag whose dates and numbers Babel knows how to write."""
    tag = one_line(value)
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        raise InvalidValue(
            "is not a language", 'write a tag such as "en", "es" or "pt-BR"'
        ) from None
    return tag


def slug(value: object) -> str:
    if isinstance(value, str) and _SLUG.fullmatch(value):
        return value
    raise InvalidValue(
        "is not a slug", "write a-z, 0-9 and hyphens, at most 63, no hyphen in front"
    )


def name(value: object) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise InvalidValue("is not a name", "write a-z, 0-9, - and _, a letter in front")


def color(value: object) -> str:
    if isinstance(value, str) and _COLOR.fullmatch(value):
        return value.casefold()
    raise InvalidValue("is not a colour", 'write six hexadecimal digits: "#1a2b3c"')


def fonts(value: object) -> str:
    """Font families, best first, as in CSS; names of several words in single quotes."""
    given = text()(value)
    if _FONTS.fullmatch(given) and given.count("'") % 2 == 0:
        return given
    raise InvalidValue("is not a list of fonts", "write \"Georgia, 'Times New Roman', serif\"")


def listing(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A list; every item that will not do is reported."""

    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise InvalidValue("needs a list", 'write ["…", "…"]')
        good, bad = [], []
        for index, item in enumerate(value):
            try:
                good.append(read(item))
            except InvalidValue as refused:
                bad.append((f"[{index}]", item, refused))
        if bad:
            raise RefusedItems(bad)
        return tuple(good)

    return read_all


def mapping(
    read_key: Callable[[object], str], read: Callable[[object], T]
) -> Callable[[object], tuple[tuple[str, T], ...]]:
    """A table whose keys are the operator's own; every entry that will not do is reported."""

    def read_all(value: object) -> tuple[tuple[str, T], ...]:
        if not isinstance(value, dict):
            raise InvalidValue("needs a table", 'write { "key" = value }')
        good, bad = [], []
        for key, item in value.items():
            try:
                good.append((read_key(key), read(item)))
            except InvalidValue as refused:
                bad.append((f'."{key}"', item, refused))
        if bad:
            raise RefusedItems(bad)
        return tuple(good)

    return read_all
