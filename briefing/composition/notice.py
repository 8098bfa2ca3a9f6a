"""Single mails: confirm, welcome, and what else one person is told. Nothing of an edition's work
is needed for them; a publisher's colours are.

`compose_notice` renders a kind of `templates/notices` in the briefing's language, the publisher's
own templates before the shipped ones; `write_notice` makes it a `Message`. Such mail is an answer
to a person, not to a list: it has no List fields (RFC 2369), and says that no person wrote it
(RFC 3834).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.quoprimime import body_encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from briefing.composition import headers
from briefing.composition.inline import inline
from briefing.composition.languages import words_in
from briefing.composition.look import Dress
from briefing.composition.mime import Signer
from briefing.composition.page import postal_lines
from briefing.composition.sanitize import words
from briefing.composition.templates import find_folders, located, make_environment
from briefing.composition.text import tidy, wrap
from briefing.errors import ThemeError
from briefing.model import Briefing, Message, Publication

__all__ = ["KINDS", "Note", "check_notices", "compose_notice", "write_notice"]

_OF_AN_EDITION: Final = ("day", "time", "zone", "stories", "otherwise")
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "confirm": ("days",),
    "already": (),
    "welcome": (),
    "address": ("days",),
    "move": ("address", "days"),
    "moved": ("address", "days"),
    "restored": ("address",),
    "erase": ("days",),
    "download": ("days",),
    "ready": _OF_AN_EDITION,
    "deadline": _OF_AN_EDITION,
    "errors": ("day", "found"),
    "alert": ("headline",),
}
"""What there is to tell, each a folder of `templates/notices`, with the values that it may name."""

_CATALOGUES: Final = Path(__file__).parent / "locale" / "notices"
_LINE_END: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A rendered single mail."""

    subject: str
    text: str
    html: str
    language: str


def compose_notice(
    kind: str,
    briefing: Briefing,
    publication: Publication,
    dress: Dress,
    *,
    link: str = "",
    search_path: Sequence[Path] = (),
    **values: str,
) -> Note:
    """Render one of `KINDS`; `link` is where its button leads, `values` what its words name.

    Templates are looked for in `search_path` first and read once. Raises `ThemeError`, naming file
    and line, for one that does not render, or leaves the link out.
    """
    folders = find_folders("notices", search_path)
    common = {
        "link": link,
        "briefing": words(briefing.name),
        "publication": words(publication.name),
        "postal_address": postal_lines(publication),
        "look": dress,
        "wrap": wrap,
        **{name: words(value) for name, value in values.items()},
    }
    plain = words_in(briefing.language, _CATALOGUES, markup=False)
    marked = words_in(briefing.language, _CATALOGUES, markup=True)
    language = plain.language
    right_to_left = language.direction == "rtl"
    common |= {"language": language, "start": "right" if right_to_left else "left"}
    with located(folders):
        templates = _templates(folders)
        subject = words(templates.get_template(f"{kind}/subject.txt").render(common, _=plain))
        common["subject"] = subject
        html = templates.get_template(f"{kind}/body.html").render(common, _=marked)
        text = templates.get_template(f"{kind}/body.txt").render(common, _=plain)
    for part, told in (("body.html", html), ("body.txt", text)):
        if link not in told and escape(link) not in told:
            path = templates.get_template(f"{kind}/{part}").filename
            raise ThemeError(
                f"{path} leaves out the link that the mail is about", hint="write {{ link }} in it"
            )
    return Note(
        subject,
        tidy(text),
        inline(re.sub(r"\n\s+", "\n", html).strip()) + "\n",
        language.tag,
    )


def check_notices(
    briefing: Briefing, publication: Publication, dress: Dress, search_path: Sequence[Path]
) -> None:
    """Raise `ThemeError` for the first of the publisher's templates that cannot be used."""
    for kind, names in KINDS.items():
        values = dict.fromkeys(names, "1")
        link = "" if kind == "restored" else f"{publication.public_url}/c"
        compose_notice(
            kind, briefing, publication, dress, link=link, search_path=search_path, **values
        )


def write_notice(
    note: Note,
    briefing: Briefing,
    address: str,
    *,
    number: int,
    id_left: str,
    sender: str,
    date: datetime,
    sign: Signer | None = None,
) -> Message:
    """A note as the bytes of one mail to an address; `sender` is the envelope sender.

    `number` stands for the recipient in the mailer's answer. `id_left` is the Message-ID before the
    @. Raises `HeaderFault` for an address that cannot be written.
    """
    domain = briefing.from_address.rpartition("@")[2]
    digest = sha256(f"{id_left}\0{note.text}".encode()).hexdigest()
    boundary = f"=_notice_{digest[:24]}"
    head = b"".join(
        (
            headers.write_mailbox("From", briefing.from_address, briefing.from_name),
            headers.write_mailbox("To", address, utf8=True),
            headers.write_mailbox("Reply-To", briefing.reply_to) if briefing.reply_to else b"",
            headers.write_text("Subject", note.subject),
            headers.write_date(date),
            headers.write_message_id(id_left, domain),
            b"Auto-Submitted: auto-generated\r\n",
            b"X-Auto-Response-Suppress: OOF, AutoReply\r\n",
            headers.write_language(note.language),
            b"MIME-Version: 1.0\r\n",
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode("ascii"),
        )
    )
    parts = [
        f"--{boundary}{_LINE_END}"
        f"Content-Type: text/{subtype}; charset=utf-8{_LINE_END}"
        f"Content-Transfer-Encoding: quoted-printable{_LINE_END}{_LINE_END}"
        f"{_encode(body)}{_LINE_END}"
        for subtype, body in (("plain", note.text), ("html", note.html))
    ]
    body = f"{''.join(parts)}--{boundary}--{_LINE_END}".encode("ascii")
    signature = sign(head, body) if sign else b""
    return Message(
        recipient_id=number,
        sender=sender,
        recipient=headers.write_address("To", address, utf8=True),
        message_id=f"<{id_left}@{domain}>",
        data=b"".join((signature, head, b"\r\n", body)),
    )


def _encode(text: str) -> str:
    """Quoted-printable, with no line that begins with a dot (RFC 5321, 4.5.2) or with "From "."""
    octets = text.encode("utf-8", "replace").decode("latin-1")
    lines = body_encode(octets, maxlinelen=72, eol=_LINE_END).split(_LINE_END)
    return _LINE_END.join(
        "=2E" + line[1:]
        if line.startswith(".")
        else "=46" + line[1:]
        if line.startswith("From ")
        else line
        for line in lines
    )


@cache
def _templates(folders: tuple[Path, ...]) -> ImmutableSandboxedEnvironment:
    return make_environment(folders)
