"""The store: articles, editions and the ledger in SQLAlchemy Core, on SQLite or PostgreSQL.

`Database` opens transactions; the functions of `articles`, `editions` and `ledger` work inside one,
so that the caller decides what stands or falls together.
"""

from sqlalchemy import Connection

from briefing.store.database import Database

__all__ = ["Connection", "Database"]
