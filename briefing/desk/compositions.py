"""What an edition looks like as it stands: once it is approved, as it was frozen (promise 7)."""

from __future__ import annotations

from collections.abc import Callable

from briefing.desk.differences import Differences, compare_fields, compare_text
from briefing.desk.drafts import Draft, Drafts
from briefing.errors import EditionError
from briefing.model import OPEN, Briefing, Composition, Edition
from briefing.store import Database, revisions


class Compositions:
    """Reads frozen compositions, and renders a variant that nobody has asked for before."""

    def __init__(
        self, database: Database, drafts: Drafts, briefing: Callable[[str], Briefing]
    ) -> None:
        self._database = database
        self._drafts = drafts
        self._briefing = briefing

    def show(self, edition: Edition) -> Draft:
        """An edition as it stands; writes nothing. Raises `EmptyEdition`."""
        return self.as_frozen(self._drafts.show(edition, self._briefing(edition.briefing)))

    def frozen(
        self, edition: Edition, variant: str = "", *, keep: bool = True
    ) -> Composition | None:
        """A frozen variant, None where it has no story; one asked for the first time is rendered
        from the frozen edition, and kept where `keep` says so. Raises `EditionError` for an edition
        that is not frozen."""
        with self._database.read() as connection:
            approved = revisions.frozen(connection, edition.id)
            if approved is None:
                raise EditionError(f"the edition of {edition.day} is not approved")
            there, composition = revisions.composition(
                connection, approved.id, approved.revision, variant
            )
        if not there:
            briefing = self._briefing(approved.briefing)
            composition = self._drafts.composition(approved, briefing, variant)
            if keep:
                with self._database.write() as connection:
                    revisions.keep_composition(connection, approved, variant, composition)
        return composition

    def as_frozen(self, draft: Draft) -> Draft:
        """A draft of an edition that is approved shows what was approved, not what it would be."""
        if draft.edition.state in OPEN or draft.edition.approved_revision is None:
            return draft
        composition = self.frozen(draft.edition)
        if composition is None:
            return draft
        return Draft(draft.edition, type(draft.composed)(composition), draft.left_out)

    def of_draft(self, draft: Draft, variant: str) -> Composition | None:
        """A variant of a draft that is not frozen; None where it has no story."""
        if not variant:
            return draft.composed.composition
        briefing = self._briefing(draft.edition.briefing)
        return self._drafts.composition(draft.edition, briefing, variant)

    def differences(self, edition: Edition) -> Differences | None:
        """What has changed since the last approved revision; None where none was approved."""
        with self._database.read() as connection:
            approved = revisions.frozen(connection, edition.id)
        if approved is None:
            return None
        briefing = self._briefing(edition.briefing)
        before = self.frozen(edition)
        after = self._drafts.composition(edition, briefing, "") if edition.stories else None
        return Differences(
            approved.revision,
            edition.revision,
            compare_fields(approved, edition),
            compare_text(before.text if before else "", after.text if after else ""),
        )
