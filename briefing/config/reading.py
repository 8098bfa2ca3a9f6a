"""Walks the tables of a configuration and gathers every fault on the way.

A `ConfigReading` is one attempt to read one document. It hands out `ConfigTable`s;
`ConfigTable.take` reads one key. A key that will not do leaves a fault and an unusable value
behind; nobody gets to see that value, because `ConfigReading.finish` raises as long as there is a
single fault.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TypeVar, cast, overload

from briefing.config.secret import HIDDEN
from briefing.config.values import InvalidValue, RefusedItems, suggest
from briefing.errors import ConfigError

__all__ = ["ConfigReading", "ConfigTable", "Fault", "FaultyConfig", "Override"]

T = TypeVar("T")
D = TypeVar("D")
_SHOWN = 60
_PREFIX = "BRIEFING_"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what stands there ("" when absent), why, and the mend."""

    key: str
    value: str
    reason: str
    hint: str

    def __str__(self) -> str:
        head = f"  {self.key} = {self.value}" if self.value else f"  {self.key}"
        hint = f"\n    → {self.hint}" if self.hint else ""
        return f"{head}\n    {self.reason}{hint}"


class FaultyConfig(ConfigError):
    """A configuration with faults; `faults` has them one by one for reports as JSON."""

    def __init__(self, path: Path, faults: tuple[Fault, ...]) -> None:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{path} has {count}:\n" + "\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Override:
    """A value that an environment variable puts in the place of the file's."""

    variable: str
    text: str

    def parse(self) -> object:
        """The text as a TOML value, or as it is when it is none."""
        try:
            return cast("object", tomllib.loads(f"it = {self.text}")["it"])
        except (ValueError, KeyError, RecursionError):
            return self.text


