"""The letters of one frozen edition: a template per variant, a message per reader."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from briefing.composition.headers import HeaderFault
from briefing.composition.mime import BodyFault, MimeTemplate, Signer
from briefing.composition.slots import Links, Slot, fill_edition_slots
from briefing.errors import EditionError
from briefing.model import (
    Briefing,
    Composition,
    DeliveryReason,
    Edition,
    Message,
    NoMessage,
    Publication,
    Recipient,
)
from subscribers.tokens import Door, Tokens

# Templates kept at once. Readers can choose 2**sections variants; few are ever chosen.
_MOST_TEMPLATES = 64


class Letters:
    """Writes the mail of an edition that no longer changes; shared by all lines of a process.

    `variant_of(name)` gives a frozen composition, None for one without stories. `sender` is the
    envelope sender; with `verp` each reader has one of their own, bounces+MARK@… for bounces@…, so
    that whatever comes back says whom it is about. `mailto` lets them leave by a mail to such an
    address as well.
    """

    def __init__(
        self,
        edition: Edition,
        briefing: Briefing,
        publication: Publication,
        tokens: Tokens,
        variant_of: Callable[[str], Composition | None],
        *,
        sender: str,
        verp: bool = False,
        mailto: bool = False,
        sign: Signer | None = None,
    ) -> None:
        self._edition = edition
        self._briefing = briefing
        self._publication = publication
        self._tokens = tokens
        self._variant_of = variant_of
        self._sender = sender
        self._verp = verp
        local, _, domain = sender.rpartition("@")
        self._mail_way = (f"mailto:{quote(local)}%2B", f"@{quote(domain)}?subject=unsubscribe%20")
        self._mailto = mailto
        self._sign = sign
        self._domain = briefing.from_address.rpartition("@")[2]
        self._templates: dict[str, MimeTemplate | None] = {}
        self._lock = threading.Lock()

    def write(self, recipient: Recipient) -> Message | NoMessage:
        """The reader's message, or the reason why there is none for them."""
        template = self.template(recipient.variant)
        if template is None:
            return NoMessage(DeliveryReason.NO_STORY)
        try:
            return template.render(
                recipient,
                self.links(recipient),
                id_left=self.id_left(recipient),
                sender=self._envelope_sender(recipient),
                utf8=True,
                sign=self._sign,
            )
        except (HeaderFault, BodyFault) as fault:
            return NoMessage(DeliveryReason.UNWRITABLE, fault.message)

    def composition(self, recipient: Recipient) -> Composition:
        """What the reader will see, as HTML and text with their own links in it.

        Raises `EditionError` where their sections hold no story.
        """
        composition = self._variant_of(recipient.variant)
        if composition is None:
            raise EditionError("the chosen sections hold no story")
        links = self.links(recipient)
        values = {
            Slot.VIEW: self._view(),
            Slot.UNSUBSCRIBE: links.unsubscribe,
            Slot.PREFERENCES: links.preferences,
        }
        return replace(
            composition,
            html=fill_edition_slots(composition.html, values, html=True),
            text=fill_edition_slots(composition.text, values, html=False),
        )

    def template(self, variant: str) -> MimeTemplate | None:
        """The compiled template of a variant, None where it has no story."""
        with self._lock:
            if variant not in self._templates:
                if len(self._templates) >= _MOST_TEMPLATES:
                    del self._templates[next(iter(self._templates))]
                composition = self._variant_of(variant)
                self._templates[variant] = self._compile(composition) if composition else None
            return self._templates[variant]

    def links(self, recipient: Recipient) -> Links:
        """The reader's own addresses. The page and the one-click POST (RFC 8058) share one."""
        home = f"{self._publication.public_url}/{{}}/{self._briefing.slug}/{{}}"
        own = recipient.key if recipient.preferences_key is None else recipient.preferences_key
        leave = home.format("u", self._token(Door.UNSUBSCRIBE, recipient.key))
        choose = home.format("p", self._token(Door.PREFERENCES, own))
        return Links(leave, choose, one_click=leave, mailto=self._leave_by_mail(recipient))

    def id_left(self, recipient: Recipient) -> str:
        """The Message-ID before the @: the same for the same edition and reader, so that a repeated
        message is known for one. We know both by it when it comes back; to anybody else it tells
        neither."""
        edition = self._edition
        name = f"{edition.briefing}.{edition.day:%Y%m%d}.{edition.slot}"
        return f"{name}.{self._seal(Door.RETURN, recipient)}"

    def _envelope_sender(self, recipient: Recipient) -> str:
        # Nobody on the roll is behind the negative numbers of test sends.
        if not self._verp or recipient.id < 0:
            return self._sender
        local, _, domain = self._sender.rpartition("@")
        return f"{local}+{self._seal(Door.RETURN, recipient)}@{domain}"

    def _leave_by_mail(self, recipient: Recipient) -> str:
        """A `mailto:` URI (RFC 6068). The subject says it again: not every server keeps what stands
        after a plus."""
        if not self._mailto or recipient.id < 0:
            return ""
        before, after = self._mail_way
        mark = self._seal(Door.LEAVE, recipient)
        return f"{before}{mark}{after}{mark}"

    def _seal(self, door: Door, recipient: Recipient) -> str:
        return self._tokens.seal(door, self._edition.id, recipient.id)

    def _view(self) -> str:
        return f"{self._publication.public_url}/{self._edition.path}"

    def _token(self, door: Door, key: int) -> str:
        return self._tokens.sign(door, key, self._briefing.slug)

    def _compile(self, composition: Composition) -> MimeTemplate:
        edition, briefing = self._edition, self._briefing
        date = edition.sending_started_at or edition.due_at
        view = {Slot.VIEW: self._view()}
        return MimeTemplate.compile(
            from_name=briefing.from_name,
            from_address=briefing.from_address,
            reply_to=briefing.reply_to,
            subject=composition.subject,
            date=date,
            text=fill_edition_slots(composition.text, view, html=False),
            html=fill_edition_slots(composition.html, view, html=True),
            list_id=f"{briefing.slug}.{self._domain}",
            list_name=briefing.name,
            id_domain=self._domain,
            feedback_id=self._feedback_id(),
            language=composition.language,
        )

    def _feedback_id(self) -> str:
        """Campaign, list, kind, sender (Gmail, "Feedback Loop"); the last one is 5 to 15 characters
        and the same in all mail of a sender."""
        sender = "".join(c for c in self._domain.lower() if c.isalnum())[:15].ljust(5, "0")
        # The points keep the four apart whatever the slugs are: Gmail counts none that repeats.
        day, slot = f"{self._edition.day:%Y%m%d}", self._edition.slot[:10]
        # 63 characters in all are what the field holds on one line.
        slug = self._briefing.slug[: 27 - len(slot)]
        return f"{day}.{slot}:b.{slug}:edition:{sender}"


def as_test(composition: Composition, mark: str) -> Composition:
    """The composition marked in its subject as a test."""
    return replace(composition, subject=f"{mark} {composition.subject}")
