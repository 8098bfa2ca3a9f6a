"""Every kind of edition as the mail that one reader gets, composed once for all who ask."""

from __future__ import annotations

from functools import cache

from briefing.composition import Composed, compose
from briefing.composition.letters import Letters
from briefing.model import Message, Recipient
from subscribers.tokens import Tokens
from tests.kit import editions
from tests.kit.themes import load_theme

THEMES = ("gazette", "compact")
CASES = {make.__name__: make for make in editions.CASES}
MAILS = [(theme, case) for theme in THEMES for case in CASES]
"""Every theme with every kind of edition."""

NAMES = [" ".join(mail) for mail in MAILS]

READER = Recipient(1, 1, "ada@reader.example", "Ada Reader")


@cache
def composed(theme: str, case: str) -> Composed:
    """The edition of a kind, composed for all sections."""
    made = CASES[case]()
    result = compose(made.edition, made.briefing, made.publication, theme=load_theme(theme))
    assert result is not None
    return result


@cache
def letters(theme: str, case: str) -> Letters:
    made = CASES[case]()
    composition = composed(theme, case).composition
    return Letters(
        made.edition,
        made.briefing,
        made.publication,
        Tokens(["a key for tests that is long enough to sign with"]),
        lambda _variant: composition,
        sender="returns@alienroad.example",
    )


def html(theme: str, case: str) -> str:
    """The HTML part with the reader's own links."""
    return letters(theme, case).composition(READER).html


def message(theme: str, case: str) -> bytes:
    """The whole message as it goes to the server."""
    written = letters(theme, case).write(READER)
    assert isinstance(written, Message), written
    return written.data
