"""What `scripts/server` ends with: prepare the installation and serve it, with one start of Django for both."""

import os
import sys

from reprotech import metric_files, server
from scripts import prepare


def main() -> None:
    """Serve until told to stop; arguments are the descriptor of the lock that protects the setup, and the address."""
    lock, address = int(sys.argv[1]), sys.argv[2]
    metric_files.use()
    prepare.main()
    server.load()
    os.close(lock)
    sys.stdout.write(f"Running on {address}\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
