"""The commands that docs/audit.md gives to auditors do what it says."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.only_on("sqlite")  # the commands speak with the API alone

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8").partition("## For auditors")[2]
EXPORT, VERIFY, KEEP, VERIFY_WITH_KEPT, ACCESS_AT = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def auditor(server, tmp_path):
    """Runs a command as an auditor with a token, the first key and a folder of their own."""

    def ask(path, *more):
        done = subprocess.run(["curl", "-s", f"{server.url}/api/{path}", *more], capture_output=True, check=True)
        return json.loads(done.stdout)

    login = json.dumps({"username": "admin", "password": "Admin123!"})
    token = ask("auth/login", "-H", "Content-Type: application/json", "-d", login)["access_token"]
    signed_in = ["-H", f"Authorization: Bearer {token}"]
    until = time.monotonic() + 60
    while "size" not in ask("audit/checkpoints/latest", *signed_in) and time.monotonic() < until:
        time.sleep(0.5)
    key = ask("audit/keys", *signed_in)["keys"][0]["key"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "REPROTECH": server.url, "ACCESS_TOKEN": token, "KEY": key}

    def run(command):
        command = command.replace("scripts/", f"{ROOT}/scripts/")
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False, text=True
        )
        return done.returncode, done.stdout

    return run


def test_the_guide_leads_from_an_export_to_a_proof_and_from_a_kept_checkpoint_to_the_next(auditor, tmp_path):
    assert auditor(EXPORT)[0] == 0
    code, output = auditor(VERIFY)
    assert code == 0
    assert "\nPROVEN: " in output
    assert auditor(KEEP)[0] == 0
    assert auditor(EXPORT)[0] == 0
    code, output = auditor(VERIFY_WITH_KEPT)
    assert code == 0
    assert "The log still begins with the " in output
    checked = re.search(r"signed at (\S+)\.\n", output)[1]
    code, output = auditor(ACCESS_AT.replace("2030-01-31T12:00:00Z", checked))
    assert code == 0, output
    assert "The files hold every event from the first one until then, so there are no others." in output
    assert (tmp_path / "table.csv").read_text().splitlines()[1].startswith("1,admin,System Administrator,active,")
    file = tmp_path / "audit.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"action":"create"', b'"action":"delete"', 1))
    code, output = auditor(VERIFY)
    assert code == 1
    assert re.search(r"WRONG: line \d+, event \d+: the event is not what was sealed", output)
