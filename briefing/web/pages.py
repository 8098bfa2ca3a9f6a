"""Pages: templates of `templates/web` in a briefing's language and colours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from briefing.composition import shipped_templates
from briefing.composition.look import Dress
from briefing.composition.sanitize import address, words
from briefing.model import Briefing, Publication
from briefing.web.wording import name_month, words_for

MINUTES: Final = "public, max-age=300"
"""How long the archive's pages may be kept: an edition that is cancelled is gone soon after."""


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """A briefing's stylesheet; `version` is in its address, so that it may be kept for ever."""

    body: bytes
    version: str


class Pages:
    """Renders every page. `dress` gives the colours of a briefing's pages; `indexed` lets
    search engines keep the public ones."""

    def __init__(
        self,
        publication: Publication,
        briefings: Sequence[Briefing],
        *,
        dress: Callable[[Briefing], Dress],
        indexed: bool,
    ) -> None:
        self._dress = dress
        self._publication = publication
        self._indexed = indexed
        self._templates = Environment(
            loader=FileSystemLoader(shipped_templates() / "web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._errors: dict[int, str] = {}
        self.root = urlsplit(publication.public_url).path.rstrip("/")
        self._home = briefings[0]
        self.sheets = {briefing.slug: self._sheet(briefing) for briefing in briefings}

    def page(
        self,
        template: str,
        briefing: Briefing | None = None,
        *,
        status: int = 200,
        public: bool = False,
        **values: object,
    ) -> HTMLResponse:
        """A page of a briefing, or of the publication. Only a `public` one may be kept by caches,
        and by search engines where they are let in."""
        return HTMLResponse(
            self.render(template, briefing, **values),
            status,
            headers=self.public_headers() if public else None,
        )

    def error(self, status: int) -> HTMLResponse:
        """The page that says what went wrong, in the publication's language. Made once: it must
        cost next to nothing when there is no time for anything else."""
        if status not in self._errors:
            self._errors[status] = self.render("error.html", code=status)
        return HTMLResponse(self._errors[status], status)

    def public_headers(self) -> dict[str, str]:
        """Headers of what everybody may see."""
        return {
            "Cache-Control": MINUTES,
            "X-Robots-Tag": "all" if self._indexed else "noindex",
        }

    def render(self, template: str, briefing: Briefing | None = None, **values: object) -> str:
        """The text of a template; every value that is not markup is escaped."""
        speak = words_for(briefing.language if briefing else self._publication.language)
        # A briefing that is no more has neither colours nor an archive of its own.
        slug = briefing.slug if briefing and briefing.slug in self.sheets else self._home.slug
        sheet = self.sheets[slug]
        return self._templates.get_template(template).render(
            {
                "_": speak,
                "_n": speak.count,
                "language": speak.language,
                "month": lambda day: name_month(day, speak.language),
                "root": self.root,
                "sheet": f"{self.root}/static/{slug}/style.css?v={sheet.version}",
                "publication": words(self._publication.name),
                "publication_url": address(self._publication.url),
                "briefing": briefing,
                "stands": briefing is not None and briefing.slug in self.sheets,
                "clean": words,
                "stamp": _stamp,
                **values,
            }
        )

    def sentence(self, message: str, briefing: Briefing) -> str:
        """A sentence in the briefing's language as plain text; `%(briefing)s` and
        `%(publication)s` in it are the names."""
        names = {
            "briefing": words(briefing.name),
            "publication": words(self._publication.name),
        }
        return words_for(briefing.language).language.catalogue.gettext(message) % names

    def text(self, message: str, briefing: Briefing, *, status: int = 200) -> Response:
        """A sentence as a line of plain text, for a machine."""
        said = self.sentence(message, briefing)
        return Response(f"{said}\n", status, media_type="text/plain; charset=utf-8")

    def _sheet(self, briefing: Briefing) -> Stylesheet:
        look = self._dress(briefing)
        body = self._templates.get_template("style.css").render(look=look).encode()
        return Stylesheet(body, hashlib.sha256(body).hexdigest()[:12])


def _stamp(moment: datetime) -> str:
    """A UTC moment as RFC 3339 writes it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
