"""The anchor file: signed notes, each followed by an empty line, on a disk that the database can't reach."""

import errno
import os
import stat
from base64 import b64decode
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from audit.crypto.signed_note import DASH

#: Notes are smaller, so the last one is within this many bytes of the end.
MAX_NOTE_BYTES = 65_536
SIGNATURE_BYTES = 4 + 64
NOTE_END = "\n\n"


def read_notes(path: Path) -> Iterator[str]:
    """The notes of the file, the oldest first, without one that a full disk cut short. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        yield from _notes_in(file)


def last_note(path: Path) -> str | None:
    """The newest note, read from the end of the file alone; None while there is none. Raises OSError."""
    descriptor = _open(path, os.O_RDONLY)
    try:
        tail = _tail(descriptor)
    finally:
        os.close(descriptor)
    text = tail.decode(errors="replace")
    if len(tail) == MAX_NOTE_BYTES:
        text = text.partition(NOTE_END)[2]  # the first note may have lost its beginning
    return next(iter(deque(_notes_in(text.splitlines(keepends=True)), maxlen=1)), None)


def append_notes(path: Path, new: Iterable[str], *, create: bool) -> None:
    """Append notes; returns once the disk has them. Raises OSError, and if possible removes what was half written."""
    descriptor = _open(path, os.O_RDWR | os.O_APPEND | (os.O_CREAT if create else 0))
    try:
        size = os.fstat(descriptor).st_size
        # A full disk may have cut the last note short; then an empty line separates it from the next.
        is_cut = size > 0 and not _tail(descriptor).endswith(NOTE_END.encode())
        content = (NOTE_END if is_cut else "") + "".join(f"{note}\n" for note in new)
        try:
            unwritten = content.encode()
            while unwritten:
                unwritten = unwritten[os.write(descriptor, unwritten) :]
            os.fsync(descriptor)
        except OSError:
            # A file that can only grow keeps the half note, which readers skip.
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    # Without O_NONBLOCK, opening a pipe would wait for its other end.
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return descriptor


def _notes_in(lines: Iterable[str]) -> Iterator[str]:
    # A note is a block of text and one of signatures, each ended by an empty line.
    text, block = "", ""
    for line in lines:
        if line != "\n":
            block += line
        elif block:
            if _are_signatures(block):
                if text:
                    yield f"{text}\n{block}"
                block = ""
            text, block = block, ""


def _are_signatures(block: str) -> bool:
    words = [line.split(" ") for line in block.splitlines()]
    try:
        return all(
            dash == DASH and len(b64decode(signature, validate=True)) == SIGNATURE_BYTES for dash, _, signature in words
        )
    except ValueError:
        return False


def _tail(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, MAX_NOTE_BYTES, max(size - MAX_NOTE_BYTES, 0))
