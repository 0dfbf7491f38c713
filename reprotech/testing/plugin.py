"""pytest plugin, loaded by `-p` before settings are read: the servers and the environment that tests run in.

`--stack=postgresql` is PostgreSQL with Valkey, as in production; `--stack=sqlite` is SQLite with the cache inside the
process, as on a first try. The session starts the servers once; pytest-xdist's workers inherit their addresses, and
each has a database and a Valkey database of its own.
"""

import base64
import gc
import math
import os
import re
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from redis import Redis

from reprotech.conf.logging import BATCH_SECONDS
from reprotech.testing import servers as testing_servers
from reprotech.testing.commands import FEW_COLLECTIONS
from reprotech.testing.databases import create_migrated
from reprotech.testing.servers import TestProcesses

ROOT = Path(__file__).resolve().parent.parent.parent
#: How many tests of each file `--quick` runs, and the fixtures that take too long for it.
QUICK_TESTS = 6
SLOW_FIXTURES = {"processes", "browser", "live_server", "transactional_db", "grown_lab"}
DIRECTORY = "REPROTECH_TEST_DIRECTORY"  # tells workers where the session keeps its files
gc.set_threshold(*FEW_COLLECTIONS)  # from here on, before Django and all tests are imported
pytest_plugins = ["reprotech.testing.browser", "reprotech.testing.flush", "reprotech.testing.unrecorded_changes"]


def require(available, what):
    """Skip the test unless `available`; under CI=true, where everything must be there, fail it."""
    if not available:
        missing = f"{what} is missing."
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(missing)


def pytest_addoption(parser):
    """The choice of servers."""
    parser.addoption("--stack", choices=("postgresql", "sqlite"), default="postgresql", help="servers to test with")
    parser.addoption("--quick", action="store_true", help="a few tests of each file")


def pytest_configure(config):
    """The markers of this plugin."""
    config.addinivalue_line("markers", "only_on(stack): the test has no meaning on the other stack")
    config.addinivalue_line("markers", "slow: --quick leaves it out")
    config.addinivalue_line("markers", "quick: --quick runs it whatever it needs, as no other test covers its module")


def pytest_collection_modifyitems(config, items):
    """Leave out the tests that have no meaning on this stack. They aren't skipped: nothing is missing for them.

    With `--quick`, leave out all but a few of each file.
    Those of whole servers and commands, which take longest, come first: what is short fills both processes to the end.
    """
    stack = config.getoption("stack")
    marked = {item: item.get_closest_marker("only_on") for item in items}
    kept = [item for item, marker in marked.items() if not marker or marker.args[0] == stack]
    if config.getoption("quick"):
        kept = quick_tests(kept)
    wanted = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = sorted(kept, key=asks_the_database)


def quick_tests(items):
    """Of each file the first tests that start no server and empty no database, each with its first case."""
    chosen = {}
    for item in items:
        tests = chosen.setdefault(item.path, {})
        is_wanted = item.get_closest_marker("quick") is not None or (len(tests) < QUICK_TESTS and not is_slow(item))
        if is_wanted:
            tests.setdefault(item.function, item)
    return [item for tests in chosen.values() for item in tests.values()]


def is_slow(item):
    """Whether the test says so, needs servers of its own, or has transactions of its own."""
    database = item.get_closest_marker("django_db")
    empties = database is not None and database.kwargs.get("transaction", False)
    return empties or item.get_closest_marker("slow") is not None or not SLOW_FIXTURES.isdisjoint(item.fixturenames)


def pytest_collection_finish():
    """What is there by now stays: without looking at it again and again, collecting garbage takes a tenth less time."""
    gc.collect()
    gc.freeze()


def asks_the_database(item):
    """Whether pytest-django gives the test a database; it has put those that empty it behind the others."""
    return item.get_closest_marker("django_db") is not None or "django_db_setup" in item.fixturenames


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process whole files, unless told otherwise: their fixtures start servers, once and not in both."""
    if config.getoption("dist") != "load":
        return None
    from reprotech.testing.xdist_schedule import FileScheduling

    config.option.loadscopereorder = False
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config):
    """Around pytest-django's start of Django: before it the environment, after it what only tests change."""
    options = early_config.known_args_namespace
    if options.help or options.version:
        return (yield)
    if worker_number() is None:
        start_session(early_config, options.stack)
    elif options.stack == "postgresql":
        os.environ["REDIS_URL"] = valkey_database(worker_number())
    result = yield
    adjust_settings()
    return result


def worker_number():
    """1 for pytest-xdist's first worker; None in the session's own process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return int(worker.removeprefix("gw")) % 31 + 1 if worker and DIRECTORY in os.environ else None


def valkey_database(number):
    """The URL of one of the session's Valkey databases."""
    return f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"


def start_session(config, stack):
    """Start the servers and set the environment that Django reads here and in every worker."""
    processes = TestProcesses()
    config.add_cleanup(processes.close)
    (processes.directory / "static").mkdir()
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    os.environ.update(documented_variables())
    os.environ.update(
        {
            DIRECTORY: str(processes.directory),
            "DEBUG": "false",
            "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AUDIT_SIGNING_KEY_FILE": "",
            "AUDIT_TRUSTED_KEYS": "",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
            "DATABASE_URL": f"sqlite:///{processes.directory}/unused.sqlite3",
            "EMAIL_URL": "memorymail://",
            "LOG_DIR": str(processes.directory / "logs"),
            "MAINTENANCE_FILE": str(processes.directory / "maintenance.json"),
            "MFA_REQUIRED_FOR_ADMINISTRATORS": "false",
            "LOG_LEVEL": "WARNING",
            "LOG_FORMAT": "text",
        }
    )
    if stack == "postgresql":
        os.environ["DATABASE_URL"] = testing_servers.start_postgresql(processes)
        os.environ["REDIS_URL"] = f"{testing_servers.start_valkey(processes)}/0"


