"""Which release this program is. What builds one writes `release.json`; a clone, in which people work, has none."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from reprotech import __version__

FILE = Path(__file__).resolve().parent.parent / "release.json"


@dataclass(frozen=True, slots=True)
class Release:
    version: str = __version__
    build: str = "unknown"
    #: When it was built: ISO 8601, UTC; empty where nobody knows.
    created: str = ""

    def __str__(self) -> str:
        return f"Reprotech {self.version}, build {self.build}{self.created and f' of {self.created}'}"


def read(path: Path = FILE) -> Release:
    """What the build left; BUILD_ID in the environment names another, as of an image that was built without Git."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        built = Release(build=str(found["build"]) or "unknown", created=str(found["created"]))
    except (OSError, ValueError, LookupError, TypeError):
        built = Release()
    build = os.environ.get("BUILD_ID", "").strip()
    return Release(build=build) if build and build != built.build else built
