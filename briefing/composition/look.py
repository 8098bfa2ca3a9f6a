"""Colours and fonts: what a theme declares and a publisher's `Look` overrides, checked.

Every pair of colours that meet as text and ground keeps WCAG 2.2's contrast AA (4.5:1, criterion
1.4.3), in the light scheme and in the dark one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from briefing.composition.sanitize import address
from briefing.errors import ConfigError
from briefing.model import Look

__all__ = ["COLORS", "FONTS", "Dress", "check_tokens", "contrast", "dress"]

COLORS: Final = ("page", "sheet", "ink", "muted", "accent", "rule")
"""The names of a theme's colours; each has a dark twin named `dark-<name>`."""

FONTS: Final = ("headline", "body", "label")

_TEXT: Final = ("ink", "muted", "accent")
_GROUNDS: Final = ("page", "sheet")
_AA: Final = 4.5

_HEX = re.compile(r"#(?:[0-9A-Fa-f]{3}){1,2}\Z")
# Family names and commas, quoted or bare: nothing that could end the declaration or the attribute.
_FONT = re.compile(r"(?:'[A-Za-z0-9 -]+'|[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)*)\Z")
_WIDTHS: Final = range(320, 801)

Fault = Callable[[str, str], Exception]


@dataclass(frozen=True, slots=True)
class Dress:
    """A theme as one briefing wears it; every value is safe to stand in CSS and in attributes."""

    color: Mapping[str, Markup]
    dark: Mapping[str, Markup]
    font: Mapping[str, Markup]
    width: int
    logo: str
    logo_width: int
    logo_height: int


def dress(colors: Mapping[str, str], fonts: Mapping[str, str], width: int, look: Look) -> Dress:
    """The theme's own values with the publisher's over them.

    Raises `ConfigError` naming the key of `[briefings.look]`, the value and the mend.
    """
    wanted = {name.replace("_", "-"): value for name, value in look.colors}
    check_tokens(wanted, dict(look.fonts), _config_fault)
    merged = {**colors, **wanted}
    check_contrast(merged, _config_fault)
    fonts = {**fonts, **{name: _stack(value) for name, value in look.fonts}}
    chosen = look.width or width
    if chosen not in _WIDTHS:
        raise _config_fault(
            f"look.width is {chosen}", f"choose {_WIDTHS[0]} to {_WIDTHS[-1]} pixels; 600 is usual"
        )
    logo = _logo(look)
    if logo and look.logo_width > chosen:
        raise _config_fault(
            f"look.logo_width is {look.logo_width}, the mail is {chosen} pixels wide",
            f"write at most {chosen}",
        )
    return Dress(
        color={name: Markup(_six(merged[name])) for name in COLORS},  # noqa: S704  (checked)
        dark={name: Markup(_six(merged[f"dark-{name}"])) for name in COLORS},  # noqa: S704
        font={name: Markup(fonts[name]) for name in FONTS},  # noqa: S704
        width=chosen,
        logo=logo,
        logo_width=look.logo_width if logo else 0,
        logo_height=look.logo_height if logo else 0,
    )


def check_tokens(colors: Mapping[str, str], fonts: Mapping[str, str], fault: Fault) -> None:
    """Raise `fault(message, mend)` for an unknown name or a value that is no colour or font."""
    names = [*COLORS, *(f"dark-{name}" for name in COLORS)]
    for name, value in colors.items():
        if name not in names:
            raise fault(f"unknown colour {name!r}", f"the colours are {', '.join(names)}")
        if not isinstance(value, str) or not _HEX.match(value):
            raise fault(f"colour {name!r} is {value!r}", "write it as hexadecimal, such as #9e1b20")
    for name, value in fonts.items():
        if name not in FONTS:
            raise fault(f"unknown font {name!r}", f"the fonts are {', '.join(FONTS)}")
        if not isinstance(value, str) or not _is_stack(value):
            raise fault(
                f"font {name!r} is {value!r}",
                "list family names with commas, such as Georgia, 'Times New Roman', serif",
            )


def check_contrast(colors: Mapping[str, str], fault: Fault) -> None:
    """Raise `fault(message, mend)` for the first text colour too close to its ground."""
    for prefix in ("", "dark-"):
        for text in _TEXT:
            for ground in _GROUNDS:
                ink, paper = colors[f"{prefix}{text}"], colors[f"{prefix}{ground}"]
                ratio = contrast(ink, paper)
                if ratio < _AA:
                    raise fault(
                        f"colour {prefix}{text} {ink} on {prefix}{ground} {paper} has contrast "
                        f"{ratio:.2f}:1",
                        f"WCAG AA asks for {_AA}:1; make one of them "
                        f"{'darker' if not prefix else 'lighter'}",
                    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two hexadecimal colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    six = _six(color)
    red, green, blue = (_linear(int(six[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _six(color: str) -> str:
    digits = color[1:].lower()
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)


def _stack(fonts: str) -> str:
    families = (family.strip().replace('"', "'") for family in fonts.split(","))
    return ",".join(
        f"'{family}'" if " " in family and not family.startswith("'") else family
        for family in families
    )


def _is_stack(fonts: str) -> bool:
    families = [family.strip().replace('"', "'") for family in fonts.split(",")]
    return len(fonts) <= 200 and all(_FONT.match(family) for family in families)


def _logo(look: Look) -> str:
    if not look.logo:
        return ""
    logo = address(look.logo)
    if not logo.startswith("https://"):
        raise _config_fault(f"look.logo is {look.logo!r}", "give an https address")
    if look.logo_width < 1 or look.logo_height < 1:
        raise _config_fault(
            "look.logo has no size", "set logo_width and logo_height in pixels beside it"
        )
    return logo


def _config_fault(message: str, hint: str) -> ConfigError:
    return ConfigError(message, hint=hint)
