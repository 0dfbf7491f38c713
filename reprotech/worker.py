"""The WSGI application as granian's worker processes load it."""

import signal

# A worker begins as a copy of granian's main process, with that one's signal handlers until it serves. Told to stop
# while it still loads the application it would not hear it, and the server would end only when patience runs out.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the main one ends the workers

from reprotech.wsgi import application  # noqa: E402

__all__ = ["application"]
