"""Revisions: an edition as it was approved, with every variant that left or may be asked for.

A revision's snapshot is what readers got, whatever its sources say since (promise 7).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select, update

from briefing.model import Composition, Edition, Transition
from briefing.store.tables import compositions, editions, revisions
from subscribers.dialect import insert

_SNAPSHOT = TypeAdapter(Edition)


def freeze(
    connection: Connection,
    edition: Edition,
    composed: Iterable[tuple[str, Composition | None]],
    transition: Transition,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Approve a revision: keep the edition and its compositions as they are now (promise 7).

    False for an edition that the transition does not begin with, and for one that has moved on
    since `edition` was read: another revision, or another word of somebody about this one (changes
    asked for, held).
    """
    if edition.state not in transition.before:
        return False
    approved = connection.execute(
        update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.revision == edition.revision,
            editions.c.state == edition.state.value,
        )
        .values(
            state=transition.after.value,
            approved_revision=edition.revision,
            approved_by=by,
            approved_at=now,
            reason="",
        )
    ).rowcount
    if not approved:
        return False
    keep = {
        "snapshot": _SNAPSHOT.dump_python(edition, mode="json"),
        "approved_by": by,
        "approved_at": now,
    }
    connection.execute(
        insert(connection, revisions)
        .values(edition_id=edition.id, revision=edition.revision, **keep)
        .on_conflict_do_update(index_elements=["edition_id", "revision"], set_=keep)
    )
    connection.execute(
        delete(compositions).where(
            compositions.c.edition_id == edition.id, compositions.c.revision == edition.revision
        )
    )
    for variant, composition in composed:
        keep_composition(connection, edition, variant, composition)
    return True


def keep_composition(
    connection: Connection, edition: Edition, variant: str, composition: Composition | None
) -> None:
    """Store one variant of a frozen revision; None for a variant without stories."""
    values: dict[str, Any] = {"empty": composition is None}
    if composition is not None:
        values |= {
            "subject": composition.subject,
            "preheader": composition.preheader,
            "html": composition.html,
            "text": composition.text,
            "language": composition.language,
        }
    connection.execute(
        insert(connection, compositions)
        .values(edition_id=edition.id, revision=edition.revision, variant=variant, **values)
        .on_conflict_do_nothing(index_elements=["edition_id", "revision", "variant"])
    )


def frozen(connection: Connection, edition_id: int) -> Edition | None:
    """The edition as it was approved, None if it is not."""
    row = connection.execute(
        select(revisions.c.snapshot)
        .join(editions, editions.c.id == revisions.c.edition_id)
        .where(
            revisions.c.edition_id == edition_id,
            revisions.c.revision == editions.c.approved_revision,
        )
    ).first()
    return _SNAPSHOT.validate_python(row.snapshot) if row else None


def composition(
    connection: Connection, edition_id: int, revision: int, variant: str
) -> tuple[bool, Composition | None]:
    """Whether a frozen variant is there, and the variant (None where it has no stories)."""
    row = connection.execute(
        select(compositions).where(
            compositions.c.edition_id == edition_id,
            compositions.c.revision == revision,
            compositions.c.variant == variant,
        )
    ).first()
    if row is None:
        return False, None
    if row.empty:
        return True, None
    return True, Composition(
        row.variant, row.subject, row.preheader, row.html, row.text, row.language
    )
