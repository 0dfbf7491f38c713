"""The last step of `scripts/server`: prepares and serves the installation, with one start of Django."""

import os
import sys

from reprotech.server import __main__
from scripts import leftovers, prepare


def main() -> None:
    """Serve until SIGTERM; arguments are the descriptor of the setup's lock, and the address."""
    lock, address = int(sys.argv[1]), sys.argv[2]
    try:
        leftovers.remove_abandoned()
        prepare.main()
        __main__.load()
        os.close(lock)
        sys.stdout.write(f"Running on {address}\n")
        sys.stdout.flush()
        __main__.serve()
    finally:
        leftovers.remove_own(os.environ["PORT"])


if __name__ == "__main__":
    main()
