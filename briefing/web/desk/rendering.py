"""The frame: the desk's templates, its stylesheet and the scripts that are shipped with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from babel.dates import format_datetime, format_skeleton
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from briefing.composition import shipped_templates
from briefing.composition.look import Dress
from briefing.composition.sanitize import address, host_of, words
from briefing.desk.delivery_text import describe_reason
from briefing.model import Briefing, Edition, Publication
from briefing.web.desk.auth import PLACE, Seat

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Scripts and styles from here alone, none in the page; frames hold our own previews."""

# A form has to say where it comes from, and with no-referrer browsers call that "null".
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
# A worker goes by the policy of its own file.
_FILE_POLICY: Final = "default-src 'none'; connect-src 'self'"
_FOR_EVER: Final = "private, max-age=31536000, immutable"
_KINDS: Final = {".js": "text/javascript", ".css": "text/css"}
_SCRIPTS: Final = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    kind: str
    version: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> _File:
        return cls(body, _KINDS[suffix], hashlib.sha256(body).hexdigest()[:12])


class Renderer:
    """Renders the desk's pages, in English. `dress` has the publication's colours; `clock` gives
    aware UTC time; `has_outbox` shows the way to the dry runs, `has_returned` that
    to returned mail."""

    def __init__(
        self,
        publication: Publication,
        briefings: Mapping[str, Briefing],
        *,
        dress: Dress,
        root: str,
        clock: Callable[[], datetime],
        has_outbox: bool,
        has_returned: bool = False,
    ) -> None:
        self.root = f"{root}{PLACE}"
        self._clock = clock
        web = shipped_templates() / "web"
        self._templates = Environment(
            loader=FileSystemLoader([web / "desk", web]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        sheet = self._templates.get_template("desk.css").render(look=dress).encode()
        self._files = {
            path.name: _File.of(path.read_bytes(), path.suffix)
            for path in _SCRIPTS.iterdir()
            if path.suffix in _KINDS
        } | {"desk.css": _File.of(sheet, ".css")}
        self._templates.globals |= {
            "desk": self.root,
            "root": root,
            "publication": words(publication.name),
            "briefings": briefings,
            "has_outbox": has_outbox,
            "has_returned": has_returned,
            "static": lambda name: f"{self.root}/static/{name}?v={self._files[name].version}",
            "clean": words,
            "describe_reason": describe_reason,
            "address": address,
            "host_of": host_of,
            "hour": lambda at, named: format_datetime(
                at.astimezone(named.timezone), "HH:mm", locale="en_GB"
            ),
            "moment": lambda at, named: format_datetime(
                at.astimezone(named.timezone), "d MMM, HH:mm", locale="en_GB"
            ),
            "long_day": _long_day,
            "short_day": lambda day: format_skeleton("MMMEd", day, locale="en_GB"),
            "stamp": lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "title_of": self._title,
        }
        self._briefings = briefings

    def page(
        self, template: str, seat: Seat | None = None, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A page, or the part of one that a script asked for."""
        body = self.render(template, seat, **values)
        return HTMLResponse(body, status, headers=dict(_HEADERS))

    def render(self, template: str, seat: Seat | None = None, **values: object) -> str:
        """The text of a template; every value that is not markup is escaped."""
        return self._templates.get_template(template).render(
            {
                "user": seat.user if seat else None,
                "csrf": seat.csrf if seat else "",
                "now": self._clock(),
                **values,
            }
        )

    def error(
        self, status: int, said: str = "", hint: str = "", seat: Seat | None = None
    ) -> HTMLResponse:
        """The page that says what went wrong."""
        return self.page("error.html", seat, status=status, code=status, said=said, hint=hint)

    def file(self, name: str, version: str) -> Response | None:
        """The stylesheet or a script; an address with its version is good for ever."""
        found = self._files.get(name)
        if found is None:
            return None
        kept = _FOR_EVER if version == found.version else "no-cache"
        return Response(
            found.body,
            media_type=f"{found.kind}; charset=utf-8",
            headers={"Cache-Control": kept, "Content-Security-Policy": _FILE_POLICY},
        )

    def _title(self, edition: Edition) -> str:
        """An edition's name: its briefing's, and its day."""
        named = self._briefings.get(edition.briefing)
        return f"{words(named.name) if named else edition.briefing}, {_long_day(edition.day)}"


def _long_day(day: date) -> str:
    return format_skeleton("yMMMMEEEEd", day, locale="en_GB")
