#!/usr/bin/env python
"""Reprotech's command line: `python manage.py help` lists the commands."""

import logging
import os
import signal
import sys


def main() -> None:
    """Run the command; what its operator can mend ends it with one line instead of a traceback."""
    # A worker of the server ignores these, and what it starts would too.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reprotech.settings")
    # Counters are the server's. A command leaves none behind, nor needs their directory, which the server makes.
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    if sys.argv[1:] in (["version"], ["--version"]):  # Django would print its own; and no setting is asked for this
        from reprotech import release

        print(release.read())
        return
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from reprotech.conf.env import Environment
    from reprotech.core.request_context import command_origin, request_origin

    Environment.for_command = sys.argv[1:2] != ["audit_worker"]
    if Environment.for_command:  # one that can't get a connection ends and says why, once
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    Environment.inspecting = sys.argv[1:2] == ["check_config"]  # which tells all that is wrong, not only the first
    try:
        settings.configured or settings.DEBUG  # noqa: B018 (reading one loads them all)
        with request_origin(command_origin(" ".join(sys.argv[1:2]))):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Reprotech can't start: {error}")
    except (Exception, KeyboardInterrupt) as error:
        from reprotech.management.command_errors import describe_error

        sentence = describe_error(error)
        if sentence is None or "--traceback" in sys.argv:
            raise
        sys.exit(sentence)


if __name__ == "__main__":
    main()
