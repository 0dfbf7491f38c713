"""Files with personal data or secrets: new, readable to their owner alone, complete or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def create_private_file(path: Path) -> Iterator[BinaryIO]:
    """A new file with mode 600, on disk when the block ends and removed if that fails; raises OSError.

    FileExistsError if there is one already.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        sync_parent_directory(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sync_parent_directory(path: Path) -> None:
    """Make the file's name durable too, which fsync of the file doesn't."""
    descriptor = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
