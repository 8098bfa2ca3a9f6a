"""Waivers: lint warnings of an edition that somebody has answered for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from briefing.store.tables import edition_waivers
from subscribers.dialect import insert


@dataclass(frozen=True, slots=True)
class Waiver:
    """A warning that somebody has answered for: of one rule, in one place, and for the words there
    (`LintFinding.about`), in this edition."""

    rule: str
    place: str
    about: str
    who: str
    reason: str
    at: datetime


def of_edition(connection: Connection, edition_id: int) -> list[Waiver]:
    rows = connection.execute(
        select(edition_waivers)
        .where(edition_waivers.c.edition_id == edition_id)
        .order_by(edition_waivers.c.at, edition_waivers.c.rule, edition_waivers.c.place)
    )
    return [Waiver(row.rule, row.place, row.about, row.who, row.reason, row.at) for row in rows]


def keep(connection: Connection, edition_id: int, waiver: Waiver) -> None:
    """Write a waiver; a later one for the same words replaces it."""
    values = {"who": waiver.who, "reason": waiver.reason, "at": waiver.at}
    connection.execute(
        insert(connection, edition_waivers)
        .values(
            edition_id=edition_id,
            rule=waiver.rule,
            place=waiver.place,
            about=waiver.about,
            **values,
        )
        .on_conflict_do_update(index_elements=["edition_id", "rule", "place", "about"], set_=values)
    )


def withdraw(connection: Connection, edition_id: int, rule: str, place: str) -> bool:
    """Whether there was one."""
    return bool(
        connection.execute(
            delete(edition_waivers).where(
                edition_waivers.c.edition_id == edition_id,
                edition_waivers.c.rule == rule,
                edition_waivers.c.place == place,
            )
        ).rowcount
    )
