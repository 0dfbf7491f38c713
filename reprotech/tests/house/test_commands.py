"""What `reprotech.testing.commands` runs ends and prints as Python itself would, and begins with nothing of ours."""

import os
import subprocess
import sys

import pytest

from reprotech.testing.commands import evaluate
from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database


@pytest.mark.parametrize(
    "code",
    [
        "import os, sys; print(os.getcwd(), os.environ['WHICH'], sys.path[0] in {'', os.getcwd()})",
        "import sys; sys.exit('a sentence')",
        "import sys; sys.exit(3)",
        "import atexit; atexit.register(print, 'at the end')",
        "import signal; print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))",
        "import os; os.kill(os.getpid(), 9)",
    ],
)
def test_it_ends_as_python_would(code):
    environment = {**os.environ, "WHICH": "this one"}
    command = [sys.executable, "-c", code]
    expected = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    found = evaluate(code, env=environment, cwd=ROOT)
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    assert found.stderr == expected.stderr


def test_an_uncaught_exception_is_told_and_fails():
    found = evaluate("raise ValueError('why')", env=os.environ)
    assert found.returncode == 1
    assert found.stderr.rstrip().endswith("ValueError: why")


def test_neither_settings_nor_modules_of_ours_are_there_beforehand():
    apps = {"reprotech", "access_history", "access_requests", "accounts", "audit", "analytics", "reviews", "sso"}
    ours = f"[name for name in sys.modules if name.split('.')[0] in {apps}]"
    code = f"import sys; from django.conf import settings; print(settings.configured, *sorted({ours}))"
    found = evaluate(code, env=os.environ)
    assert found.stdout.split() == ["False", "reprotech", "reprotech.testing", "reprotech.testing.commands"]
