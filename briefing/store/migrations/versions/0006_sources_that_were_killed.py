"""A source remembers why its document was given up"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("source_states") as table:
        table.add_column(sa.Column("killed", sa.String(16), server_default="", nullable=False))
        table.add_column(sa.Column("kills", sa.Integer, server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("source_states") as table:
        table.drop_column("kills")
        table.drop_column("killed")
