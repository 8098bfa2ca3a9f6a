"""Themes: found by name, checked when loaded, rendered in a sandbox.

A theme is a folder `email/<name>/` with `subject.txt`, `body.txt`, `body.html` and `theme.toml`. Of
these, what it does not have comes from `email/_base/`. Folders are looked through in order, the
publisher's before the shipped one, file by file; a template reaches the shipped file of the same
name as `shipped/<name>/body.html`, so that it can override a single block (see docs/templates.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jinja2.sandbox import ImmutableSandboxedEnvironment

from briefing.composition.look import Dress, check_contrast, check_tokens, dress
from briefing.composition.templates import (
    compile_all,
    find_folders,
    located,
    make_environment,
)
from briefing.errors import ConfigError, ThemeError
from briefing.model import Look

__all__ = ["Theme", "check_look"]

BASE: Final = "_base"
PARTS: Final = ("subject.txt", "body.txt", "body.html")


@dataclass(frozen=True, slots=True)
class Theme:
    """A loaded theme: templates compiled, values checked, nothing read from disk later."""

    name: str
    colors: Mapping[str, str]
    fonts: Mapping[str, str]
    width: int
    _folders: tuple[Path, ...] = field(repr=False)
    _templates: Mapping[str, str] = field(repr=False)
    _environment: ImmutableSandboxedEnvironment = field(repr=False)

    @classmethod
    def load(cls, name: str, search_path: Sequence[Path] = ()) -> Theme:
        """Find, read and compile a theme; the shipped templates are looked through last.

        Raises `ConfigError` for a theme that does not exist, and `ThemeError` naming file, line
        and mend for a template that does not compile or a `theme.toml` with a fault.
        """
        folders = find_folders("email", search_path)
        _require(name, folders)
        colors, fonts, width = _tokens(name, folders)
        environment = make_environment(folders)
        templates = {
            part: f"{name if _find(folders, name, part) else BASE}/{part}" for part in PARTS
        }
        with located(folders):
            compile_all(environment, templates.values())
        return cls(name, colors, fonts, width, folders, templates, environment)

    def dress(self, look: Look) -> Dress:
        """The theme's colours, fonts and width with the publisher's over them.

        Raises `ConfigError` for a name or value that cannot be used, or contrast below AA.
        """
        return dress(self.colors, self.fonts, self.width, look)

    def render(self, part: str, values: Mapping[str, object]) -> str:
        """Render "subject.txt", "body.txt" or "body.html"; raises `ThemeError` with file, line."""
        with located(self._folders):
            return self._environment.get_template(self._templates[part]).render(values)


def check_look(look: Look, search_path: Sequence[Path] = ()) -> None:
    """Raise `ConfigError` for a theme that does not exist, or a look that it cannot wear.

    No template is read. A theme with a fault of its own is left to `Theme.load`: it must not keep
    from being sent what was composed before.
    """
    folders = find_folders("email", search_path)
    _require(look.theme, folders)
    try:
        colors, fonts, width = _tokens(look.theme, folders)
    except ThemeError:
        return
    dress(colors, fonts, width, look)


def _require(name: str, folders: Sequence[Path]) -> None:
    known = _names(folders)
    if name not in known:
        raise ConfigError(
            f"there is no theme {name!r}",
            hint=f"choose one of {', '.join(known)}, or make a folder {folders[0] / name}",
        )


def _names(folders: Sequence[Path]) -> list[str]:
    return sorted(
        {
            path.name
            for folder in folders
            if folder.is_dir()
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(("_", "."))
        }
    )


def _find(folders: Sequence[Path], name: str, part: str) -> Path | None:
    paths = (folder / name / part for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def _tokens(name: str, folders: Sequence[Path]) -> tuple[Mapping[str, str], Mapping[str, str], int]:
    """Colours, fonts and width: the publisher's over the theme's over the base's, key by key."""
    colors: dict[str, str] = {}
    fonts: dict[str, str] = {}
    width = 600
    files = [folder / part / "theme.toml" for part in (name, BASE) for folder in folders]
    for path in reversed([path for path in files if path.is_file()]):
        fault = _theme_fault(path)
        try:
            declared = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise fault(str(error), "write it as TOML in UTF-8") from error
        unknown = declared.keys() - {"width", "colors", "dark", "fonts"}
        if unknown:
            raise fault(
                f"unknown key {min(unknown)!r}", "the keys are width, [colors], [dark] and [fonts]"
            )
        dark = {f"dark-{key}": value for key, value in _table(declared, "dark", fault).items()}
        own = {**_table(declared, "colors", fault), **dark}
        own_fonts = _table(declared, "fonts", fault)
        check_tokens(own, own_fonts, fault)
        colors |= own
        fonts |= own_fonts
        width = declared.get("width", width)
        if not isinstance(width, int) or not 320 <= width <= 800:
            raise fault(f"width is {width!r}", "give a number of pixels from 320 to 800")
        check_contrast(colors, fault)
    return colors, fonts, width


def _table(declared: Mapping[str, Any], key: str, fault: _Fault) -> dict[str, Any]:
    table = declared.get(key, {})
    if not isinstance(table, dict):
        raise fault(f"{key} is {table!r}", f"write it as a table: [{key}]")
    return table


_Fault = Callable[[str, str], Exception]


def _theme_fault(path: Path) -> _Fault:
    return lambda message, hint: ThemeError(f"{path}: {message}", hint=hint)
