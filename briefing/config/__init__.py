"""The configuration: TOML and environment in, one frozen `Config` or one report of faults out.

::

    config.toml ──tomllib──▶ document ──┐
                                        ├─▶ Reading ──shape──▶ Config
    BRIEFING_TABLE__KEY=… ──override────┘      └─────────────▶ FaultyConfig, all faults at once

Only the command line and the composition root read it; everything below gets plain values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from briefing.config.reading import ConfigReading, Fault, FaultyConfig
from briefing.config.schema import read_config
from briefing.config.secret import Secret
from briefing.config.settings import (
    CollectConfig,
    Config,
    DatabaseConfig,
    DeliveryConfig,
    DkimConfig,
    EngineConfig,
    HookConfig,
    JoinConfig,
    LogConfig,
    MailerConfig,
    ReturnsConfig,
    SourceConfig,
    WarmUpSettings,
    WebConfig,
)
from briefing.config.starter import starter, write_starter
from briefing.errors import ConfigError, name_user

__all__ = [
    "CollectConfig",
    "Config",
    "DatabaseConfig",
    "DeliveryConfig",
    "DkimConfig",
    "EngineConfig",
    "Fault",
    "FaultyConfig",
    "HookConfig",
    "JoinConfig",
    "LogConfig",
    "MailerConfig",
    "ReturnsConfig",
    "Secret",
    "SourceConfig",
    "WarmUpSettings",
    "WebConfig",
    "load",
    "starter",
    "write_starter",
]


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read the configuration at `path`; relative paths in it start from its folder.

    Raises `FaultyConfig` with every fault, or another `ConfigError` where the file cannot be read
    as TOML at all.
    """
    path = path.absolute()
    reading = ConfigReading(_document(path), path, environ)
    config = read_config(reading)
    reading.finish()
    return config


def _document(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration at {path}",
            hint="write one with `briefing init`, or name another with --config PATH",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}",
            hint=f"make it a file that “{name_user()}”, as whom this runs, can read, "
            "or name another with --config PATH",
        ) from None
    try:
        # Some Windows editors put a byte order mark in front; TOML does not know it.
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: not UTF-8 text", hint="save the file as UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        # The line itself is not shown: a secret may stand in it.
        raise ConfigError(
            f"{path} is not TOML: {error}",
            hint="mend the line; text stands in double quotes, and config.example.toml shows all",
        ) from None
