"""Whether the server beside this program is ready to work: the health check of the image. Exit status 0 if it is."""

import os
import sys
from http.client import HTTPConnection, HTTPException


def main() -> int:
    """Ask it."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 5001), timeout=4)
    path = sys.argv[1] if len(sys.argv) > 1 else "/api/health/ready"
    try:
        connection.request("GET", path)
        return int(connection.getresponse().status != 200)  # noqa: PLR2004
    except (OSError, HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
