"""SIGTERM and SIGINT end what is running between two messages; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import threading


def stop_on_signals() -> threading.Event:
    """An event that is set by SIGTERM or SIGINT. To be called on the main thread, once, before
    other threads are started.

    The signals are blocked and waited for by a thread: a handler would run on the main thread in
    the middle of whatever it does, and setting an event that the main thread is about to wait for
    can lock up for good.
    """
    stop = threading.Event()
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)

    def wait() -> None:
        signal.sigwait(ending)
        stop.set()
        # Whoever asks twice will not wait for a slow mail server. Nothing is lost (promise 3).
        number = signal.sigwait(ending)
        os._exit(128 + number)

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stop
