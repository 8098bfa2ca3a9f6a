"""Answers for warnings are for the words they were given for

One that was given before does not say for which words: it stays, and stands for none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = "pk_edition_waivers"


def upgrade() -> None:
    with op.batch_alter_table("edition_waivers") as table:
        table.add_column(sa.Column("about", sa.String(64), server_default="", nullable=False))
        table.drop_constraint(_KEY, type_="primary")
        table.create_primary_key(_KEY, ["edition_id", "rule", "place", "about"])


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM edition_waivers WHERE about <> ''"))
    with op.batch_alter_table("edition_waivers") as table:
        table.drop_constraint(_KEY, type_="primary")
        table.create_primary_key(_KEY, ["edition_id", "rule", "place"])
        table.drop_column("about")
