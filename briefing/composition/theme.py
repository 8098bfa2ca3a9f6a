"""Themes: found by name, checked when loaded, rendered in a sandbox.

A theme is a folder `email/<name>/` with `subject.txt`, `body.txt`, `body.html` and `theme.toml`. Of
these, what it does not have comes from `email/_base/`. Folders are looked through in order, the
publisher's before the shipped one, file by file; a template reaches the shipped file of the same
name as `shipped/<name>/body.html`, so that it can override a single block (see docs/templates.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from briefing.composition.look import Dress, check_contrast, check_tokens, dress
from briefing.errors import ConfigError, ThemeError
from briefing.model import Look

__all__ = ["Theme", "check_look", "shipped_templates"]

BASE: Final = "_base"
PARTS: Final = ("subject.txt", "body.txt", "body.html")


def shipped_templates() -> Path:
    """The templates that come with the system: beside the packages in a checkout, else in them."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "templates"
    return checkout if (checkout / "email").is_dir() else package / "_shipped" / "templates"


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
        folders = _folders(search_path)
        _require(name, folders)
        colors, fonts, width = _tokens(name, folders)
        environment = _environment(folders)
        templates = {
            part: f"{name if _find(folders, name, part) else BASE}/{part}" for part in PARTS
        }
        with _located(folders):
            _compile(environment, templates.values())
        return cls(name, colors, fonts, width, folders, templates, environment)

    def dress(self, look: Look) -> Dress:
        """The theme's colours, fonts and width with the publisher's over them.

        Raises `ConfigError` for a name or value that cannot be used, or contrast below AA.
        """
        return dress(self.colors, self.fonts, self.width, look)

    def render(self, part: str, values: Mapping[str, object]) -> str:
        """Render "subject.txt", "body.txt" or "body.html"; raises `ThemeError` with file, line."""
        with _located(self._folders):
            return self._environment.get_template(self._templates[part]).render(values)


def check_look(look: Look, search_path: Sequence[Path] = ()) -> None:
    """Raise `ConfigError` for a theme that does not exist, or a look that it cannot wear.

    No template is read. A theme with a fault of its own is left to `Theme.load`: it must not keep
    from being sent what was composed before.
    """
    folders = _folders(search_path)
    _require(look.theme, folders)
    try:
        colors, fonts, width = _tokens(look.theme, folders)
    except ThemeError:
        return
    dress(colors, fonts, width, look)


def _folders(search_path: Sequence[Path]) -> tuple[Path, ...]:
    """The publisher's folders and then the shipped one."""
    shipped = shipped_templates()
    own = [path for path in search_path if path.resolve() != shipped]
    return tuple(path.resolve() / "email" for path in (*own, shipped))


def _require(name: str, folders: Sequence[Path]) -> None:
    known = _names(folders)
    if name not in known:
        raise ConfigError(
            f"there is no theme {name!r}",
            mend=f"choose one of {', '.join(known)}, or make a folder {folders[0] / name}",
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


def _environment(folders: Sequence[Path]) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(
            [
                PrefixLoader({"shipped": FileSystemLoader(folders[-1])}),
                FileSystemLoader(list(folders)),
            ]
        ),
        autoescape=lambda template: template is None or template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )


def _compile(environment: ImmutableSandboxedEnvironment, names: Iterable[str]) -> None:
    """Compile templates and all they extend, include or import, so that faults show now."""
    waiting, done = [*names], set[str]()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        path = Path(str(environment.get_template(name).filename))
        tree = environment.parse(path.read_text("utf-8"), name, str(path))
        waiting += [other for other in meta.find_referenced_templates(tree) if other]


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
    return lambda message, mend: ThemeError(f"{path}: {message}", mend=mend)


@contextmanager
def _located(folders: Sequence[Path]) -> Iterator[None]:
    """Turn whatever a template raises into a `ThemeError` with its file and line."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise ThemeError(
            f"{error.filename or error.name}, line {error.lineno}: {error.message}",
            mend="correct the template there",
        ) from error
    except TemplateNotFound as error:
        raise ThemeError(
            f"a template asks for {error.name!r}, which is in none of "
            f"{', '.join(str(folder) for folder in folders)}",
            mend="correct the name in its extends, include or import",
        ) from error
    except UnicodeDecodeError as error:
        raise ThemeError(f"a template is not UTF-8: {error}", mend="save it as UTF-8") from error
    except Exception as error:
        place = _place(error, folders)
        if not place:
            raise
        raise ThemeError(
            f"{place}: {type(error).__name__}: {error}",
            mend="correct the template there; docs/templates.md lists what it may use",
        ) from error


def _place(error: Exception, folders: Sequence[Path]) -> str:
    """File and line of the innermost template on the way to the error; Jinja maps the lines."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if any(Path(filename).is_relative_to(folder) for folder in folders):
            place = f"{filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
