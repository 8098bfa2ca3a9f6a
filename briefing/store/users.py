"""Users of the desk and their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, update

from briefing.model import Role, User
from briefing.store.tables import user_sessions, users
from subscribers.dialect import insert


@dataclass(frozen=True, slots=True)
class UserAccount:
    """A user with what proves that it is them. `totp_step` is the last time step (RFC 6238) of
    which a code was taken."""

    user: User
    password: str
    totp_secret: str
    totp_step: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in somewhere. `agent` is the browser in its own words."""

    id: int
    user: User
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str


def add(
    connection: Connection,
    name: str,
    key: str,
    email: str,
    role: Role,
    password: str,
    now: datetime,
) -> User | None:
    """A new user; None where the name is taken."""
    made = connection.execute(
        insert(connection, users)
        .values(
            name=name, name_key=key, email=email, role=role.value, password=password, created_at=now
        )
        .on_conflict_do_nothing(index_elements=["name_key"])
        .returning(users.c.id)
    ).scalar()
    return User(made, name, email, role) if made is not None else None


def find(connection: Connection, key: str) -> UserAccount | None:
    """A user by the folded name."""
    row = connection.execute(select(users).where(users.c.name_key == key)).first()
    return _to_account(row) if row else None


def get(connection: Connection, user_id: int) -> UserAccount | None:
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    return _to_account(row) if row else None


def everybody(connection: Connection) -> list[User]:
    """All users by name."""
    rows = connection.execute(select(users).order_by(users.c.name_key))
    return [_to_user(row) for row in rows]


def change(connection: Connection, user_id: int, **values: Any) -> None:
    """Write columns of a user."""
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def take_step(connection: Connection, user_id: int, step: int) -> bool:
    """Use up the code of a time step; False where it, or a later one, was used before."""
    return bool(
        connection.execute(
            update(users)
            .where(users.c.id == user_id, users.c.totp_step < step)
            .values(totp_step=step)
        ).rowcount
    )


def begin_session(
    connection: Connection,
    user: User,
    mark: str,
    agent: str,
    *,
    now: datetime,
    expires_at: datetime,
) -> Session:
    """Log somebody in. `mark` is the one-way mark of the token in the cookie."""
    number: int = connection.execute(
        user_sessions.insert()
        .values(
            user_id=user.id,
            mark=mark,
            agent=agent,
            created_at=now,
            seen_at=now,
            expires_at=expires_at,
        )
        .returning(user_sessions.c.id)
    ).scalar_one()
    return Session(number, user, now, now, expires_at, agent)


def find_session(connection: Connection, mark: str) -> Session | None:
    """The session of a mark, whether or not it is over."""
    row = connection.execute(select(user_sessions).where(user_sessions.c.mark == mark)).first()
    account = get(connection, row.user_id) if row else None
    return _to_session(row, account.user) if row and account else None


def sessions_of(connection: Connection, user: User) -> list[Session]:
    """A user's sessions, the one used last first."""
    rows = connection.execute(
        select(user_sessions)
        .where(user_sessions.c.user_id == user.id)
        .order_by(user_sessions.c.seen_at.desc(), user_sessions.c.id.desc())
    )
    return [_to_session(row, user) for row in rows]


def touch_session(connection: Connection, session_id: int, now: datetime) -> None:
    connection.execute(
        update(user_sessions).where(user_sessions.c.id == session_id).values(seen_at=now)
    )


def end_sessions(
    connection: Connection,
    user_id: int,
    *,
    session_id: int | None = None,
    but_for: int | None = None,
) -> int:
    """End one session of a user, or all but one; how many it were."""
    gone = delete(user_sessions).where(user_sessions.c.user_id == user_id)
    if session_id is not None:
        gone = gone.where(user_sessions.c.id == session_id)
    if but_for is not None:
        gone = gone.where(user_sessions.c.id != but_for)
    ended: int = connection.execute(gone).rowcount
    return ended


def end_session(connection: Connection, mark: str) -> None:
    connection.execute(delete(user_sessions).where(user_sessions.c.mark == mark))


def forget_sessions(connection: Connection, now: datetime, seen_before: datetime) -> None:
    """Remove what has expired, or was not used for too long."""
    connection.execute(
        delete(user_sessions).where(
            or_(user_sessions.c.expires_at <= now, user_sessions.c.seen_at < seen_before)
        )
    )


def _to_user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        name=row.name,
        email=row.email,
        role=Role(row.role),
        disabled=row.disabled,
        has_totp=bool(row.totp_secret),
    )


def _to_account(row: Row[Any]) -> UserAccount:
    return UserAccount(_to_user(row), row.password, row.totp_secret, row.totp_step)


def _to_session(row: Row[Any], user: User) -> Session:
    return Session(row.id, user, row.created_at, row.seen_at, row.expires_at, row.agent)
