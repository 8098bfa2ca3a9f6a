"""Alembic runs this for each migration command, on the connection `Database` gives it."""

from alembic import context

import briefing.store.tables  # noqa: F401 - registers the pipeline's tables
from subscribers.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    # Before Alembic compares, so that a migration that forgot a type is found by the tests.
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
