"""The ledger's part in every single message, so made that it costs microseconds.

One transaction per group of messages: do the edition and the leases still stand, in with the
answers that have come, out with the permission to hand over the next ones. The statements are
compiled once and run on the driver's own cursor: built and executed through SQLAlchemy each time,
they cost several times the message itself (`tests/bench/bench_delivery.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    String,
    any_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable

from briefing.errors import StoreError
from briefing.store import leases
from briefing.store.database import Database
from briefing.store.leases import Chunk
from briefing.store.ledger import ANSWER, Mark, answer_values
from briefing.store.tables import chunks, deliveries, editions
from subscribers.roll import may_be_mailed
from subscribers.tables import Moment, subscribers, subscriptions

# Stands for the time of hand-off while the statement is compiled; no real time is so early.
_THEN = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class HandOff:
    """A connection of one sender, for one edition. Not thread-safe: the recorder sees to that."""

    def __init__(self, database: Database, edition_id: int) -> None:
        self._database = database
        self._edition_id = edition_id
        self._pooled = database.engine.raw_connection()
        driver: Any = self._pooled.driver_connection
        self._driver = driver
        self._cursor = driver.cursor()
        self._is_sqlite = database.is_sqlite
        self._failed = False
        dialect = database.engine.dialect
        assert dialect.dbapi is not None  # noqa: S101 - the engine has one
        self._failures: tuple[type[BaseException], ...] = (dialect.dbapi.Error,)
        of_reader = _among(dialect, deliveries.c.recipient_id)
        of_subscriber = _among(dialect, subscriptions.c.subscriber_id)
        self._standing = _Statement(
            select(editions.c.state, editions.c.paused).where(
                editions.c.id == bindparam("edition")
            ),
            dialect,
        )
        self._renew = _Statement(
            update(chunks)
            .where(
                chunks.c.edition_id == bindparam("edition"),
                chunks.c.number == bindparam("chunk_number"),
                chunks.c.owner == bindparam("holder"),
                chunks.c.fence == bindparam("held_fence"),
            )
            .values(lease_until=bindparam("until")),
            dialect,
        )
        self._mark = _Statement(
            update(deliveries)
            .where(
                deliveries.c.edition_id == bindparam("edition"),
                deliveries.c.recipient_id == bindparam("reader"),
                # Somebody else's last word (cancelled) stands against “later”.
                or_(
                    bindparam("new_state", type_=String) != "waiting",
                    deliveries.c.state == "waiting",
                    deliveries.c.state == "sending",
                ),
            )
            .values(
                state=bindparam("new_state"),
                **answer_values(*ANSWER),
                answer=bindparam("new_answer"),
                due=bindparam("new_due"),
                at=bindparam("new_at"),
                attempts=func.coalesce(
                    bindparam("new_attempts", type_=Integer), deliveries.c.attempts
                ),
            ),
            dialect,
        )
        self._begin = _Statement(
            update(deliveries)
            .where(
                deliveries.c.edition_id == bindparam("edition"),
                of_reader,
                deliveries.c.state == "waiting",
                deliveries.c.recipient_id.in_(
                    select(subscriptions.c.subscriber_id)
                    .select_from(subscriptions.join(subscribers))
                    .where(
                        subscriptions.c.briefing
                        == select(editions.c.briefing)
                        .where(editions.c.id == bindparam("edition"))
                        .scalar_subquery(),
                        of_subscriber,
                        may_be_mailed(_THEN),
                    )
                ),
            )
            .values(state="sending", attempts=deliveries.c.attempts + 1)
            .returning(deliveries.c.recipient_id),
            dialect,
        )

    def __enter__(self) -> Self:
        """Begin the transaction. Raises `StoreError`, as does its end."""
        if self._is_sqlite:
            try:
                self._cursor.execute("BEGIN IMMEDIATE")
            except self._failures as error:
                raise self._explain(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._driver.commit()
            except self._failures as failed:
                self._roll_back()
                raise self._explain(failed) from failed
            return
        self._roll_back()
        if isinstance(error, self._failures):
            raise self._explain(error) from error

    def _roll_back(self) -> None:
        # On a connection that is gone this fails as well, and says nothing new.
        with suppress(*self._failures):
            self._driver.rollback()

    def _explain(self, error: BaseException) -> StoreError:
        self._failed = True
        return self._database.explain(DBAPIError("", None, error))

    def close(self) -> None:
        """Give the connection back; never raises."""
        with suppress(*self._failures):
            self._cursor.close()
        if self._failed:
            self._pooled.invalidate()
        self._pooled.close()

    def standing(self) -> str:
        """See `ledger.standing`."""
        state, paused = self._run(self._standing, {"edition": self._edition_id}).fetchone()
        return "paused" if paused and state == "sending" else str(state)

    def hold(self, held: Sequence[Chunk], now: int) -> set[Chunk]:
        """See `leases.hold_fences`; the chunks come in the order of their numbers."""
        kept = set()
        for chunk in held:
            values = {
                "edition": chunk.edition_id,
                "chunk_number": chunk.number,
                "holder": chunk.owner,
                "held_fence": chunk.fence,
                "until": now + leases.LEASE_MS,
            }
            if self._run(self._renew, values).rowcount:
                kept.add(chunk)
        return kept

    def mark(self, marks: Sequence[Mark], now: int) -> None:
        """See `ledger.mark`."""
        if not marks:
            return
        rows = [
            self._mark.order(
                {
                    "edition": self._edition_id,
                    "reader": m.recipient_id,
                    "new_state": m.state,
                    "new_reason": m.reason.value,
                    "new_status": m.status,
                    "new_may_have_it": m.may_have_it,
                    "new_answer": m.answer,
                    "new_due": m.due,
                    "new_at": now,
                    "new_attempts": m.attempts,
                }
            )
            for m in marks
        ]
        self._cursor.executemany(self._mark.text, rows)

    def begin(self, recipient_ids: Sequence[int], now: datetime) -> set[int]:
        """Move rows from waiting to sending right before hand-off; the ids for which the row was
        waiting and consent stands (promise 4)."""
        ids: object = list(recipient_ids)
        if self._is_sqlite:
            ids = str(ids)  # a list of integers is its own JSON
        values = {"edition": self._edition_id, "ids": ids, "now": now}
        return {row[0] for row in self._run(self._begin, values).fetchall()}

    def _run(self, statement: _Statement, values: Mapping[str, object]) -> Any:
        return self._cursor.execute(statement.text, statement.order(values))


class _Statement:
    """A compiled statement: its text, and its parameters in the order the driver takes them."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.text: str = str(compiled)
        self._names: list[str] | None = compiled.positiontup
        self._fixed: dict[str, object] = compiled.params
        moment: Any = Moment()
        to_moment = moment.dialect_impl(dialect).bind_processor(dialect)
        self._to_moment = to_moment or (lambda value: value)

    def order(self, values: Mapping[str, object]) -> Any:
        """The values as the driver wants them; what was fixed when compiling is filled in."""
        given = {**self._fixed, **{k: v for k, v in values.items() if k != "now"}}
        if "now" in values:
            now = self._to_moment(values["now"])
            given = {k: now if v == _THEN else v for k, v in given.items()}
        return given if self._names is None else [given[name] for name in self._names]


def _among(dialect: Dialect, column: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a column is one of the parameter `ids`, in a statement of fixed text."""
    if dialect.name == "sqlite":
        each = func.json_each(bindparam("ids")).table_valued("value")
        return column.in_(select(each.c.value))
    # Not a subquery over `unnest`: PostgreSQL takes that for any number of rows, and reads all
    # deliveries of the edition for each group of messages (10 ms of them at 10,000 readers).
    return column == any_(bindparam("ids", type_=ARRAY(BigInteger)))
