"""Reasons in the ledger are codes, and a column says who may have the message already

The sentences of before are read once, here. What none of them says becomes the reason "", and its
words are kept as the row's answer where it has none.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = "pk_edition_sums"
_REPEATED = "to be sent again: "
_MAY_HAVE_IT = "; may have it already"
_CODES = (
    ("no such mailbox", "no-mailbox"),
    ("refused by policy", "policy"),
    ("content refused", "content"),
    ("given up after", "given-up"),
    ("given up: the domain", "domain-rests"),
    ("to be tried again", "try-again"),
    ("the sender was refused", "sender-refused"),
    ("the domain takes no more mail", "domain-rests"),
    ("handed over, the answer was lost", "answer-lost"),
    ("its sender died", "sender-died"),
    ("bounced after it was sent: no such mailbox", "bounced-no-mailbox"),
    ("bounced after it was sent: not delivered", "bounced-soft"),
    ("bounced after it was sent: refused", "bounced-policy"),
    ("erased since", "erased"),
    ("suppressed since", "suppressed"),
    ("unsubscribed since", "unsubscribed"),
    ("paused by the reader", "paused-by-reader"),
    ("no story in", "no-story"),
    ("the address cannot be written", "unwritable-address"),
    ("cancelled", "cancelled"),
)
_STATUS = re.compile(r"\(([0-9.]{3,40})\)$")


def read(said: str) -> tuple[str, str, bool]:
    """Code, status and whether the reader may have it, of a sentence of before."""
    may_have_it = said.startswith(_REPEATED) or said.endswith(_MAY_HAVE_IT)
    told = said.removeprefix(_REPEATED).removesuffix(_MAY_HAVE_IT)
    known = {code for _, code in _CODES}
    if told in known:  # from a database that was taken back to an earlier version
        return told, "", may_have_it
    code = next((code for start, code in _CODES if told.startswith(start)), "")
    status = _STATUS.search(told)
    return code, status[1] if status else "", may_have_it


def upgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("status", sa.String(40), server_default="", nullable=False))
        table.add_column(
            sa.Column("may_have_it", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("edition_sums") as table:
        table.add_column(sa.Column("status", sa.String(40), server_default="", nullable=False))
        table.add_column(
            sa.Column("may_have_it", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        table.drop_constraint(_KEY, type_="primary")
        table.create_primary_key(_KEY, ["edition_id", "state", "reason", "status", "may_have_it"])
    connection = op.get_bind()
    deliveries = _table("deliveries", "answer")
    said = connection.execute(
        sa.select(deliveries.c.reason).where(deliveries.c.reason != "").distinct()
    )
    for (reason,) in said.all():
        code, status, may_have_it = read(reason)
        values = {"reason": code, "status": status, "may_have_it": may_have_it}
        if not code:
            values["answer"] = sa.case(
                (deliveries.c.answer == "", reason), else_=deliveries.c.answer
            )
        connection.execute(
            sa.update(deliveries).where(deliveries.c.reason == reason).values(values)
        )
    _convert_sums(connection)


def _convert_sums(connection: sa.Connection) -> None:
    """Several sentences may have become one code (“given up after 3 tries”, “… 4 tries”)."""
    sums = _table("edition_sums", "edition_id", "state", "readers")
    added: dict[tuple[object, ...], int] = {}
    for row in connection.execute(sa.select(sums)).all():
        key = (row.edition_id, row.state, *read(row.reason))
        added[key] = added.get(key, 0) + row.readers
    connection.execute(sa.delete(sums))
    if added:
        names = ("edition_id", "state", "reason", "status", "may_have_it")
        connection.execute(
            sa.insert(sums),
            [{**dict(zip(names, key, strict=True)), "readers": n} for key, n in added.items()],
        )


def _table(name: str, *columns: str) -> sa.TableClause:
    own = ("reason", "status", *columns)
    return sa.table(name, *map(sa.column, own), sa.column("may_have_it", sa.Boolean))


def downgrade() -> None:
    with op.batch_alter_table("edition_sums") as table:
        table.drop_constraint(_KEY, type_="primary")
        table.create_primary_key(_KEY, ["edition_id", "state", "reason"])
        table.drop_column("may_have_it")
        table.drop_column("status")
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("may_have_it")
        table.drop_column("status")
