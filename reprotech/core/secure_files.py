"""Files that tell of people: new, for their owner's eyes alone, and whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def create_private_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that its owner alone may read: the disk has it when the block ends; when that fails, it is gone.

    Raises FileExistsError, or OSError for whatever else prevents it.
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
    """Have the disk keep the file's name too."""
    descriptor = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
