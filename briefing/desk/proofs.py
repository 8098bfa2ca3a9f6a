"""Proofs: an edition as it would leave now, with what is wrong with it and what it weighs.

To compose and to check a draft of 60 stories takes a tenth of a second, and a page of the desk
needs both several times over for one draft that has not changed. So the last ones are kept, by the
edition's whole value: an edit makes another edition, and nothing has to be thrown away by hand.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from briefing.composition import Composed
from briefing.composition.lint import Finding, lint, weigh
from briefing.composition.slots import spliced_size
from briefing.model import Briefing, Edition, Publication

__all__ = ["Proof", "Proofs"]

_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Proof:
    """`size` is in bytes of the HTML part, with a reader's links; `weights` are those of its
    stories, by headline. `findings` has the errors first."""

    edition: Edition
    composed: Composed
    findings: tuple[Finding, ...]
    weights: dict[str, int]
    size: int


class Proofs:
    """Makes proofs and keeps the last few; for several threads. `compose` raises `EmptyEdition` for
    an edition without stories, and `ThemeError`; what it raises is not kept."""

    def __init__(
        self,
        publication: Publication,
        briefing: Callable[[str], Briefing],
        compose: Callable[[Edition], Composed],
    ) -> None:
        self._publication = publication
        self._briefing = briefing
        self._compose = compose
        self._kept: OrderedDict[Edition, Proof] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, edition: Edition) -> Proof:
        """The proof of an edition as it stands."""
        with self._lock:
            kept = self._kept.get(edition)
            if kept is not None:
                self._kept.move_to_end(edition)
                return kept
        made = self._make(edition)
        with self._lock:
            self._kept[edition] = made
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return made

    def _make(self, edition: Edition) -> Proof:
        briefing = self._briefing(edition.briefing)
        composed = self._compose(edition)
        return Proof(
            edition=edition,
            composed=composed,
            findings=lint(composed, edition, briefing, self._publication),
            weights={
                weight.headline: weight.size
                for weight in weigh(composed, edition, briefing, self._publication)
            },
            size=spliced_size(composed.composition.html),
        )
