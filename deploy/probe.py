"""Whether the server next to this program is ready to work: the health check of the image. Exit status 0 if it is.

Arguments, both of which may be left out: the path to ask, and for how many seconds to ask again.
"""

import os
import sys
import time
from http.client import HTTPConnection, HTTPException


def main() -> int:
    """Ask until it is, or the time is over."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/api/health/ready"
    deadline = time.monotonic() + float(sys.argv[2] if len(sys.argv) > 2 else 0)  # noqa: PLR2004
    while not answers(path):
        if time.monotonic() >= deadline:
            return 1
        time.sleep(0.1)
    return 0


def answers(path: str) -> bool:
    """Whether it says yes."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 5001), timeout=4)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
