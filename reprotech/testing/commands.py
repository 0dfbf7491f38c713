"""`manage.py` for tests: a process for each command, forked from one that has imported the libraries.

Importing them is two thirds of a command's processor time. Only what needs no settings and nothing of ours is imported
beforehand, so a command reads its settings and loads our code by itself, as when an operator types it.
"""

import atexit
import gc
import multiprocessing
import os
import runpy
import sys
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

#: Thresholds of Python's garbage collection. Modules are no garbage: to look for some at every 700th object takes a
#: fifth of the time that it takes to import them.
FEW_COLLECTIONS = (100_000, 50, 100)
MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
LIBRARIES = [
    "authlib.oauth2.rfc8628",
    "authlib.oidc.core",
    "bcrypt",
    "concurrent_log_handler",
    "confusable_homoglyphs.confusables",
    "corsheaders.middleware",
    "cryptography.fernet",
    "dateutil.parser",
    "django.contrib.admin.options",
    "django.contrib.admin.views.main",
    "django.contrib.admindocs.views",
    "django.contrib.auth.hashers",
    "django.contrib.auth.management",
    "django.contrib.humanize.templatetags.humanize",
    "django.contrib.postgres.indexes",
    "django.contrib.postgres.search",
    "django.contrib.sessions.middleware",
    "django.core.mail.backends.smtp",
    "django.core.management",
    "django.core.management.commands.migrate",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.test.client",
    "django.test.utils",
    "django_htmx.middleware",
    "django_redis.client",
    "docutils.core",
    "docutils.parsers.rst.roles",
    "drf_spectacular.utils",
    "environ",
    "fido2.server",
    "jwt",
    "limits",
    "markdown_it",
    "orjson",
    "prometheus_client",
    "psycopg_pool",
    "pyotp",
    "pyrage",
    "rest_framework.serializers",
    "segno",
    "whitenoise.middleware",
]
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(LIBRARIES)


def manage(*words, **options):
    """Run `python manage.py` to its end, like `subprocess.run(…, capture_output=True, text=True)`."""
    return _run(_become_manage, [*map(str, words)], **options)


def evaluate(code, **options):
    """The same for `python -c`."""
    return _run(_execute, code, **options)


def _run(work, argument, *, env, cwd=MANAGE.parent, timeout=240):
    with TemporaryDirectory() as directory:
        paths = [Path(directory, name) for name in ("output", "errors")]
        process = _forks.Process(target=_become, args=(work, argument, dict(env), str(cwd), paths))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{argument} took more than {timeout} s")
        return CompletedProcess(argument, process.exitcode, *(path.read_text() for path in paths))


def _become(work, argument, env, directory, paths):
    """In the forked process."""
    gc.set_threshold(*FEW_COLLECTIONS)
    for descriptor, path in enumerate(paths, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(directory)
    sys.path[0] = str(MANAGE.parent)
    try:
        work(argument)
    finally:
        atexit._run_exitfuncs()  # a process of multiprocessing ends without them


def _execute(code):
    exec(code, {"__name__": "__main__"})  # noqa: S102 (as `python -c` would)


def _become_manage(words):
    sys.argv = ["manage.py", *words]
    runpy.run_path(str(MANAGE), run_name="__main__")
