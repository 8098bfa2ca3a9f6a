"""What one reader's mail costs, against building the same mail with the standard library.

Run: .venv/bin/python tests/bench/bench_splice.py
"""

from __future__ import annotations

import email
import email.policy
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.composition.mime import MimeTemplate
from briefing.composition.slots import Links, Slot
from briefing.model import Recipient

STORIES = 33
LINKS = Links(
    unsubscribe="https://brief.alienroad.example/u/" + "Zm9vYmFyLWJhei1xdXV4" * 4,
    preferences="https://brief.alienroad.example/p/" + "Zm9vYmFyLWJhei1xdXV4" * 4,
    one_click="https://brief.alienroad.example/leave/" + "Zm9vYmFyLWJhei1xdXV4" * 4,
    mailto="mailto:leave+Zm9vYmFyLWJhei1xdXV4@alienroad.example",
)
READERS = {
    "ASCII name": Recipient(id=1, key=1, address="ana.lima@example.org", name="Ana Lima"),
    "no name": Recipient(id=2, key=2, address="ana.lima@example.org"),
    "name beyond ASCII": Recipient(
        id=3, key=3, address="ana.gomez@example.org", name="Ana Gómez Peña"
    ),
}
SUBJECT = "Alien Road Daily: visa fees rise, a border reopens, and what it means"
DATE = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)


def write_edition() -> tuple[str, str]:
    """A text and an HTML part of a day's usual size, with the footer's links."""
    story = (
        "The ministry said on Tuesday that fees for work visas rise in July — by a third for some, "
        "and that applications filed before the change keep the old price."
    )
    cell = (
        '<tr><td style="padding:0 24px 16px;font-family:Georgia,serif;font-size:16px;'
        'line-height:1.5;color:#222222"><h3 style="margin:0 0 4px;font-size:19px">'
        '<a href="https://alienroad.example/2026/07/01/visa-fees-{n}" style="color:#0b3d5c;'
        'text-decoration:none">Visa fees rise by a third, {n}</a></h3>\n'
        '<p style="margin:0 0 4px">{story}</p>\n'
        '<p class="source" style="margin:0;font-family:Helvetica,Arial,sans-serif;font-size:14px;'
        'line-height:1.4;color:#555555">Source: The Gazette</p></td></tr>\n<tr><td class="rule" '
        'style="padding:0 24px 16px"><table role="presentation" width="100%" cellpadding="0" '
        'cellspacing="0" border="0"><tr><td style="border-top:1px solid #dddddd;font-size:1px;'
        'line-height:1px">&nbsp;</td></tr></table></td></tr>\n'
    )
    html = (
        '<!doctype html>\n<html lang="en" dir="ltr"><head><title>Daily</title></head><body>\n'
        f'<a href="{Slot.UNSUBSCRIBE}">Unsubscribe</a><table role="presentation">\n'
        + "".join(cell.format(n=n, story=story) for n in range(STORIES))
        + f'</table><p><a href="{Slot.UNSUBSCRIBE}">Unsubscribe</a> '
        f'<a href="{Slot.PREFERENCES}">Choose sections</a></p></body></html>\n'
    )
    text = (
        "\n\n".join(
            f"Visa fees rise, {n}\n{story}\nhttps://alienroad.example/{n}" for n in range(STORIES)
        )
        + f"\n\nUnsubscribe: {Slot.UNSUBSCRIBE}\nChoose sections: {Slot.PREFERENCES}\n"
    )
    return text, html


def build_with_library(text: str, html: str, reader: Recipient) -> bytes:
    message = EmailMessage()
    message["From"] = "Alien Road <briefing@alienroad.example>"
    message["To"] = f"{reader.name} <{reader.address}>" if reader.name else reader.address
    message["Reply-To"] = "desk@alienroad.example"
    message["Subject"] = SUBJECT
    message["Date"] = DATE
    message["Message-ID"] = f"<e17.{reader.key}@alienroad.example>"
    message["List-Id"] = "Alien Road Daily <daily.alienroad.example>"
    message["List-Unsubscribe"] = f"<{LINKS.one_click}>, <{LINKS.mailto}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Feedback-ID"] = "e17:daily:v0:alienroad"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message["Content-Language"] = "en"
    for slot, url in (
        (Slot.UNSUBSCRIBE, LINKS.unsubscribe),
        (Slot.PREFERENCES, LINKS.preferences),
    ):
        text = text.replace(slot, url)
        html = html.replace(slot, escape(url))
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes(policy=email.policy.SMTP)


def main() -> None:
    text, html = write_edition()

    def compile_edition() -> MimeTemplate:
        return MimeTemplate.compile(
            from_name="Alien Road",
            from_address="briefing@alienroad.example",
            reply_to="desk@alienroad.example",
            subject=SUBJECT,
            date=DATE,
            text=text,
            html=html,
            list_id="daily.alienroad.example",
            list_name="Alien Road Daily",
            feedback_id="e17:daily:v0:alienroad",
            id_domain="alienroad.example",
        )

    template = compile_edition()
    compiled, built = [], dict.fromkeys(READERS, 0.0)
    spliced: dict[str, list[float]] = {name: [] for name in READERS}
    rendered: dict[str, list[float]] = {name: [] for name in READERS}
    library: dict[str, list[float]] = {name: [] for name in READERS}
    size = 0
    # The sides take turns in each round, so that a busy moment of the machine hits both.
    for _ in range(15):
        start = perf_counter()
        compile_edition()
        compiled.append(perf_counter() - start)
        for name, reader in READERS.items():
            start = perf_counter()
            for _ in range(1000):
                template.splice(reader.address, reader.name, "e17.k42", LINKS)
            spliced[name].append((perf_counter() - start) / 1000)
            start = perf_counter()
            for _ in range(1000):
                message = template.render(
                    reader, LINKS, id_left="e17.k42", sender="b+17-42@alienroad.example"
                )
            rendered[name].append((perf_counter() - start) / 1000)
            size = len(message.data)
            start = perf_counter()
            for _ in range(3):
                build_with_library(text, html, reader)
            library[name].append((perf_counter() - start) / 3)
    print(f"message {size / 1000:.1f} kB, HTML {template.html_size / 1000:.1f} kB decoded")
    print(f"compile, once a variant: {median(compiled) * 1e3:.2f} ms")
    for name in READERS:
        splice, whole = median(spliced[name]), median(rendered[name])
        built[name] = median(library[name])
        print(
            f"{name:>18}: splice {splice * 1e6:5.1f} µs, Message {whole * 1e6:5.1f} µs, "
            f"email.message {built[name] * 1e6:7.0f} µs = {built[name] / whole:4.0f} × a Message"
        )


if __name__ == "__main__":
    main()
