"""`scripts/server`: what it offers beyond this machine, and who on this machine can read what it keeps."""

import contextlib
import json
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from reprotech.server import __main__ as serving
from reprotech.testing.plugin import ROOT, start_server
from scripts.prepare import make_private, write_missing_secrets

pytestmark = pytest.mark.only_on("sqlite")  # it is about addresses and files

DOCUMENTED = {"username": "admin", "password": "Admin123!"}


@pytest.mark.parametrize(
    ("host", "is_refused"),
    [
        *[("127.0.0.1", False), ("127.0.0.2", False), ("localhost", False), ("::1", False)],
        *[("0.0.0.0", True), ("::", True), ("192.0.2.1", True), ("2001:db8::1", True), ("", True)],  # noqa: S104
        *[("127.evil.invalid", True), ("nowhere.invalid", True)],
    ],
)
def test_debugging_is_refused_where_others_could_reach_it(settings, host, is_refused):
    settings.DEBUG = True
    if is_refused:
        with pytest.raises(SystemExit, match=r"^Reprotech can't start: with DEBUG=true .* Set DEBUG=false, .*"):
            serving.refuse_exposed_debugging(host)
    else:
        serving.refuse_exposed_debugging(host)
    settings.DEBUG = False
    serving.refuse_exposed_debugging(host)


@pytest.fixture(scope="module")
def open_server(processes, stack):
    """One that others in the network can reach, started by who has set nothing else."""
    running = start_server(processes, stack, HOST="0.0.0.0", DEBUG="", ALLOWED_HOSTS="", LOG_FORMAT="text")  # noqa: S104
    yield running
    processes.stop(running.process)


def sign_in(port, **body):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/api/auth/login", json.dumps(body), {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_health_says_which_commit_runs(open_server):
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    connection = HTTPConnection("127.0.0.1", int(open_server.env["PORT"]), timeout=30)
    connection.request("GET", "/api/health")
    assert json.load(connection.getresponse())["build"] == (git.stdout.strip() or "unknown")
    connection.close()


def test_beyond_this_machine_there_is_no_documented_password_and_files_are_the_owners_alone(open_server):
    port = int(open_server.env["PORT"])
    status = sign_in(port, **DOCUMENTED)
    assert status == 401, open_server.log.read_text()[-3000:]
    assert "Admin123!" not in open_server.log.read_text()
    home = Path(open_server.env["LOG_DIR"]).parent
    # SQLite makes and removes the files of its write-ahead log as connections open and close.
    open_to_others = {}
    for path in [*home.glob("db.sqlite3*"), home / "logs", *(home / "logs").iterdir(), home / "metrics"]:
        with contextlib.suppress(FileNotFoundError):
            open_to_others[path.name] = oct(path.stat().st_mode & 0o077)
    assert {"db.sqlite3", "logs", "metrics"} <= open_to_others.keys()
    assert set(open_to_others.values()) == {"0o0"}, open_to_others


@pytest.mark.parametrize(
    ("before", "debug", "written"),
    [
        (None, "true", True),
        ("SECRET_KEY=one-of-an-earlier-version\nJWT_SECRET_KEY='two'\nAUDIT_SIGNING_KEY=\n", "true", True),
        (None, "false", False),
        ("DATABASE_URL=postgresql://lab@db.example/lab\n", "true", False),
        ("DEBUG=false\n", "true", False),
        ("# theirs\nALLOWED_HOSTS=lab.example\nSECRET_KEY=\n", "true", False),
    ],
)
def test_commands_beside_the_server_of_a_first_try_see_the_same_debug(tmp_path, monkeypatch, before, debug, written):
    """So that init_data beside it changes neither password nor sessions nor what roles require."""
    for name in ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_SIGNING_KEY", "AUDIT_SIGNING_KEY_FILE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("DEBUG", debug)
    file = tmp_path / ".env"
    if before is not None:
        file.write_text(before)
    for _ in range(2):
        write_missing_secrets(file)
        assert file.read_text().count("DEBUG=true\n") == written
    monkeypatch.setenv("SECRET_KEY", "x")
    assert file.read_text().startswith((before or "SECRET_KEY=").partition("\n")[0])


def test_no_file_is_made_where_the_environment_has_everything(tmp_path, monkeypatch):
    for name in ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_SIGNING_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DEBUG", "true")
    write_missing_secrets(tmp_path / ".env")
    assert not (tmp_path / ".env").exists()


def test_what_everybody_could_read_becomes_the_owners(tmp_path):
    directory, file = tmp_path / "logs", tmp_path / "logs" / "reprotech_auth.log"
    directory.mkdir(mode=0o755)
    file.touch(mode=0o644)
    file.chmod(0o664)
    make_private([directory, file, tmp_path / "missing"])
    assert (directory.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
