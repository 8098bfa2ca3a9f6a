"""What other tools' words say about whether a person may be mailed.

Nobody is made active by a guess: a word that is not known refuses its row. Where several columns
speak, the strictest counts.

Sources of the words: the exports and documentation of the tools in `columns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from subscribers.roll import Suppressed


class Standing(IntEnum):
    """How a person stood where they come from; the higher, the stricter."""

    ACTIVE = 0
    PENDING = 1
    MANUAL = 2
    UNSUBSCRIBED = 3
    BOUNCE = 4
    COMPLAINT = 5

    @property
    def reason(self) -> Suppressed | None:
        """Why the person may not be mailed, None for those who left nowhere."""
        return None if self <= Standing.PENDING else Suppressed[self.name]


def _words(standing: Standing, words: str) -> dict[str, Standing]:
    return dict.fromkeys(words.split(" | "), standing)


WORDS: Final[Mapping[str, Standing]] = {
    **_words(
        Standing.ACTIVE,
        "active | subscribed | enabled | confirmed | opted in | opt in | regular | premium | paid"
        " | free | comped | complimentary | gifted | trialed | trialing | trial | unpaid"
        " | churning | churned | past due | member",
    ),
    **_words(
        Standing.PENDING,
        "pending | unconfirmed | not confirmed | unactivated | validating | needs approval"
        " | needs attention | awaiting confirmation | pending confirmation | waiting",
    ),
    **_words(
        Standing.MANUAL,
        "blocklisted | blocked | blacklisted | banned | disabled | suppressed | spammy | removed"
        " | archived | deleted",
    ),
    **_words(
        Standing.UNSUBSCRIBED,
        "unsubscribed | unsubscribe | inactive | opted out | opt out | cancelled | canceled | left"
        " | non subscribed | nonsubscribed | not subscribed | transactional",
    ),
    **_words(
        Standing.BOUNCE,
        "cleaned | bounced | bounce | hard bounce | hard bounced | soft bounced | undeliverable"
        " | invalid | unreachable",
    ),
    **_words(
        Standing.COMPLAINT,
        "complained | complaint | complaints | spam | spam complaint | marked as spam"
        " | spam reported | reported spam | abuse",
    ),
}
"""Status words, folded as headers are."""

YES: Final = frozenset({"true", "t", "yes", "y", "1", "on"})
NO: Final = frozenset({"false", "f", "no", "n", "0", "off"})
NOTHING: Final = frozenset(
    {
        "",
        "-",
        "null",
        "none",
        "nil",
        "n/a",
        "false",
        "0",
        "never",
        "0000-00-00",
        "0000-00-00 00:00:00",
    }
)
"""What stands where a moment would, had it come."""