def documented_variables():
    """Every variable of .env.example as empty, which means its default: a developer's .env changes no test."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    return dict.fromkeys(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE), "")


def adjust_settings():
    """What tests can't have as in production."""
    from django.conf import settings
    from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

    from accounts.core import hashers
    from accounts.session_cache import bypass_flag

    directory = Path(os.environ[DIRECTORY])
    BCryptSHA256PasswordHasher.rounds = 4  # a password check takes a quarter of a second otherwise
    # Threads of a lower priority would wait for the other test processes, which keep all cores busy.
    hashers._pool = ThreadPoolExecutor(os.cpu_count(), "hashing")
    # On a busy machine half a second without an answer doesn't mean that Valkey is out of reach.
    settings.REDIS_TIMEOUT = testing_servers.PATIENCE
    bypass_flag.CHECK_SECONDS = math.inf  # a query now and then would make their numbers differ
    if settings.REDIS_URL:
        timeouts = {"SOCKET_CONNECT_TIMEOUT": settings.REDIS_TIMEOUT, "SOCKET_TIMEOUT": settings.REDIS_TIMEOUT}
        settings.CACHES["default"]["OPTIONS"].update(timeouts)
    # Static files need no collecting then.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STATIC_ROOT = directory / "static"
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "reprotech.db.sqlite":
        # In memory, Django's default, threads would share one connection. Workers append their name.
        database.setdefault("TEST", {})["NAME"] = str(directory / "test.sqlite3")


@pytest.fixture(scope="session")
def stack(request):
    """The name of the stack that this session runs with."""
    return request.config.getoption("stack")


@pytest.fixture(autouse=True)
def clear_cache():
    """No test sees what another one cached or counted."""
    clear_caches()


def clear_caches():
    """Forget all that was cached or counted."""
    from django.core.cache import cache

    from accounts import session_cache
    from accounts.session_cache import local as local_session_cache
    from accounts.throttling import rate_limits, token_calls
    from reprotech.core.process_cache import process_cache

    cache.clear()
    rate_limits.reset()
    token_calls.reset()
    session_cache.reset()
    process_cache.clear()
    local_session_cache.bypass_flag._clear_until = math.inf  # as if each had asked; tests of it forget that


@dataclass
class RunningServer:
    """A `scripts/server` that tests talk to; `env` is its environment, for `manage.py`; `log` what it printed."""

    url: str
    process: subprocess.Popen
    env: dict
    log: Path

    def lines(self):
        """What is in the files of its log, once its last lines had time to get there."""
        time.sleep(10 * BATCH_SECONDS)
        return "".join(path.read_text(errors="replace") for path in sorted(Path(self.env["LOG_DIR"]).glob("*.log*")))


@pytest.fixture(scope="session")
def processes():
    """Processes and a directory that end with this worker."""
    running = TestProcesses()
    yield running
    running.close()


@pytest.fixture(scope="session")
def server(stack, processes):
    """`scripts/server` as a person starts it, on a database of its own, with the documented administrator."""
    running = start_server(processes, stack)
    yield running
    exit_code = processes.stop(running.process)
    assert exit_code == 0, f"scripts/server ended with {exit_code}:\n{running.log.read_text()}"
    with pytest.raises(ProcessLookupError):  # a worker outlived it
        os.killpg(running.process.pid, 0)
    kept = [Path(running.env["PROMETHEUS_MULTIPROC_DIR"]), ROOT / "run" / f"server-{running.env['PORT']}.lock"]
    assert not any(path.exists() for path in kept), "it left counters or its lock behind"


def start_server(processes, stack, **variables):
    """Start `scripts/server` with the variables and return it once it answers."""
    port = testing_servers.free_port()
    home = processes.directory / f"server-{port}"
    home.mkdir()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "reprotech.tests.support.server_settings",
        "HOST": "127.0.0.1",
        # Browsers know no passkeys at an address without a name.
        "PUBLIC_URL": f"http://localhost:{port}",
        "PORT": str(port),
        "WORKERS": "2" if stack == "postgresql" else "1",
        "DEBUG": "true",
        "DATABASE_URL": variables.get("DATABASE_URL")
        or migrated_database(stack, f"server_{port}", home / "db.sqlite3"),
        "REDIS_URL": empty_valkey_database() if stack == "postgresql" else "",
        "EMAIL_URL": "consolemail://",
        "LOG_DIR": str(home / "logs"),
        "MAINTENANCE_FILE": str(home / "maintenance.json"),
        "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"),
        **variables,
    }
    log = home / "output"
    process = processes.start([ROOT / "scripts" / "server"], log, env=environment, cwd=home)
    testing_servers.wait_for(process, log, lambda: check_alive(port), patience=300)
    return RunningServer(url, process, environment, log)


def migrated_database(stack, name, path):
    """The URL of a new database with all tables: PostgreSQL's gets the name, SQLite's is the file."""
    return create_migrated(stack, name if stack == "postgresql" else path, Path(os.environ[DIRECTORY]))


def empty_valkey_database():
    """The URL of the one that this worker's servers take, emptied: guesses at an earlier server are over."""
    url = valkey_database(32 + (worker_number() or 0))
    with Redis.from_url(url) as connection:
        connection.flushdb()
    return url


def check_alive(port):
    """Raise unless the server on this port answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/health/live")
        if connection.getresponse().status != 200:
            raise ConnectionError
    finally:
        connection.close()
