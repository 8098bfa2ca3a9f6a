"""Former addresses are remembered as marks

Readers have changed theirs before: their stories tell which they had.
"""

import hashlib
import hmac
import json
import secrets
import string

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def upgrade() -> None:
    op.create_table(
        "former_addresses",
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_former_addresses"),
    )
    bind = op.get_bind()
    changes = bind.execute(
        sa.text("SELECT at, detail FROM subscriber_events WHERE kind = 'address' ORDER BY id")
    ).all()
    if not changes:
        return
    pepper = bind.execute(sa.text("SELECT value FROM roll_settings WHERE name = 'pepper'")).scalar()
    if pepper is None:
        pepper = secrets.token_hex(32)
        bind.execute(
            sa.text("INSERT INTO roll_settings (name, value) VALUES ('pepper', :value)"),
            {"value": pepper},
        )
    there = {
        row.address_key for row in bind.execute(sa.text("SELECT address_key FROM subscribers"))
    }
    marks = {}
    for change in changes:
        detail = change.detail if isinstance(change.detail, dict) else json.loads(change.detail)
        before = _folded(str(detail.get("before", "")))
        if before and before not in there:
            key = bytes.fromhex(pepper)
            marks[hmac.digest(key, before.encode(), hashlib.sha256).hex()] = change.at
    for mark, at in marks.items():
        # SQLite gives moments as text, and takes them so.
        statement = "INSERT INTO former_addresses (mark, at) VALUES (:mark, :at)"
        bind.execute(sa.text(statement), {"mark": mark, "at": at})


def downgrade() -> None:
    op.drop_table("former_addresses")


def _folded(address: str) -> str:
    # As they are compared since 0004.
    return address.translate(_LOWER)
