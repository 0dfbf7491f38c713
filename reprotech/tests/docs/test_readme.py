"""The README's commands do what it says."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.only_on("sqlite")  # what the README starts

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def run(command, server, **environment):
    command = command.replace("http://127.0.0.1:5001", server.url)
    done = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_commands_of_the_readme_exist():
    scripts = [command.split()[0] for command in COMMANDS if command.startswith("scripts/")]
    assert scripts == ["scripts/server", "scripts/test"]
    assert all((ROOT / script).stat().st_mode & 0o111 for script in scripts)


def test_the_pictures_of_the_readme_are_small():
    pictures = [ROOT / name for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)]
    assert {path.name for path in pictures} == {"dashboard-light.png", "audit-dark.png"}
    assert {path.name: path.stat().st_size for path in pictures if path.stat().st_size > 150_000} == {}


def test_the_curl_commands_of_the_readme_sign_in_and_list_users(server):
    login, users = (command for command in COMMANDS if command.startswith("curl"))
    token = run(login, server)["access_token"]
    assert run(users, server, ACCESS_TOKEN=token)["users"][0]["username"] == "admin"
