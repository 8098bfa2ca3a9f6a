"""Preflight: an edition as it would leave now, with what is wrong with it and what it weighs.

To compose and to check a draft of 60 stories takes a tenth of a second, and a page of the desk
needs both several times over for one draft that has not changed. So the last ones are kept, by the
edition's whole value: an edit makes another edition, and nothing has to be thrown away by hand.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from briefing.composition import Composed
from briefing.composition.slots import spliced_size
from briefing.lint import LintFinding, lint, weigh
from briefing.model import Briefing, Edition, Publication

__all__ = ["Preflight", "Proof", "for_editors"]

_MOST: Final = 16
_NOT_YOURS: Final = "tell your operator: it is in the mail's design or settings, not in your words"


@dataclass(frozen=True, slots=True)
class Proof:
    """`size` is in bytes of the HTML part, with a reader's links; `weights` are those of its
    stories, by headline. `findings` has the errors first; what the edition's words cannot mend is
    said for editors (`briefing lint` tells operators what to do)."""

    edition: Edition
    composed: Composed
    findings: tuple[LintFinding, ...]
    weights: dict[str, int]
    size: int


class Preflight:
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

    def of(self, edition: Edition, composed: Composed | None = None) -> Proof:
        """The proof of an edition as it stands; who has it `composed` already saves doing it."""
        kept = self.kept(edition)
        if kept is not None:
            return kept
        made = self._make(edition, composed or self._compose(edition))
        with self._lock:
            self._kept[edition] = made
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return made

    def kept(self, edition: Edition) -> Proof | None:
        """The proof of an edition, if it was asked for lately."""
        with self._lock:
            kept = self._kept.get(edition)
            if kept is not None:
                self._kept.move_to_end(edition)
            return kept

    def _make(self, edition: Edition, composed: Composed) -> Proof:
        briefing = self._briefing(edition.briefing)
        found = lint(composed, edition, briefing, self._publication)
        return Proof(
            edition=edition,
            composed=composed,
            findings=tuple(map(for_editors, found)),
            weights={
                weight.headline: weight.size
                for weight in weigh(composed, edition, briefing, self._publication)
            },
            size=spliced_size(composed.composition.html),
        )


def for_editors(finding: LintFinding) -> LintFinding:
    """A finding whose hint says what somebody at the desk can do, and names no setting. Pure."""
    if finding.remedy.is_operators:
        return replace(finding, hint=_NOT_YOURS)
    return replace(finding, hint=finding.desk_hint or finding.hint)
