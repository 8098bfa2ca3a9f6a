"""run: the daemon; serve: the web pages alone."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import structlog
import typer

from briefing.cli.console import Session, commands, session
from briefing.cli.log import start_log
from briefing.cli.signals import stop_on_signals
from briefing.schedule import Daemon
from briefing.web import Server

app = commands()


@app.command()
def run(
    context: typer.Context,
    web: Annotated[bool, typer.Option(help="Serve the web pages too.")] = True,
) -> None:
    """The daemon: schedule, delivery and the web pages.

    Runs until SIGTERM or Ctrl-C, which let a message that is being sent end; a second one does not.
    Logs to standard error.
    """
    current = session(context)
    wired = current.app
    start_log(current.config.log.format, current.config.log.level)
    log = structlog.get_logger("briefing")
    stop = stop_on_signals()
    server = _server(current) if web else None
    if server is not None:
        log.info("web pages", address=server.start())
    daemon = Daemon(wired, stop)
    daemon.start()
    log.info("daemon runs", briefings=list(wired.desk.briefings), pid=os.getpid())
    stop.wait()
    log.info("daemon stops")
    at_rest = daemon.close()
    if server is not None:
        server.close()
    wired.database.close()
    log.info("daemon stopped")
    if not at_rest:
        # Only a silent source is still waited for, and it is asked again next time.
        sys.stderr.flush()
        os._exit(0)


@app.command()
def serve(context: typer.Context) -> None:
    """The web pages alone, until SIGTERM or Ctrl-C."""
    current = session(context)
    wired = current.app
    start_log(current.config.log.format, current.config.log.level)
    log = structlog.get_logger("briefing")
    stop = stop_on_signals()
    server = _server(current)
    log.info("web pages", address=server.start())
    stop.wait()
    server.close()
    wired.database.close()
    log.info("web pages stopped")


def _server(current: Session) -> Server:
    web = current.config.web
    return Server(current.app.desk, current.app.clock, web.host, web.port)
