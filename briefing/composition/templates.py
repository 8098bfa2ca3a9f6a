"""Templates: found in the publisher's folders before the shipped one, run in a sandbox.

A template reaches the shipped file of the same name as `shipped/<name>`, so that it can override a
single block (see docs/templates.md). Whatever one raises becomes a `ThemeError` with file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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

from briefing.errors import ThemeError

__all__ = ["compile_all", "find_folders", "located", "make_environment", "shipped_templates"]


def shipped_templates() -> Path:
    """The templates that come with the system: beside the packages in a checkout, else in them."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "templates"
    return checkout if (checkout / "email").is_dir() else package / "_shipped" / "templates"


def find_folders(name: str, search_path: Sequence[Path]) -> tuple[Path, ...]:
    """The folders of a name ("email") in the publisher's templates, and then the shipped one."""
    shipped = shipped_templates()
    own = [path for path in search_path if path.resolve() != shipped]
    return tuple(path.resolve() / name for path in (*own, shipped))


def make_environment(folders: Sequence[Path]) -> ImmutableSandboxedEnvironment:
    """What loads and renders templates; the last of the folders is the shipped one."""
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


def compile_all(environment: ImmutableSandboxedEnvironment, names: Iterable[str]) -> None:
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


@contextmanager
def located(folders: Sequence[Path]) -> Iterator[None]:
    """Turn whatever a template raises into a `ThemeError` with its file and line."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise ThemeError(
            f"{error.filename or error.name}, line {error.lineno}: {error.message}",
            hint="correct the template there",
        ) from error
    except TemplateNotFound as error:
        raise ThemeError(
            f"a template asks for {error.name!r}, which is in none of "
            f"{', '.join(str(folder) for folder in folders)}",
            hint="correct the name in its extends, include or import",
        ) from error
    except UnicodeDecodeError as error:
        raise ThemeError(f"a template is not UTF-8: {error}", hint="save it as UTF-8") from error
    except Exception as error:
        place = _place(error, folders)
        if not place:
            raise
        raise ThemeError(
            f"{place}: {type(error).__name__}: {error}",
            hint="correct the template there; docs/templates.md lists what it may use",
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
