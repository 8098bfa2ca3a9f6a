"""Numbers of people are never given again

The ledger outlives a person, and so do the numbers in mails that were sent. SQLite gave the number
of the newest person to the next one once the former was erased; with AUTOINCREMENT it does not.
PostgreSQL never did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    _rebuild(autoincrement=True)
    # The numbers of those who are erased by now count as well. One search of the key for each
    # edition: the ledger is too long to be read.
    op.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'subscribers'"))
    op.execute(
        sa.text(
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'subscribers', max("
            "(SELECT coalesce(max(id), 0) FROM subscribers), "
            "(SELECT coalesce(max(last_id), 0) FROM chunks), "
            "(SELECT coalesce(max("
            "(SELECT max(recipient_id) FROM deliveries WHERE edition_id = editions.id)"
            "), 0) FROM editions))"
        )
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(autoincrement=False)


def _rebuild(*, autoincrement: bool) -> None:
    """Make the table anew with the same rows; foreign keys are off (`Database.migrate`)."""
    with op.batch_alter_table(
        "subscribers", recreate="always", table_kwargs={"sqlite_autoincrement": autoincrement}
    ):
        pass
