"""The page of settings: everything that is in force, in words, from where, and no secret."""

import base64
import os
import re
from datetime import timedelta
from html import unescape

import pytest

from reprotech import __version__
from reprotech.settings_page.catalogue import GROUPS, VARIABLES, Variable
from reprotech.settings_page.words import value_in_words
from reprotech.testing.client import Caller, page_client
from reprotech.testing.plugin import documented_variables

pytestmark = pytest.mark.only_on("sqlite")  # what the settings are depends on no database
MARKER = "Zq7"
PRIVATE_KEY = base64.b64encode(MARKER.encode() * 11)[:44].decode()
#: Each of them with a value that must not be shown, or parts that mustn't.
SECRETS = {
    "SECRET_KEY": f"{MARKER}-one-" * 8,
    "SECRET_KEY_FALLBACKS": f"{MARKER}-two-" * 8,
    "JWT_SECRET_KEY": f"{MARKER}-three-" * 8,
    "JWT_SECRET_KEY_FALLBACKS": f"{MARKER}-four-" * 8,
    "JWT_SIGNING_KEY": PRIVATE_KEY,
    "AUDIT_SIGNING_KEY": PRIVATE_KEY,
    "ADMIN_PASSWORD": MARKER,
    "METRICS_TOKEN": MARKER,
    "DATABASE_URL": f"postgresql://{MARKER}:{MARKER}@db.test:5433/reprotech?sslpassword={MARKER}",
    "REDIS_URL": f"rediss://{MARKER}:{MARKER}@redis.test:6379/0",
    "EMAIL_URL": f"smtp+tls://{MARKER}:{MARKER}@mail.test:587",
    "AUDIT_ANCHOR_URL": f"https://hook.test/{MARKER}?key={MARKER}",
    "BACKUP_RECIPIENTS": f"age1{MARKER},age1{MARKER}",
}


@pytest.fixture
def reader(cast):
    return page_client(cast.manager)


def page_of(client, query=""):
    response = client.get(f"/settings{query}")
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def row_of(page, name):
    """The text of the row of a variable."""
    row = page.partition(f'<tr id="{name}">')[2].partition("</tr>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", row).split())


def test_every_variable_of_the_example_has_a_row_a_name_and_an_explanation(reader):
    page = page_of(reader)
    for name in documented_variables():
        assert page.count(f'<tr id="{name}">') == 1, name
        row = page.partition(f'<tr id="{name}">')[2].partition("</tr>")[0]
        assert f"{name}</code>" in row
        assert re.search(r"<summary>[A-Z]\S.*?</summary> <p>.{20}", row), name
    assert sorted(variable.name for variable in VARIABLES) == sorted(documented_variables())
    assert 'id="other"' not in page


def test_each_group_names_a_document_that_exists(settings):
    for group in GROUPS:
        assert (settings.BASE_DIR / "docs" / f"{group.document}.md").is_file()


