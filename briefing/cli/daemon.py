"""run: the daemon; serve: the web pages alone."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from briefing.cli.console import CliSession, commands, say, session
from briefing.cli.log import start_log
from briefing.cli.signals import stop_on_signals
from briefing.schedule import Daemon

if TYPE_CHECKING:
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
    notices = _start_notices(current, stop)
    log.info("daemon runs", briefings=list(wired.desk.briefings), pid=os.getpid())
    stop.wait()
    log.info("daemon stops")
    wired.desk.notices.wake()
    at_rest = daemon.close()
    notices.join()
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
    """The web pages alone, and the mails they ask for.

    Prints where the pages are, and runs until SIGTERM or Ctrl-C.
    """
    current = session(context)
    wired = current.app
    start_log(current.config.log.format, current.config.log.level)
    log = structlog.get_logger("briefing")
    stop = stop_on_signals()
    server = _server(current)
    log.info("web pages", address=server.start())
    notices = _start_notices(current, stop)
    say(_guide(current))
    sys.stdout.flush()  # into a pipe as well: this goes on for months
    stop.wait()
    wired.desk.notices.wake()
    server.close()
    notices.join()
    wired.database.close()
    log.info("web pages stopped")


def _start_notices(current: CliSession, stop: threading.Event) -> threading.Thread:
    """Send the single mails that pages ask for, here or in another process, until `stop`."""
    notices = current.app.desk.notices
    thread = threading.Thread(target=notices.run, args=(stop,), name="notices")
    thread.start()
    return thread


def _guide(current: CliSession) -> str:
    """Where a person begins; nobody's own links, which are for their mailbox alone."""
    home = current.config.web.public_url
    lines = [f"{current.config.publication.name}: {home}/"]
    for briefing in current.config.briefings:
        lines += [
            f"  {briefing.name}",
            f"    sign up        {home}/join/{briefing.slug}",
            f"    past editions  {home}/editions/{briefing.slug}",
        ]
    lines.append(f"  the editors' desk  {home}/desk")
    if current.config.mailer.kind == "outbox":
        folder = current.config.mailer.path / "new"
        lines.append(f"Mail is written into {folder}: open it there, and follow its links.")
    return "\n".join(lines)


def _server(current: CliSession) -> Server:
    # FastAPI takes a while to import, which `--help` and `run --no-web` need not wait for.
    from briefing.app import build_returned  # noqa: PLC0415
    from briefing.web import Captcha, Hooks, JoinRules, Newsroom, Server  # noqa: PLC0415

    web = current.config.web
    join = web.join
    captcha = None
    if join.captcha and join.captcha_secret is not None:
        captcha = Captcha(
            join.captcha,
            join.captcha_site_key,
            join.captcha_secret.reveal(),
            join.captcha_verify_url,
        )
    rules = JoinRules(
        per_address=join.per_address,
        per_network=join.per_network,
        per_hour=join.per_hour,
        privacy_url=join.privacy_url,
        captcha=captcha,
    )
    hooks = intake = None
    if current.config.hooks or current.config.returns.kind != "none":
        returned = build_returned(current.app)
        intake = returned.intake
        hooks = Hooks(returned.hooks, intake) if returned.hooks else None
    mailer = current.config.mailer
    newsroom = Newsroom(
        tuple(current.config.delivery.test_addresses),
        mailer.path if mailer.kind == "outbox" else None,
        intake,
    )
    return Server(
        current.app.desk,
        current.app.clock,
        web.host,
        web.port,
        indexed=web.indexed,
        rules=rules,
        hooks=hooks,
        newsroom=newsroom,
        proxies=web.trusted_proxies,
    )
