"""The log: one line per event on standard error, for people or as JSON; times in UTC.

Lines of libraries (APScheduler, uvicorn, warnings) take the same shape, so that a log that is
collected as JSON holds nothing else.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def start_log(form: str, level: str) -> None:
    """Log from now on. `form` is "json" or "console", `level` as in [log]."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
    ]
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        final += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    else:
        colors = sys.stderr.isatty()
        final.append(
            structlog.dev.ConsoleRenderer(
                colors=colors, exception_formatter=structlog.dev.plain_traceback
            )
        )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = _OnStandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name], processors=final
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(capture=True)
    # What they find normal is no news here; and that a tick is skipped because the one before takes
    # longer is as it should be.
    for library, lowest in (
        ("alembic", logging.WARNING),
        ("apscheduler", logging.ERROR),
        ("procrastinate", logging.WARNING),
        ("urllib3", logging.ERROR),
        ("uvicorn", logging.WARNING),
    ):
        logging.getLogger(library).setLevel(max(number, lowest))


class _OnStandardError(logging.Handler):
    """Writes to what standard error is at that moment: a progress bar on the terminal puts itself
    in its place, so that lines stand above it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)
