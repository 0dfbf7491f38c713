"""A process with a database of one size, which measures when it is asked to."""

import base64
import json
import os
import secrets
import subprocess
import sys

from benchmarks.harness.environment import say
from benchmarks.single_sign_on.worker import PASSWORD


def variables_of(processes, database, redis=""):
    """The environment of a worker, and of a server with the same database."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "reprotech.settings",
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "AUDIT_SIGNING_KEY_FILE": "",
        "ADMIN_PASSWORD": PASSWORD,
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "EMAIL_URL": "memorymail://",
        "ALLOWED_HOSTS": "testserver,127.0.0.1",
        "TOKEN_CALLS_PER_MINUTE": "1000000",
        "LOG_DIR": str(processes.directory / "logs"),
        "LOG_LEVEL": "ERROR",
    }


class Worker:
    """`worker.py` as a program."""

    def __init__(self, count, variables):
        say(f"{variables['DATABASE_URL'].rpartition('/')[2]}: {count:,} sign-ins ...")
        command = [sys.executable, "-m", "benchmarks.single_sign_on.worker", str(count)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, **pipes, text=True, env=variables)
        self._process.stdout.readline()

    def order(self, what, value):
        """What the worker answers."""
        self._process.stdin.write(json.dumps([what, value]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait()
