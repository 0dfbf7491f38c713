"""Processes that write and seal, for `test_seal_concurrency`: run as a program, it starts one for each line it reads.

A line is `write LOG COUNT SEED` or `seal`; the answer is the process's id. A writer appends to LOG what it did:
`+ TOKEN` after a commit, `- TOKEN` after a rollback. A fork takes a moment, where a new Python would take seconds.
"""

import contextlib
import os
import random
import signal
import sys
import time
import traceback


def write(log, count, seed):
    """Write `count` events, with pauses, in transactions some of which are rolled back."""
    from django.db import transaction

    from audit.models import Action
    from audit.services import record

    chance = random.Random(seed)
    with open(log, "a", buffering=1, encoding="utf-8") as done:  # noqa: PTH123
        written = 0
        while written < count:
            token = f"{seed}-{os.getpid()}-{written}-{chance.random()}"
            must_stay = chance.random() < 0.9
            with transaction.atomic():
                record(actor=None, action=Action.LOGIN, resource="auth", resource_name=token, number=written)
                if chance.random() < 0.2:
                    time.sleep(chance.random() / 20)
                transaction.set_rollback(not must_stay)
            done.write(f"{'+' if must_stay else '-'} {token}\n")
            written += must_stay


def seal():
    """Seal without an end."""
    from audit.sealing.sealer import Sealer, SealingInProgress

    sealer = Sealer()
    while True:
        with contextlib.suppress(SealingInProgress):
            sealer.seal()
        time.sleep(0.02)


def main():
    """Start what the lines say."""
    import django

    django.setup()
    import audit.sealing.sealer  # noqa: F401 (before the forks, which then have it)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        what, *arguments = line.split()
        if child := os.fork():
            print(child, flush=True)
            continue
        try:
            if what == "write":
                write(arguments[0], int(arguments[1]), int(arguments[2]))
            else:
                seal()
        except BaseException:  # noqa: BLE001 (whatever it is, this process is at its end)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


if __name__ == "__main__":
    main()
