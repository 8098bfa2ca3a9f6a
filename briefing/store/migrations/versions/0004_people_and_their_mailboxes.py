"""Another key for the link to one's choices, reasons of a suppression, addresses as they are

Addresses were compared case-folded, which took "ſam" for "sam". They are compared now with A to Z
in lower case and no other letter touched. That is finer, so no two people become one. Who is on the
roll gets their new key, and their suppression moves with them. The marks of those who are not on it
cannot be made anew: they stay, known for what they are.
"""

import hashlib
import hmac
import string
import unicodedata
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEX = "ix_subscribers_preferences_key"
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_people = sa.table(
    "subscribers",
    sa.column("id", sa.BigInteger),
    sa.column("address", sa.String),
    sa.column("address_key", sa.String),
    sa.column("status", sa.String),
)
_asked = sa.table(
    "confirmations",
    sa.column("key", sa.BigInteger),
    sa.column("address", sa.String),
    sa.column("address_key", sa.String),
)
_suppressions = sa.table(
    "suppressions", sa.column("mark", sa.String), sa.column("casefolded", sa.Boolean)
)


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("preferences_key", sa.BigInteger))
    op.create_index(_INDEX, "subscribers", ["preferences_key"], unique=True)
    op.add_column("confirmations", sa.Column("pair", sa.BigInteger))
    op.add_column(
        "suppressions", sa.Column("briefing", sa.String(63), server_default="", nullable=False)
    )
    op.add_column(
        "suppressions", sa.Column("beneath", sa.JSON, server_default="[]", nullable=False)
    )
    op.add_column(
        "suppressions",
        sa.Column("casefolded", sa.Boolean, server_default=sa.false(), nullable=False),
    )
    op.execute(sa.update(_suppressions).values(casefolded=True))
    _key_anew(lambda address: address.translate(_LOWER))


def downgrade() -> None:
    _key_anew(_casefold)
    with op.batch_alter_table("suppressions") as table:
        table.drop_column("casefolded")
        table.drop_column("beneath")
        table.drop_column("briefing")
    with op.batch_alter_table("confirmations") as table:
        table.drop_column("pair")
    op.drop_index(_INDEX, "subscribers")
    # Not made anew: the table's counter is to stay (0002).
    op.drop_column("subscribers", "preferences_key")


def _key_anew(fold: Callable[[str], str]) -> None:
    """Key everybody who has other letters than ASCII in their address by `fold`."""
    connection = op.get_bind()
    pepper = connection.execute(
        sa.text("SELECT value FROM roll_settings WHERE name = 'pepper'")
    ).scalar()
    for row in connection.execute(sa.select(_people).where(_beyond_ascii(_people))).all():
        new = fold(row.address)
        if new == row.address_key:
            continue
        taken = sa.select(_people.c.id).where(_people.c.address_key == new)
        if connection.execute(taken).first():
            continue  # only on the way back: two people were one
        connection.execute(sa.update(_people).where(_people.c.id == row.id).values(address_key=new))
        if row.status == "suppressed" and pepper:
            key = bytes.fromhex(pepper)
            connection.execute(
                sa.update(_suppressions)
                .where(_suppressions.c.mark == _mark(row.address_key, key))
                .values(mark=_mark(new, key), casefolded=False)
            )
    for row in connection.execute(sa.select(_asked).where(_beyond_ascii(_asked))).all():
        connection.execute(
            sa.update(_asked).where(_asked.c.key == row.key).values(address_key=fold(row.address))
        )


def _beyond_ascii(table: sa.TableClause) -> sa.ColumnElement[bool]:
    return sa.func.length(table.c.address) != sa.func.length(
        sa.cast(table.c.address, sa.LargeBinary)
        if op.get_bind().dialect.name == "sqlite"
        else sa.func.convert_to(table.c.address, "UTF8")
    )


def _casefold(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{unicodedata.normalize('NFC', local.casefold())}@{domain}"


def _mark(address_key: str, pepper: bytes) -> str:
    return hmac.digest(pepper, address_key.encode(), hashlib.sha256).hex()
