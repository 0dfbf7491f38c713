"""The nine packages that the product is asked for do their work in it.

That a package is installed, imported or listed in a setting proves nothing. So a recorder notes which of its functions
run while someone signs in, reads and changes something, and which code of ours called them.
"""

import re
import sys
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from auditlog import get_logentry_model
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import User
from audit.models import AuditLog
from reprotech.conf.env import Environment
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller
from reprotech.testing.plugin import ROOT

#: {package as it is asked for: the module that it brings}.
MODULES = {
    "django": "django",
    "djangorestframework": "rest_framework",
    "djangorestframework-simplejwt": "rest_framework_simplejwt",
    "django-auditlog": "auditlog",
    "django-environ": "environ",
    "psycopg": "psycopg",
    "django-redis": "django_redis",
    "django-htmx": "django_htmx",
    "pytest-django": "pytest_django",
}
README = (ROOT / "README.md").read_text()
REQUIREMENTS = [(ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt")]


class Recorder:
    """Which functions of these packages ran, each with the module whose code called into the package."""

    def __init__(self):
        found = {name: Path(find_spec(name).origin) for name in MODULES.values()}
        self._directories = {f"{path.parent}/": name for name, path in found.items()}
        self._known = {}
        self.calls = set()

    def package_of(self, file):
        """The package that a file belongs to, or `ours`, or nothing."""
        if file not in self._known:
            ours = {"ours": file.startswith(f"{ROOT}/") and not re.search("/(tests|[.]venv)/|/testing[.]py$", file)}
            theirs = {name: file.startswith(directory) for directory, name in self._directories.items()}
            self._known[file] = next((name for name, holds in {**theirs, **ours}.items() if holds), "")
        return self._known[file]

    def __call__(self, frame, event, _):
        """As sys.setprofile wants it."""
        if event != "call":
            return
        package = self.package_of(frame.f_code.co_filename)
        if package in {"", "ours"}:
            return
        caller = frame.f_back
        while caller and self.package_of(caller.f_code.co_filename) == package:
            caller = caller.f_back
        if caller:
            module = frame.f_globals["__name__"]
            self.calls.add((f"{module}.{frame.f_code.co_qualname}", caller.f_globals.get("__name__", "")))

    @contextmanager
    def running(self):
        """Note what runs in this thread."""
        before = sys.getprofile()
        sys.setprofile(self)
        try:
            yield self
        finally:
            sys.setprofile(before)


#: (package, a function of it, the part of ours that calls it; or Django, where settings of ours name its class).
WORK = [
    ("django", "django.db.transaction.Atomic.__enter__", "accounts"),
    ("django", "django.template.loader.render_to_string", "reprotech"),
    ("djangorestframework", "rest_framework.views.APIView.check_permissions", "reprotech"),
    ("djangorestframework", "rest_framework.serializers.BaseSerializer.is_valid", "reprotech"),
    ("djangorestframework-simplejwt", "rest_framework_simplejwt.tokens.Token.__str__", "accounts"),
    ("djangorestframework-simplejwt", "rest_framework_simplejwt.tokens.Token.verify", "accounts"),
    ("djangorestframework-simplejwt", "rest_framework_simplejwt.backends.TokenBackend.decode", "accounts"),
    (
        "djangorestframework-simplejwt",
        "rest_framework_simplejwt.authentication.JWTAuthentication.authenticate",
        "rest_framework",
    ),
    ("django-auditlog", "auditlog.receivers.log_update", "django"),
    ("django-auditlog", "auditlog.diff.model_instance_diff", "audit"),
    ("django-environ", "environ.environ.Env.read_env", "reprotech"),
    ("django-environ", "environ.environ.Env.db_url_config", "reprotech"),
    ("psycopg", "psycopg.cursor.Cursor.execute", "django"),
    ("psycopg", "psycopg.cursor.Cursor.execute", "reprotech"),
    ("django-redis", "django_redis.cache.RedisCache.get", "accounts"),
    ("django-redis", "django_redis.get_redis_connection", "accounts"),
    ("django-htmx", "django_htmx.middleware.HtmxMiddleware.__call__", "django"),
    ("django-htmx", "django_htmx.middleware.HtmxDetails.__bool__", "reprotech"),
]
#: What runs with PostgreSQL and Redis alone.
OF_PRODUCTION = {"psycopg", "django-redis"}


@pytest.fixture
def recorded(cast, tmp_path):
    """What ran while settings were read, people signed in by token and by page, and an account was changed."""
    (tmp_path / ".env").touch()
    with Recorder().running() as recorder:
        Environment(tmp_path / ".env").database("DATABASE_URL", "sqlite:///lab.db", tmp_path)
        signed_in = Caller().post("/api/auth/login", {"username": "the-super_admin", "password": PASSWORD}).json()
        token = {"HTTP_AUTHORIZATION": f"Bearer {signed_in['access_token']}"}
        assert Caller().get("/api/users", **token).status_code == 200
        changed = Caller().patch(f"/api/users/{cast.viewer.pk}", {"first_name": "Ann"}, **token)
        assert changed.json()["user"]["first_name"] == "Ann"
        browser = Client()
        browser.post("/login", {"username": "the-manager", "password": PASSWORD})
        assert browser.get("/users", headers={"HX-Request": "true"}).status_code == 200
        user = User.objects.get(pk=cast.viewer.pk)
        user.last_name = "Berg"
        user.save()
        User.objects.filter(pk=user.pk).update(last_name="Holm")
    return recorder.calls


@pytest.mark.django_db
def test_each_package_runs_because_code_of_ours_calls_it(recorded, stack):
    expected = {entry for entry in WORK if stack == "postgresql" or entry[0] not in OF_PRODUCTION}
    ran = {(function, caller.split(".")[0]) for function, caller in recorded}
    assert {entry for entry in expected if entry[1:] not in ran} == set()
    assert {package for package, *_ in WORK} | {"pytest-django"} == MODULES.keys()


@pytest.mark.django_db
def test_django_auditlog_writes_into_our_log_and_has_no_table(cast):
    assert get_logentry_model() is AuditLog
    cast.viewer.last_name = "Berg"
    cast.viewer.save()
    row = AuditLog.objects.latest("pk")
    assert (row.resource_name, row.changes, row.details["source"]) == ("the-viewer", {"last_name": ["", "Berg"]}, "orm")
    assert [table for table in connection.introspection.table_names() if table.startswith("auditlog")] == []


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db
def test_the_database_and_the_cache_are_reached_through_psycopg_and_django_redis():
    connection.ensure_connection()
    assert isinstance(connection.connection, psycopg.Connection)
    cache.set("named-packages", 1)
    assert b"named-packages" in b"".join(cache.client.get_client().keys())
    assert type(cache.client).__module__.startswith("django_redis.")


@pytest.mark.django_db
def test_pages_load_the_htmx_of_django_htmx_and_answer_it_with_a_part(cast):
    browser = Client()
    browser.post("/login", {"username": "the-manager", "password": PASSWORD})
    page = browser.get("/users").content.decode()
    script = re.search(rf'<script src="{settings.STATIC_URL}(django_htmx/[^"]+)"', page)[1]
    source = Path(finders.find(script))
    assert source.is_relative_to(Path(find_spec("django_htmx").origin).parent)
    assert re.search(r'version:"2\.[0-9.]+"', source.read_text())
    part = browser.get("/users", headers={"HX-Request": "true"})
    assert "HX-Request" in part["Vary"]
    assert "<html" in page
    assert "<html" not in part.content.decode()


def test_pytest_django_keeps_tests_that_did_not_ask_from_the_database():
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        User.objects.exists()


@pytest.mark.parametrize("package", MODULES)
def test_each_package_is_required_in_one_version_with_its_reason(package):
    (line,) = re.findall(rf"^{package}(?:\[[a-z,]+\])?==.*$", "\n".join(REQUIREMENTS), re.IGNORECASE | re.MULTILINE)
    pin, _, reason = line.partition("  # ")
    assert version(package) == pin.partition("==")[2].strip()
    assert len(reason.split()) >= 2
    assert f"| {package} |" in README


def test_each_direct_requirement_has_a_reason():
    """Those that come with them, such as psycopg's compiled part, are named without."""
    direct = REQUIREMENTS[0].partition("# What the above needs")[0]
    lines = [line for line in direct.splitlines() if line and not line.startswith("#")]
    brought = {"psycopg-binary", "psycopg-pool", "redis[hiredis]", "hiredis"}
    assert {line.partition("==")[0] for line in lines if "#" not in line} == brought
