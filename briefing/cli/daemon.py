"""run: the daemon; serve: the web pages alone."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import Annotated

import structlog
import typer

from briefing.cli.console import session
from briefing.config import LogConfig
from briefing.schedule import Daemon


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(serve)


def run(
    context: typer.Context,
    web: Annotated[bool, typer.Option(help="Serve the web pages too.")] = True,
) -> None:
    """The daemon: schedule, delivery and the web pages, until SIGTERM or Ctrl-C."""
    # FastAPI takes half a second to import, and no other command needs it.
    from briefing.web import Server  # noqa: PLC0415

    current = session(context)
    start_log(current.config.log)
    log = structlog.get_logger("briefing")
    stop = _stop_on_signals()
    app = current.app
    server = Server(app.desk, app.clock, current.config.web.host, current.config.web.port)
    daemon = Daemon(app, stop)
    if web:
        log.info("web pages", address=server.start())
    daemon.start()
    log.info("daemon runs", briefings=list(app.desk.briefings))
    stop.wait()
    log.info("daemon stops")
    daemon.close()
    if web:
        server.close()
    app.database.close()
    log.info("daemon stopped")


def serve(context: typer.Context) -> None:
    """The web pages alone, until SIGTERM or Ctrl-C."""
    from briefing.web import Server  # noqa: PLC0415

    current = session(context)
    start_log(current.config.log)
    stop = _stop_on_signals()
    app = current.app
    server = Server(app.desk, app.clock, current.config.web.host, current.config.web.port)
    structlog.get_logger("briefing").info("web pages", address=server.start())
    stop.wait()
    server.close()
    app.database.close()


def start_log(config: LogConfig) -> None:
    """One line per event on standard error, for people or as JSON; times in UTC."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if config.format == "json"
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config.level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
