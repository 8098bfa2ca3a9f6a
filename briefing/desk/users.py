"""Users of the desk: accounts, passwords, second factors, and who is logged in.

Nobody learns from a log-in whether there is such a user: an unknown name costs the same work, and
gets the same answer, as a wrong password; attempts are limited alike for both.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import pyotp

from briefing.composition.sanitize import words
from briefing.desk import passwords
from briefing.errors import StoreBusy, UsageError
from briefing.model import Role, User
from briefing.store import Connection, Database
from briefing.store import users as accounts
from briefing.store.users import Session, UserAccount
from subscribers import limits
from subscribers.addresses import AddressRefused, read_address

__all__ = [
    "CodeWanted",
    "Entered",
    "LoginBusy",
    "LoginRefused",
    "Session",
    "TooManyLogins",
    "TotpOffer",
    "Users",
]

LIFE: Final = timedelta(days=14)
"""A session ends so long after it began …"""

IDLE: Final = timedelta(days=3)
"""… or after so long without use."""

# How many attempts in what span: by one network for one name, by one network, for one name.
_PAIR: Final = (10, timedelta(minutes=15))
_NETWORK: Final = (40, timedelta(minutes=15))
_NAME: Final = (60, timedelta(hours=1))
# Attempts at one's own password before something delicate.
_AGAIN: Final = (10, timedelta(minutes=15))

_TOUCH: Final = timedelta(minutes=1)
_BRIEFLY: Final = 0.05  # seconds
_STEP: Final = 30  # seconds a code is good for (RFC 6238, 5.2)
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Entered:
    """Logged in: `token` is what the cookie holds, nothing else does."""

    token: str
    session: Session


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """Name and password are right; ask for the code of the second factor, and log in with all
    three."""


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """Name, password or code are wrong; which, nobody is told."""


@dataclass(frozen=True, slots=True)
class TooManyLogins:
    """Too many attempts for this name or from this network: nothing was looked at."""


@dataclass(frozen=True, slots=True)
class LoginBusy:
    """Too many people log in at this moment: nothing was looked at. It is over in a moment."""


@dataclass(frozen=True, slots=True)
class TotpOffer:
    """A secret (base32) to be confirmed by a code, and the `otpauth:` address that a QR code of it
    holds."""

    secret: str
    uri: str


class Users:
    """Accounts and sessions. Raises `UsageError` for what a person typed wrongly. `issuer` is our
    name in people's authenticator apps."""

    def __init__(self, database: Database, issuer: str) -> None:
        self._database = database
        self._issuer = issuer

    def log_in(
        self,
        name: str,
        password: str,
        code: str = "",
        *,
        host: str,
        agent: str = "",
        known: bool = False,
        now: datetime,
    ) -> Entered | CodeWanted | LoginRefused | TooManyLogins | LoginBusy:
        """Takes the same time whether or not there is such a user. `host` is the visitor's IP
        address, `agent` what their browser calls itself. `known` says that this user has logged in
        from this browser before: what others try in their name does not keep them out."""
        key = _fold(name)
        with self._database.write() as connection:
            if not _allow(connection, key, host, now, known=known):
                return TooManyLogins()
            account = accounts.find(connection, key)
        # Outside of the transaction: it takes as long as a thousand messages.
        try:
            fits = passwords.fits(account.password if account else None, password)
        except passwords.PasswordChecksBusy:
            return LoginBusy()
        if account is None or account.user.disabled or not fits:
            return LoginRefused()
        if account.totp_secret and not code.strip():
            return CodeWanted()
        token = secrets.token_urlsafe(32)
        anew = ""
        if passwords.is_dated(account.password):
            with suppress(passwords.PasswordChecksBusy):  # another time
                anew = passwords.seal(password)
        with self._database.write() as connection:
            # It may have changed meanwhile.
            current = accounts.get(connection, account.user.id)
            if current is None or not _still_fits(connection, current, account, code, now):
                return LoginRefused()
            if anew:
                accounts.change(connection, current.user.id, password=anew)
            accounts.forget_sessions(connection, now, now - IDLE)
            session = accounts.begin_session(
                connection,
                current.user,
                _mark(token),
                words(agent, 200),
                now=now,
                expires_at=now + LIFE,
            )
        return Entered(token, session)

    def session(self, token: str, *, now: datetime, used: bool = True) -> Session | None:
        """Who is behind a cookie; None where the session has ended, or the user is disabled.

        `used` is False for what a page asks by itself: a tab that is left open keeps nobody in.
        """
        with self._database.read() as connection:
            found = accounts.find_session(connection, _mark(token))
        if found is None or found.user.disabled or not _lasts(found, now):
            return None
        if used and now - found.seen_at >= _TOUCH:
            # No page waits for it: where others write just now, the next page notes it.
            with (
                suppress(StoreBusy),
                self._database.hurried(_BRIEFLY),
                self._database.write() as connection,
            ):
                accounts.touch_session(connection, found.id, now)
                found = replace(found, seen_at=now)
        return found

    def sessions(self, user: User, *, now: datetime) -> tuple[Session, ...]:
        """Where a user is logged in, the place used last first."""
        with self._database.read() as connection:
            found = accounts.sessions_of(connection, user)
        return tuple(session for session in found if _lasts(session, now))

    def end(self, user: User, session: int) -> bool:
        """End one session of a user. False where it is not theirs."""
        with self._database.write() as connection:
            return bool(accounts.end_sessions(connection, user.id, session_id=session))

    def end_all(self, user: User, *, but_for: int | None = None) -> int:
        """End a user's sessions, all but one if it is named; how many it were."""
        with self._database.write() as connection:
            return accounts.end_sessions(connection, user.id, but_for=but_for)

    def log_out(self, token: str) -> None:
        """End the session of a cookie."""
        with self._database.write() as connection:
            accounts.end_session(connection, _mark(token))

    def list(self) -> tuple[User, ...]:
        """All users by name."""
        with self._database.read() as connection:
            return tuple(accounts.everybody(connection))

    def find(self, name: str) -> User:
        """Raises `UsageError` where there is none."""
        with self._database.read() as connection:
            return _found(connection, name).user

    def add(
        self,
        name: str,
        password: str,
        *,
        email: str = "",
        role: Role = Role.EDITOR,
        now: datetime,
    ) -> User:
        """A new user. The name is what they log in with, and what the log calls them."""
        title = _check_name(name)
        address = _check_email(email)
        passwords.check(password, title, address.partition("@")[0], self._issuer)
        sealed = passwords.seal(password)
        with self._database.write() as connection:
            user = accounts.add(connection, title, _fold(title), address, role, sealed, now)
        if user is None:
            raise UsageError(
                f"there is a user “{title}” already",
                hint="take another name; capitals do not count",
            )
        return user

    def change(self, name: str, *, email: str | None = None, role: Role | None = None) -> User:
        """Another address or role; None leaves one as it is."""
        values: dict[str, str] = {}
        if email is not None:
            values["email"] = _check_email(email)
        if role is not None:
            values["role"] = role.value
        with self._database.write() as connection:
            user = _found(connection, name).user
            if values:
                accounts.change(connection, user.id, **values)
            return _found(connection, name).user

    def set_password(self, name: str, password: str, *, but_for: int | None = None) -> User:
        """A new password; ends all sessions but one. Raises `passwords.Crowded` as well."""
        user = self.find(name)
        passwords.check(password, user.name, user.email.partition("@")[0], self._issuer)
        sealed = passwords.seal(password)
        with self._database.write() as connection:
            accounts.change(connection, user.id, password=sealed)
            accounts.end_sessions(connection, user.id, but_for=but_for)
        return user

    def check_password(self, user: User, password: str) -> bool:
        """Whether it is theirs: asked again before something delicate. Raises
        `passwords.Crowded`."""
        with self._database.read() as connection:
            account = accounts.get(connection, user.id)
        return passwords.fits(account.password if account else None, password)

    def may_try_password(self, user: User, now: datetime) -> bool:
        """Count an attempt at the password of somebody who is logged in; False where there were too
        many."""
        with self._database.write() as connection:
            return limits.allow(connection, f"password of user {user.id}", *_AGAIN, now)

    def password_mark(self, name: str) -> str:
        """Another one for each user and each of their passwords, and of no use for guessing them;
        "" where there is no such user."""
        with self._database.read() as connection:
            account = accounts.find(connection, _fold(name))
        # The salt makes it another one where two have the same password.
        return _mark(account.password) if account else ""

    def disable(self, name: str, *, disabled: bool = True) -> User:
        """Shut a user out and end their sessions, or let them in again."""
        with self._database.write() as connection:
            user = _found(connection, name).user
            accounts.change(connection, user.id, disabled=disabled)
            if disabled:
                accounts.end_sessions(connection, user.id)
        return replace(user, disabled=disabled)

    def offer_totp(self, user: User) -> TotpOffer:
        """A new secret; nothing is kept until a code confirms it."""
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=self._issuer)
        return TotpOffer(secret, uri)

    def keep_totp(self, user: User, secret: str, code: str, *, now: datetime) -> bool:
        """Ask for the second factor from now on; False where the code does not fit the secret."""
        step = next(_steps_of(secret, code, now), None)
        if step is None:
            return False
        with self._database.write() as connection:
            accounts.change(connection, user.id, totp_secret=secret, totp_step=step)
        return True

    def drop_totp(self, user: User) -> None:
        """Ask for no second factor any more."""
        with self._database.write() as connection:
            accounts.change(connection, user.id, totp_secret="", totp_step=0)


