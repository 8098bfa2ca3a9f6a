"""What came back has a grade of belief, and waits for an operator without one

What was kept before goes on counting where a provider told it or our mark was in it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE, _INDEX = "return_events", "ix_return_events_belief"


def upgrade() -> None:
    def text(name: str, length: int, usual: str = "") -> sa.Column[str]:
        return sa.Column(name, sa.String(length), server_default=usual, nullable=False)

    for column in (
        text("belief", 8, "unmarked"),
        text("ground", 12),
        text("declared", 10),
        text("review", 9),
        sa.Column("reviewed_at", sa.DateTime(timezone=True)),
        text("reviewed_by", 100),
    ):
        op.add_column(_TABLE, column)
    op.create_index(_INDEX, _TABLE, ["belief", "review"])
    # A webhook was verified; a mail with an edition had our mark.
    op.execute(
        sa.text(
            f"UPDATE {_TABLE} SET belief = 'vouched', ground = 'webhook' WHERE provider <> 'mail'"  # noqa: S608
        )
    )
    op.execute(
        sa.text(
            f"UPDATE {_TABLE} SET belief = 'marked', ground = 'mark' "  # noqa: S608
            "WHERE provider = 'mail' AND edition_id IS NOT NULL"
        )
    )


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    with op.batch_alter_table(_TABLE) as table:
        for name in ("belief", "ground", "declared", "review", "reviewed_at", "reviewed_by"):
            table.drop_column(name)
