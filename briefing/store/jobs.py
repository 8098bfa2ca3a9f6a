"""The job queue of the distributed engine: Procrastinate's tables in the same PostgreSQL.

A job is a bell, no more: “chunk N of edition E wants a sender”. What is to be done stands in the
ledger alone, so a job too many does nothing, and one that was lost is rung again (`ring`).

Procrastinate's schema is made by its own SQL, in the version that is installed. Which of its
migrations were applied last is kept as a comment on its main table, since Procrastinate itself
keeps no record of it.
"""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection, text

from briefing.errors import StoreError
from briefing.store.database import Database

QUEUE = "briefing"
DELIVER = "briefing:deliver"

_MARK = "briefing: "

# A chunk that somebody works on has no need of a bell; one whose job is queued or running neither.
# A job's priority falls with the number of its chunk: an edition that begins later gets its turn
# beside one that has come far, instead of after it.
_RING = text(
    """
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(
            :queue, :task, -chunks.number, NULL,
            'briefing:' || chunks.edition_id || ':' || chunks.number,
            jsonb_build_object('edition_id', chunks.edition_id, 'number', chunks.number),
            CASE WHEN chunks.due > :now THEN to_timestamp(chunks.due / 1000.0) END
        )::procrastinate_job_to_defer_v1
        ORDER BY chunks.number
    ))
    FROM chunks
    WHERE chunks.edition_id = :edition_id AND NOT chunks.done AND chunks.lease_until < :now
        AND NOT EXISTS (
            SELECT 1 FROM procrastinate_jobs
            WHERE status IN ('todo', 'doing')
                AND queueing_lock = 'briefing:' || chunks.edition_id || ':' || chunks.number
        )
    HAVING count(*) > 0
    """
)
_RING_ONE = text(
    """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW(
            :queue, :task, -CAST(:number AS integer), NULL, CAST(:lock AS text),
            jsonb_build_object(
                'edition_id', CAST(:edition_id AS bigint), 'number', CAST(:number AS integer)
            ),
            to_timestamp(CAST(:at AS bigint) / 1000.0)
        )::procrastinate_job_to_defer_v1
    ])
    WHERE NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = :lock
    )
    """
)
_TURN = text("SELECT pg_advisory_xact_lock(hashtext('briefing: jobs'))")


def ring(connection: Connection, edition_id: int, now: int) -> int:
    """Queue a job for every open chunk that has neither sender nor job; how many. `now` in ms."""
    connection.execute(_TURN)
    values = {"queue": QUEUE, "task": DELIVER, "edition_id": edition_id, "now": now}
    queued: list[int] | None = connection.execute(_RING, values).scalar()
    return len(queued or ())


def ring_later(connection: Connection, edition_id: int, number: int, at: int) -> None:
    """Queue a job for one chunk, not before `at` (ms), unless one is queued."""
    connection.execute(_TURN)
    values = {
        "queue": QUEUE,
        "task": DELIVER,
        "edition_id": edition_id,
        "number": number,
        "lock": f"briefing:{edition_id}:{number}",
        "at": at,
    }
    connection.execute(_RING_ONE, values)


def conninfo(database: Database) -> str:
    """The database's URL as libpq takes it, password included."""
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def migrate(database: Database) -> bool:
    """Bring Procrastinate's tables to the installed version; True where there was something to do.

    Raises `StoreError` where they are newer, or of a version that cannot be told.
    """
    newest, files = _newest(), _migrations()
    with database.write() as connection:
        # Two processes that start at once must not both do it.
        connection.execute(_TURN)
        present = _present(connection)
        if present is None:
            _run(connection, _read("sql", "schema.sql"), newest)
            return True
        _refuse_unknown(present, newest)
        for name in files:
            if name > present:
                _run(connection, _read("sql", "migrations", name), name)
    return present != newest


def require(database: Database) -> None:
    """Make sure that the tables fit the installed Procrastinate: where there are none they are
    made, older ones are refused. Raises `StoreError`."""
    with database.read() as connection:
        present = _present(connection)
    if present is None:
        migrate(database)
        return
    _refuse_unknown(present, _newest())
    if present < _newest():
        raise StoreError(
            "the job queue in the database is older than the installed Procrastinate",
            hint="stop the workers, run `briefing backup FILE`, then `briefing migrate`",
        )


def _present(connection: Connection) -> str | None:
    """The migration applied last, "" where it cannot be told, None where there are no tables."""
    if connection.execute(text("SELECT to_regclass('procrastinate_jobs')")).scalar() is None:
        return None
    comment: str | None = connection.execute(
        text("SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')")
    ).scalar()
    return (comment or "").partition(_MARK)[2]


def _refuse_unknown(present: str, newest: str) -> None:
    if not present:
        raise StoreError(
            "Procrastinate's tables are there, and were not made by this program",
            hint="give the briefing a database of its own",
        )
    if present > newest:
        raise StoreError(
            f"the job queue in the database is newer ({present}) than the installed Procrastinate",
            hint="install the newer Procrastinate here as well",
        )


def _run(connection: Connection, script: str, version: str) -> None:
    # Without parameters a script of many statements goes to the server as it is.
    bare = connection.execution_options(no_parameters=True)
    bare.exec_driver_sql(script)
    bare.exec_driver_sql(f"COMMENT ON TABLE procrastinate_jobs IS '{_MARK}{version}'")


def _newest() -> str:
    return _migrations()[-1]


def _migrations() -> list[str]:
    folder = resources.files(_package()) / "sql" / "migrations"
    return sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))


def _read(*path: str) -> str:
    return resources.files(_package()).joinpath(*path).read_text(encoding="utf-8")


def _package() -> str:
    """The name of the package, once it is known to be there. Raises `StoreError`."""
    try:
        import procrastinate  # noqa: PLC0415 - optional: only where this engine is chosen
    except ImportError as missing:
        raise StoreError(
            "the engine “procrastinate” is not installed",
            hint="in the checkout: pip install --require-hashes -r requirements/run.txt",
        ) from missing
    return procrastinate.__name__