class ConfigReading:
    """One document being read: its tables so far, and the faults found in them.

    `folder` is where relative paths start; `environ` is asked for `…_env` keys and for overrides
    (`BRIEFING_MAILER__PORT` for `mailer.port`).
    """

    def __init__(self, document: dict[str, object], path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.folder = path.parent
        self.environ = environ
        self._tables: list[ConfigTable] = []
        self._strays: list[Fault] = []
        for variable in sorted(environ):
            if variable.startswith(_PREFIX) and "__" in variable:
                self._override(document, variable, environ[variable])
        self.root = self.open("", "", document)

    def open(self, label: str, shape: str, values: dict[str, object] | None) -> ConfigTable:
        """A table at a place; `values` is None where something else stands in its place."""
        table = ConfigTable(self, label, shape, values)
        self._tables.append(table)
        return table

    def keys(self) -> frozenset[str]:
        """All keys that were asked for, dotted, arrays without index."""
        return frozenset(_join(table.shape, key) for table in self._tables for key in table.known)

    def finish(self) -> None:
        """Raise `FaultyConfig` if anything was wrong."""
        faults = [fault for table in self._tables for fault in table.all_faults()]
        if faults or self._strays:
            raise FaultyConfig(self.path, (*faults, *self._strays))

    def tables_with(self, key: str) -> list[str]:
        return sorted({table.shape for table in self._tables if key in table.known and table.shape})

    def _override(self, document: dict[str, object], variable: str, text: str) -> None:
        *parents, last = variable.removeprefix(_PREFIX).lower().split("__")
        place: object = document
        for part in parents:
            if isinstance(place, dict):
                place = place.setdefault(part, {})
            elif isinstance(place, list):
                place = _item(place, part)
        if isinstance(place, dict) and all(parents) and last:
            place[last] = Override(variable, text)
        else:
            self._strays.append(
                Fault(
                    variable,
                    "",
                    "points at no key of the file",
                    "write BRIEFING_TABLE__KEY; in an array BRIEFING_BRIEFINGS__SLUG__KEY",
                )
            )


class ConfigTable:
    """One table of the document. `label` is its place for people, `shape` that without indexes."""

    def __init__(
        self, reading: ConfigReading, label: str, shape: str, values: dict[str, object] | None
    ) -> None:
        self.reading = reading
        self.label = label
        self.shape = shape
        self.known: dict[str, None] = {}
        self._values = values or {}
        self._absent = values is None
        self._faults: list[Fault] = []
        self._unsound: set[str] = set()

    @overload
    def take(self, key: str, read: Callable[[object], T], *, hide: bool = False) -> T: ...
    @overload
    def take(
        self, key: str, read: Callable[[object], T], default: D, *, hide: bool = False
    ) -> T | D: ...
    def take(
        self, key: str, read: Callable[[object], T], default: object = ..., *, hide: bool = False
    ) -> object:
        """The key's value, its default, or a fault. `hide` keeps the value out of reports."""
        self.known[key] = None
        if key not in self._values:
            if default is ... and not self._absent:
                self.fault(key, "is missing", "add it; config.example.toml explains every key")
            return None if default is ... else default
        try:
            return _read(self._values[key], read)
        except RefusedItems as refused:
            for place, item, why in refused.items:
                self._add(key + place, HIDDEN if hide else _show(item), why.reason, why.hint, key)
        except InvalidValue as refused:
            self.fault(key, refused.reason, refused.hint, hide=hide)
        return None if default is ... else default

    def given(self, key: str) -> bool:
        """Whether the key is set, to more than ""; makes it a known key."""
        self.known[key] = None
        value = self._values.get(key, "")
        return (value.text if isinstance(value, Override) else value) != ""

    def overridden(self, key: str) -> bool:
        return isinstance(self._values.get(key), Override)

    def sound(self, *keys: str) -> bool:
        """Whether none of the keys has a fault so far, so that they can be held together."""
        return not self._absent and not self._unsound.intersection(keys)

    def fault(self, key: str, reason: str, hint: str = "", *, hide: bool = False) -> None:
        value = _show(self._values[key]) if key in self._values else ""
        self._add(key, HIDDEN if hide and value else value, reason, hint, key)

    def table(self, key: str) -> ConfigTable:
        """A table inside this one; an empty one where it is absent."""
        self.known[key] = None
        value = _plain(self._values.get(key, {}))
        if not isinstance(value, dict):
            self.fault(key, "needs a table", f"write [{_join(self.shape, key)}]", hide=True)
        return self.reading.open(
            _join(self.label, key),
            _join(self.shape, key),
            value if isinstance(value, dict) and not self._absent else None,
        )

    def tables(self, key: str, *, bare: str = "", like: str = "") -> Iterator[ConfigTable]:
        """The tables of an array; a bare text stands for a table with the one key `bare`. Where
        they have the keys of the table `like`, they count as such."""
        self.known[key] = None
        value = _plain(self._values.get(key, []))
        if not isinstance(value, list):
            shape = _join(self.shape, key)
            self.fault(key, "needs a list of tables", f"write [[{shape}]]", hide=True)
            return
        for index, item in enumerate(value):
            entry = {bare: item} if bare and isinstance(item, str) else item
            place = f"{key}[{index}]{_title(entry)}"
            if not isinstance(entry, dict):
                self._add(place, "", "needs a table", f"write [[{_join(self.shape, key)}]]", key)
                entry = None
            yield self.reading.open(_join(self.label, place), like or _join(self.shape, key), entry)

    def all_faults(self) -> list[Fault]:
        """Unknown keys first: they often explain the missing ones."""
        return [self._unknown(key) for key in self._values if key not in self.known] + self._faults

    def _unknown(self, key: str) -> Fault:
        # The value is not shown: it may be a password under a misspelt key.
        close = suggest(key.replace("-", "_"), self.known)
        elsewhere = self.reading.tables_with(key)
        if close:
            hint = f'did you mean "{close}"?'
        elif len(elsewhere) == 1:
            hint = f"it belongs in [{elsewhere[0]}]"
        else:
            hint = "known here: " + ", ".join(self.known)
        return Fault(self._place(key, key), "", "is an unknown key", hint)

    def _add(self, place: str, value: str, reason: str, hint: str, key: str) -> None:
        self._unsound.add(key)
        self._faults.append(Fault(self._place(place, key), value, reason, hint))

    def _place(self, place: str, key: str) -> str:
        variable = _variable(self._values.get(key))
        origin = f" (from {variable})" if variable else ""
        return f"{_join(self.label, _printable(place))}{origin}"


def _join(parent: str, key: str) -> str:
    return f"{parent}.{key}" if parent else key


def _item(items: list[object], part: str) -> object:
    """The item of an array by its index, or by slug or name, with _ for what no variable holds."""
    if part.isdecimal():
        return items[int(part)] if int(part) < len(items) else None
    for item in items:
        if isinstance(item, dict):
            title = item.get("slug", item.get("name"))
            if isinstance(title, str) and re.sub(r"[^a-z0-9]+", "_", title.lower()) == part:
                return item
    return None


def _read(value: object, read: Callable[[object], T]) -> T:
    """Text from the environment is taken as text where that will do, else as a TOML value."""
    if not isinstance(value, Override):
        return read(value)
    try:
        return read(value.text)
    except InvalidValue:
        return read(value.parse())


def _plain(value: object) -> object:
    return value.parse() if isinstance(value, Override) else value


def _variable(value: object) -> str:
    """The environment variable a value, or the first one inside a table, came from."""
    if isinstance(value, Override):
        return value.variable
    if isinstance(value, dict):
        return next(filter(None, map(_variable, value.values())), "")
    return ""


def _title(entry: object) -> str:
    title = entry.get("slug", entry.get("name")) if isinstance(entry, dict) else None
    return f" {_show(title)}" if isinstance(title, str | Override) else ""


def _show(value: object) -> str:
    """A value as it would stand in the file, short, harmless to a terminal, without credentials."""
    if isinstance(value, Override):
        value = value.text
    if isinstance(value, str):
        bare = re.sub(r"//.*@", f"//{HIDDEN}@", value, flags=re.DOTALL)
        bare = re.sub(r"(://[^?]*\?).*", rf"\1{HIDDEN}", bare, flags=re.DOTALL)
        shown = json.dumps(bare, ensure_ascii=False)
    elif isinstance(value, bool):
        shown = str(value).lower()
    elif isinstance(value, list):
        shown = f"[{', '.join(_show(item) for item in value)}]"
    elif isinstance(value, dict):
        shown = "{…}"
    elif isinstance(value, datetime | date | time):
        shown = value.isoformat()
    else:
        shown = str(value)
    shown = _printable(shown)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
