"""An edition becomes mail: HTML with its styles inlined, plain text, subject and preheader.

`compose` renders an edition once for each variant; `Theme` is what it is rendered with.
"""

from briefing.composition.composer import Composed, compose
from briefing.composition.shrink import LIMIT, Loss, Shrunk
from briefing.composition.templates import shipped_templates
from briefing.composition.theme import Theme, check_look

__all__ = [
    "LIMIT",
    "Composed",
    "Loss",
    "Shrunk",
    "Theme",
    "check_look",
    "compose",
    "shipped_templates",
]