def _allow(connection: Connection, key: str, host: str, now: datetime, *, known: bool) -> bool:
    """Whether this network may try this name now. What one network tries too often is not counted
    against the name: else it could shut somebody out from everywhere."""
    most, span = _NETWORK
    network = limits.network_of(host)
    return (
        all(
            limits.allow(connection, f"login network {near}", most * times, span, now)
            for near, times in limits.networks_of(host)
        )
        and limits.allow(connection, f"login {key} from {network}", *_PAIR, now)
        and (known or limits.allow(connection, f"login {key}", *_NAME, now))
    )


def _still_fits(
    connection: Connection, current: UserAccount, before: UserAccount, code: str, now: datetime
) -> bool:
    """Whether an account is open to who knew its password before, and has the code it wants."""
    if current.user.disabled or current.password != before.password:
        return False
    return not current.totp_secret or _take_code(connection, current, code, now)


def _take_code(connection: Connection, account: UserAccount, code: str, now: datetime) -> bool:
    """Whether the code fits, and was not used before (RFC 6238, 5.2)."""
    return any(
        accounts.take_step(connection, account.user.id, step)
        for step in _steps_of(account.totp_secret, code, now)
    )


def _steps_of(secret: str, code: str, now: datetime) -> Iterator[int]:
    """The time steps of which this is the code: now, just before or, for slow clocks, after."""
    typed = "".join(code.split()).encode("utf-8", "replace")
    step = int(now.timestamp()) // _STEP
    try:
        totp = pyotp.TOTP(secret)
        codes = {at: totp.generate_otp(at).encode() for at in (step - 1, step, step + 1)}
    except ValueError:
        return  # no secret of ours
    yield from (at for at, right in codes.items() if hmac.compare_digest(right, typed))


def _lasts(session: Session, now: datetime) -> bool:
    return now < session.expires_at and now - session.seen_at < IDLE


def _found(connection: Connection, name: str) -> UserAccount:
    account = accounts.find(connection, _fold(name))
    if account is None:
        raise UsageError(f"there is no user “{words(name, 80)}”", hint="see `briefing user list`")
    return account


def _check_name(name: str) -> str:
    title = words(name)
    if not title or title != name.strip() or len(title) > _LONGEST_NAME:
        raise UsageError(
            f"“{words(name, 80)}” cannot be a user's name",
            hint=f"write 1 to {_LONGEST_NAME} characters on one line",
        )
    return title


def _check_email(email: str) -> str:
    if not email.strip():
        return ""
    try:
        return read_address(email).envelope
    except AddressRefused as refused:
        raise UsageError(str(refused), hint="write it as name@example.org") from refused


def _fold(name: str) -> str:
    """A name as it is compared."""
    return unicodedata.normalize("NFKC", words(name[:1000])).casefold()[:200]


def _mark(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
