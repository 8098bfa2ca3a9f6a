"""Passwords: which are good enough, and how they are kept (Argon2id, RFC 9106)."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from briefing.errors import UsageError

LEAST: Final = 12
"""Characters. NIST SP 800-63B-4, 3.1.1.2, asks for length and a list of known ones, and for no
rules on what kinds of characters there are."""

_MOST: Final = 1_000
_LEAST_DIFFERENT: Final = 5

# The second choice of RFC 9106, section 4: 64 MiB, three passes.
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
# Of no password: what is compared with where there is no such user.
_NOBODYS: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$MDAwMDAwMDAwMDAwMDAwMA"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
# Each takes 64 MiB: many at once would be a way to exhaust the machine. Few may wait for their
# turn: those who wait hold threads that readers' pages need as well.
_AT_ONCE = threading.BoundedSemaphore(2)
_IN_LINE = threading.BoundedSemaphore(8)

# What is tried first: the words people put at the heart of a password, and the runs of a keyboard.
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        "aa abc abcd abcdef abcdefgh abcdefghijkl access account admin adminadmin "
        "administrator apple asdf asdfasdf asdfgh asdfghjkl asdfghjklqwertyuiop azerty "
        "azertyuiop baseball batman briefing business changeme changemenow charlie chocolate "
        "computer correcthorsebatterystaple default donald dragon editor editors facebook "
        "football freedom fuckyou google guest hello helloworld iloveyou iloveyouforever "
        "internet jesus jesuschrist letmein letmeinplease liverpool login loginlogin loveyou "
        "manager maradona master matrix michael microsoft monkey mustang mypassword "
        "neverforget newsroom ninja nothing operator pass passpass password passwordpassword "
        "passwort phoenix picture please pokemon princess publisher qazwsx qazwsxedc "
        "qazwsxedcrfv qwer qwert qwerty qwertyqwerty qwertyuiop qwertyuiopasdfghjkl qwertz "
        "qwertzuiop root samsung secret secretpassword security shadow shalom soccer solo "
        "starwars summer sunshine superman superstar temp temporary test testing testtest "
        "thisismypassword trustno trustnoone unknown user username welcome welcomehome "
        "whatever william winter yourpassword zaq zaqxsw zxcvbn zxcvbnm ",
    )
)
# Digits, signs and spaces of a keyboard, as they are put before and behind a word.
_EDGES = re.compile(r"^[\x00-@\[-`{-\x7f]+|[\x00-@\[-`{-\x7f]+$")
_BETWEEN = re.compile(r"[\W_]+")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")


class PasswordChecksBusy(UsageError):
    """Too many passwords are looked at just now; this one was not."""

    def __init__(self) -> None:
        super().__init__("too many people log in at this moment", hint="try again in a moment")


@contextmanager
def _turn() -> Iterator[None]:
    if not _IN_LINE.acquire(blocking=False):
        raise PasswordChecksBusy
    try:
        with _AT_ONCE:
            yield
    finally:
        _IN_LINE.release()


def check(password: str, *names: str) -> None:
    """Raises `UsageError` for one that is too easily guessed; `names` are the user's and ours."""
    folded = _normal(password).casefold()
    if len(_normal(password)) < LEAST:
        raise UsageError(
            f"the password has {len(_normal(password))} characters",
            hint=f"take at least {LEAST}: four words that do not belong together are a good one",
        )
    if len(password) > _MOST:
        raise UsageError(f"the password is longer than {_MOST} characters", hint="shorten it")
    if len(set(folded)) < _LEAST_DIFFERENT or _is_common(folded, names):
        raise UsageError(
            "the password is among those that are tried first",
            hint="take four words that do not belong together",
        )


def seal(password: str) -> str:
    """A password as it is kept. Raises `PasswordChecksBusy`."""
    with _turn():
        return _HASHER.hash(_octets(password))


def fits(sealed: str | None, password: str) -> bool:
    """Whether it is the password; takes as long where there is none to compare with (None). Raises
    `PasswordChecksBusy`."""
    with _turn():
        try:
            _HASHER.verify(sealed or _NOBODYS, _octets(password[: _MOST + 1]))
        except (VerificationError, InvalidHashError):
            return False
    return sealed is not None


def is_dated(sealed: str) -> bool:
    """Whether it was sealed with other parameters than those of today."""
    return _HASHER.check_needs_rehash(sealed)


def _is_common(folded: str, names: tuple[str, ...]) -> bool:
    """Nothing but a common word, a name of ours, or figures: with digits and signs round it, with
    signs for letters, or said several times."""
    heart = _EDGES.sub("", folded)
    ours = _COMMON | {_BETWEEN.sub("", name.casefold()) for name in names}
    if len(heart) < 4:
        return True
    for text in (heart, heart.translate(_LEET), _EDGES.sub("", folded.translate(_LEET))):
        letters = _BETWEEN.sub("", text)
        if {text, letters, _once(letters)} & ours:
            return True
    return False


def _once(text: str) -> str:
    """The part of which a text is the repetition."""
    period = (text + text).find(text, 1)
    return text[:period] if period > 0 else text


def _normal(password: str) -> str:
    # The same keys give other code points on other machines (NIST SP 800-63B-4, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


def _octets(password: str) -> bytes:
    return _normal(password).encode("utf-8", "replace")