def test_no_secret_is_on_the_page_nor_a_part_of_one(reader, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    page = page_of(reader)
    for trace in (MARKER, PRIVATE_KEY, *SECRETS.values()):
        assert trace not in page
    for name in ("SECRET_KEY", "JWT_SECRET_KEY_FALLBACKS", "AUDIT_SIGNING_KEY", "ADMIN_PASSWORD", "METRICS_TOKEN"):
        assert f"{name} Set Environment" in row_of(page, name).replace(".env file", "Environment"), name
    assert "PostgreSQL: db.test:5433/reprotech" in row_of(page, "DATABASE_URL")
    assert "Redis, encrypted: redis.test:6379/0" in row_of(page, "REDIS_URL")
    assert "SMTP with STARTTLS: mail.test:587" in row_of(page, "EMAIL_URL")
    assert "hook.test" in row_of(page, "AUDIT_ANCHOR_URL")
    assert "2 keys" in row_of(page, "BACKUP_RECIPIENTS")


@pytest.mark.parametrize("between", ["#", "/", "?", "@", ":", "://", "@x/", "[", "%", "?@", " "])
@pytest.mark.parametrize("scheme", ["postgresql", "redis", "smtp+tls", "https"])
def test_no_part_of_a_password_is_shown_that_was_not_written_as_it_must(settings, monkeypatch, scheme, between):
    kind = {"postgresql": "database", "redis": "redis", "smtp+tls": "email", "https": "webhook"}[scheme]
    monkeypatch.setitem(settings.ENV.kinds, "PLACE", kind)
    monkeypatch.setenv("PLACE", f"{scheme}://me:Zq7{between}Zq8@host.test:12/db")
    assert "Zq" not in value_in_words(settings.ENV, Variable("PLACE", "A place"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PAGE_SESSION_HOURS", "1", "1 hour"),
        ("PAGE_SESSION_HOURS", "12", "12 hours"),
        ("TOKEN_CALLS_PER_MINUTE", "6000", "6,000 calls"),
        ("PASSWORD_MAX_AGE_DAYS", "0", "Never"),
        ("AUDIT_SEAL_SECONDS", "0", "Not by the server"),
        ("SSL_REQUIRED", "yes", "On"),
        ("SSL_REQUIRED", "FALSE", "Off"),
        ("ALLOWED_HOSTS", "a.test,b.test", "a.test, b.test"),
        ("TRUSTED_PROXIES", "", "None"),
        ("EMAIL_URL", "consolemail://", "Only shown in the server's output"),
        ("DATABASE_URL", "sqlite:////var/lib/lab.db", "SQLite: /var/lib/lab.db"),
        ("AUDIT_ANCHOR_URL", "", "Not set"),
    ],
)
def test_values_are_in_words(settings, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    (variable,) = [variable for variable in VARIABLES if variable.name == name]
    assert value_in_words(settings.ENV, variable) == words


def test_a_row_says_where_its_value_came_from(reader, settings, monkeypatch):
    monkeypatch.setenv("SUDO_MINUTES", "7")
    monkeypatch.setattr(settings.ENV, "from_process", {"SUDO_MINUTES"})
    monkeypatch.setenv("KNOWN_DEVICE_DAYS", "8")
    monkeypatch.delenv("PAGE_IDLE_MINUTES", raising=False)
    page = page_of(reader)
    assert "7 minutes Environment" in row_of(page, "SUDO_MINUTES")
    assert "8 days .env file" in row_of(page, "KNOWN_DEVICE_DAYS")
    assert "60 minutes Default" in row_of(page, "PAGE_IDLE_MINUTES")
    chosen = page_of(reader, "?show=chosen")
    assert 'id="SUDO_MINUTES"' in chosen
    assert 'id="PAGE_IDLE_MINUTES"' not in chosen


def test_version_build_and_the_time_since_which_all_is_in_force_are_shown(reader, settings):
    page = page_of(reader)
    assert __version__ in page
    assert settings.BUILD_ID[:8] in page
    assert f'datetime="{settings.ENV.read_at.isoformat()}"' in page
    assert 'href="/api/docs"' in page


def test_an_env_file_that_was_changed_since_is_pointed_out(reader, settings, monkeypatch, tmp_path):
    file = tmp_path / ".env"
    file.write_text("")
    monkeypatch.setattr(settings.ENV, "env_file", file)
    later = (settings.ENV.read_at + timedelta(hours=1)).timestamp()
    os.utime(file, (later, later))
    assert "Restart the server for its changes to take effect." in page_of(reader)
    os.utime(file, (1, 1))
    assert "Restart the server for" not in page_of(reader)


def test_what_is_unsafe_is_said_next_to_its_setting(reader, settings):
    settings.DEBUG = True
    assert "Failures show code and settings" in row_of(page_of(reader), "DEBUG")


def test_roles_that_require_two_factor_authentication_are_named(reader):
    from accounts.models import Role

    Role.objects.filter(slug="researcher").update(requires_factor=True)
    page = page_of(reader)
    assert "Roles that require it:" in page
    assert ">Researcher</a>" in page


def test_the_page_stands_in_the_sidebar_for_those_who_may_open_it_alone(cast, reader):
    assert 'data-keys="g s"' in page_of(reader)
    stranger = page_client(cast.viewer)
    assert 'href="/settings"' not in stranger.get("/profile").content.decode()
    assert stranger.get("/settings").status_code == 403


def test_settings_are_found_by_search(cast, reader):
    headers = {"HTTP_ACCEPT": "application/json"}
    for text in ("idle", "page_idle"):
        groups = {
            group["kind"]: group["results"] for group in reader.get("/search", {"q": text}, **headers).json()["groups"]
        }
        assert "/settings#PAGE_IDLE_MINUTES" in [result["url"] for result in groups["settings"]]
    groups = {
        group["kind"]: group["results"]
        for group in reader.get("/search", {"q": "configuration"}, **headers).json()["groups"]
    }
    assert [result["url"] for result in groups["pages"]] == ["/settings"]


def test_the_api_has_what_the_page_shows(cast, reader):
    caller = Caller(cast.manager)
    answer = caller.get("/api/settings").json()
    assert answer["version"] == __version__
    assert answer["in_force_since"].endswith("Z")
    assert [group["name"] for group in answer["groups"]] == [group.slug for group in GROUPS]
    found = {row["name"]: row for group in answer["groups"] for row in group["settings"] if row["name"]}
    assert found.keys() == set(documented_variables())
    page = page_of(reader)
    for name, row in found.items():
        assert row["value"] in page, name
        assert row["explanation"]
    assert found["LAB_NAME"]["source"] in {"default", "environment", ".env"}
    assert found["SECRET_KEY"]["value"] == "Set"
    assert Caller(cast.viewer).get("/api/settings").status_code == 403
