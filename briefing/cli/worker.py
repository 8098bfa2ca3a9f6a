"""worker: the delivery jobs alone."""

from __future__ import annotations

import structlog
import typer

from briefing.cli.console import commands, session
from briefing.cli.log import start_log
from briefing.cli.signals import stop_on_signals

app = commands()


@app.command()
def worker(context: typer.Context) -> None:
    """The delivery jobs alone, on any number of machines.

    Delivers what `briefing run` or `deliver` has queued under [engine] kind = "procrastinate".
    Runs until SIGTERM or Ctrl-C, which let a message that is being sent end; a second one does
    not. Logs to standard error.
    """
    current = session(context)
    wired = current.app
    start_log(current.config.log.format, current.config.log.level)
    log = structlog.get_logger("briefing")
    stop = stop_on_signals()
    wired.desk.work(stop)
    wired.database.close()
    log.info("worker stopped")
