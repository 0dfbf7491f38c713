"""Another worker process, for tests: answers each line on standard input, a JSON list, with a line of JSON."""

import json
import os
import signal
import sys

import django


def main():
    """Serve until standard input ends."""
    django.setup()
    from django.db import transaction
    from django.test import Client

    from accounts.access.authorization import SYSTEM
    from accounts.users.services import lock_user
    from reprotech.testing.client import Caller

    for line in sys.stdin:
        verb, argument = json.loads(line)
        if verb == "me":
            answer = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {argument}")
            print(json.dumps([answer.status_code, answer.json()]), flush=True)
        elif verb == "status":
            cookie, path = argument
            answer = Client(headers={"cookie": cookie}).get(path)
            print(json.dumps(answer.status_code), flush=True)
        elif verb == "die while locking":
            with transaction.atomic():
                lock_user(actor=SYSTEM, user_id=argument)
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
