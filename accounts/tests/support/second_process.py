"""Another worker process for tests to talk to: `worker_process` answers it."""

import json
import os
import subprocess
import sys

from django.db import connection


class SecondProcess:
    """Another worker on the same database and Valkey."""

    def __init__(self, **variables):
        name = connection.settings_dict["NAME"]
        url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "reprotech.settings",
            "LOG_LEVEL": "CRITICAL",  # standard output is for its answers
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "accounts.tests.support.worker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def tell(self, *command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def me(self, caller):
        self.tell("me", caller.token)
        return json.loads(self.process.stdout.readline())

    def status(self, browser, path):
        """The status of what another browser with this one's cookies gets there."""
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        self.tell("status", [cookies, path])
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(60)
