"""The program as it lies on another machine."""

import shutil
import subprocess
from importlib.util import cache_from_source
from pathlib import Path

from reprotech.testing.plugin import ROOT

LIST = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]


def copy_program(home, *, without=()):
    """What git knows of the program, but for its tests and some folders, and what Python made of it.

    Each command that may not write there would translate all code again, which takes longer than its work.
    """
    listed = subprocess.run(LIST, cwd=ROOT, capture_output=True, check=True, text=True)
    for path in map(Path, listed.stdout.splitlines()):
        if "tests" in path.parts or path.parts[0] in without or not (ROOT / path).exists():
            continue
        copy(path, home)
        translated = Path(cache_from_source(path))
        if path.suffix == ".py" and (ROOT / translated).exists():
            copy(translated, home)


def copy(path, home):
    """With the time of its last change, by which Python knows what is translated."""
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / path, home / path)
