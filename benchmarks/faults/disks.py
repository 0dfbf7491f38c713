"""Small disks that can be filled up: in memory, since only root may mount them, and only where it may."""

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

_mounted = {}


class Skipped(Exception):
    """Why a fault can't be made here."""


def mount(name, megabytes):
    """A directory with room for so much, that everybody may write to; raises Skipped where nobody may mount."""
    directory = Path(tempfile.mkdtemp(prefix=f"reprotech-{name}-"))
    directory.chmod(0o755)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=1777", "tmpfs", directory]
    made = subprocess.run(command, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if made is None or made.returncode:
        directory.rmdir()
        raise Skipped("only root can mount a small disk, and here it can't")
    _mounted[name] = directory
    return directory


@contextmanager
def filled(name):
    """Not a byte is free within the block."""
    rest = _mounted[name] / "filling"
    with rest.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    try:
        yield
    finally:
        rest.unlink()


def unmount():
    """Give all of them back."""
    while _mounted:
        _, directory = _mounted.popitem()
        subprocess.run(["umount", directory], check=True)
        directory.rmdir()
