"""`manage.py check_config` explains every setting, hides secrets and tells what is unsafe."""

import base64
import os
import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks

from reprotech.conf.deploy_checks import unsafe_settings
from reprotech.conf.env import Environment
from reprotech.testing.commands import manage
from reprotech.testing.plugin import documented_variables

pytestmark = pytest.mark.only_on("sqlite")  # it looks at settings, not at servers
SAFE = {
    "SECRET_KEY": "one-" * 12,
    "JWT_SECRET_KEY": "two-" * 12,
    "AUDIT_SIGNING_KEY": base64.b64encode(bytes(range(32))).decode(),
    "ALLOWED_HOSTS": "lab.test",
    "PUBLIC_URL": "https://lab.test",
    "SSL_REQUIRED": "true",
    "TRUSTED_PROXIES": "127.0.0.1",
    "DATABASE_URL": "postgresql://reprotech@db.test/reprotech?sslmode=verify-full",
    "REDIS_URL": "rediss://:word@redis.test/0",
    "EMAIL_URL": "smtp+tls://me:word@mail.test:587",
    "AUDIT_ANCHOR_EMAIL": "auditor@lab.test",
    "BACKUP_RECIPIENTS": "age1one",
    "ADMIN_EMAIL": "chief@lab.test",
}


def check(tmp_path, *options, **variables):
    """Exit code and output, with these variables alone."""
    environment = {**os.environ, **documented_variables(), **SAFE, "LOG_DIR": str(tmp_path / "logs"), **variables}
    done = manage("check_config", *options, env=environment)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_every_setting_is_explained(tmp_path):
    # No command needs the directory in which a server keeps its counters.
    code, said = check(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "not made"))
    assert code == 0
    assert said.endswith("Reprotech starts with these settings. Unsafe: nothing.\n")
    assert re.findall(r"^    (\w+) = ", said, re.MULTILINE) == list(documented_variables())
    assert "true sends browsers from http to https" in said
    assert "    ALLOWED_HOSTS = lab.test   [environment]" in said
    assert "    ACCESS_TOKEN_MINUTES = 60   [default]" in said
    assert "true sends browsers" not in check(tmp_path, "--brief")[1]
    assert not (tmp_path / "logs").exists()


def test_no_secret_is_shown_whatever_it_looks_like(tmp_path):
    secret = "Zq7"
    variables = {
        "SECRET_KEY": f"{secret}-one-" * 8,
        "JWT_SECRET_KEY": f"{secret}-two-" * 8,
        "SECRET_KEY_FALLBACKS": f"{secret}-three-" * 8,
        "AUDIT_SIGNING_KEY": base64.b64encode(f"{secret}".encode() * 11)[:44].decode(),
        "DATABASE_URL": f"postgresql://me:{secret}@db.test/reprotech?sslmode=require&sslpassword={secret}",
        "DATABASE_DIRECT_URL": f"postgresql://owner:{secret}@db.test/reprotech?sslmode=require",
        "REDIS_URL": f"rediss://:{secret}@redis.test:6379/0",
        "EMAIL_URL": f"smtp+tls://me:{secret}@mail.test:587",
        "AUDIT_ANCHOR_URL": f"https://hook.test/{secret}?key={secret}",
        "ADMIN_PASSWORD": secret,
        "METRICS_TOKEN": secret,
    }
    _, said = check(tmp_path, **variables)
    assert secret not in said
    assert "DATABASE_URL = postgresql://me:(hidden)@db.test/reprotech?(hidden)" in said
    assert "AUDIT_ANCHOR_URL = https://hook.test/(hidden)?(hidden)" in said


@pytest.mark.parametrize("between", ["#", "/", "?", "@", ":", "://", "@x/", "[", "%", "?@", " "])
@pytest.mark.parametrize("name", ["DATABASE_URL", "EMAIL_URL", "REDIS_URL"])
def test_no_part_of_a_password_is_shown_that_was_not_written_as_it_must(tmp_path, monkeypatch, name, between):
    from reprotech.management.commands.check_config import redacted_value

    address = {"DATABASE_URL": "postgresql", "EMAIL_URL": "smtp+tls", "REDIS_URL": "redis"}[name]
    monkeypatch.setenv(name, f"{address}://me:Zq7{between}Zq8@host.test:12/db")
    monkeypatch.setattr(Environment, "inspecting", True)
    env = Environment(tmp_path / ".env")
    {
        "DATABASE_URL": lambda: env.database(name, "sqlite:///x", tmp_path),
        "EMAIL_URL": lambda: env.email(name, "consolemail://"),
        "REDIS_URL": lambda: env.redis(name),
    }[name]()
    assert "Zq" not in redacted_value(env, name)


def test_all_that_is_refused_is_told_at_once(tmp_path):
    code, said = check(
        tmp_path,
        SECRET_KEY="",
        JWT_SECRET_KEY="short",
        ALLOWED_HOSTS="*",
        DATABASE_URL="mysql://a:b@c/d",
        ACCESS_TOKEN_MINUTES="many",
        AUDIT_RETENTION_DAYS="7",
    )
    assert code == 1
    assert re.findall(r"^Refused: (\w+)", said, re.MULTILINE) == [
        *("SECRET_KEY", "JWT_SECRET_KEY", "ALLOWED_HOSTS", "AUDIT_RETENTION_DAYS", "DATABASE_URL"),
        "ACCESS_TOKEN_MINUTES",
    ]
    assert said.endswith("Reprotech can't start with these settings.\n")


def test_several_servers_are_taken_where_they_work(tmp_path):
    hosts = "postgresql://me@127.0.0.1:5432,localhost:5433/reprotech?target_session_attrs=read-write"
    code, said = check(tmp_path, "--brief", DATABASE_URL=hosts, REDIS_URL="redis://one.test,two.test:6379/0")
    assert code == 1
    assert "Refused: REDIS_URL must name one server: several (Sentinel, Cluster) are not supported.\n" in said
    assert "Unsafe: Nothing makes the connection encrypted" not in said


def test_other_commands_still_stop_at_the_first(tmp_path):
    environment = {**os.environ, **documented_variables(), **SAFE, "SECRET_KEY": "", "LOG_DIR": str(tmp_path)}
    done = manage("check", env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("Reprotech can't start: SECRET_KEY is required")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DEBUG", "true"),
        ("SSL_REQUIRED", "false"),
        ("TRUSTED_PROXIES", ""),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "10.0.0.0/16"),
        ("TRUSTED_PROXIES", "127.0.0.1,2001:db8::/48"),
        ("ALLOWED_HOSTS", "other.test"),
        ("PUBLIC_URL", "http://lab.test"),
        ("CORS_ORIGINS", "http://lims.test"),
        ("DATABASE_URL", "sqlite:///x.db"),
        ("DATABASE_URL", "postgresql://me@db.test/reprotech"),
        ("DATABASE_URL", "postgresql://me@127.0.0.1,db.test/reprotech"),
        ("DATABASE_URL", "postgresql:///reprotech?host=db.test"),
        ("DATABASE_POOL_SIZE", "16"),
        ("REDIS_URL", "rediss://redis.test/0"),
        ("REDIS_URL", "redis://:word@redis.test/0"),
        ("EMAIL_URL", "consolemail://"),
        ("EMAIL_URL", "smtp://me:word@mail.test"),
        ("ADMIN_SETS_PASSWORDS", "true"),
        ("RATE_LIMIT_ENABLED", "false"),
        ("MFA_REQUIRED_FOR_ADMINISTRATORS", "false"),
        ("ADMIN_PASSWORD", "Correct-Horse-7"),
        ("ADMIN_EMAIL", ""),
        ("LOG_LEVEL", "DEBUG"),
        ("AUDIT_SEAL_SECONDS", "0"),
        ("AUDIT_VERIFY_HOURS", "0"),
        ("BACKUP_RECIPIENTS", ""),
    ],
)
def test_what_is_unsafe_is_told_beside_it(tmp_path, variable, value):
    code, said = check(tmp_path, "--brief", "--strict", **{variable: value})
    assert code == 1
    lines = said.splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith(f"    {variable} = "))
    assert lines[place + 1].startswith("        Unsafe: ")


def test_a_log_that_nobody_outside_can_vouch_for_is_told(tmp_path):
    code, said = check(tmp_path, "--brief", AUDIT_ANCHOR_EMAIL="")
    assert code == 0  # without --strict
    assert "No checkpoint leaves this server" in said
    assert "Unsafe: 1." in said


def test_a_setting_says_that_it_stands_in_the_file_and_the_process_wins(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("OPS_ONE=from file\nOPS_TWO=from file\nOPS_NONE=\n")
    monkeypatch.setenv("OPS_TWO", "from process")
    monkeypatch.delenv("OPS_ONE", raising=False)
    env = Environment(file)
    names = ("OPS_ONE", "OPS_TWO", "OPS_NONE", "OPS_OTHER")
    try:
        assert [env.text(name, "x") for name in names] == ["from file", "from process", "x", "x"]
        assert [env.source(name) for name in names] == [".env", "environment", "default", "default"]
    finally:
        os.environ.pop("OPS_ONE")


def test_check_deploy_says_the_same_and_other_checks_do_not(settings):
    settings.EMAIL_BACKEND, settings.RATE_LIMIT_ENABLED = "anything", False
    said = [str(message) for message in run_checks(include_deployment_checks=True)]
    warnings = [str(warning) for warning in unsafe_settings()]
    assert "RATE_LIMIT_ENABLED: (reprotech.W003) Nothing limits how often passwords can be tried." in warnings
    assert set(warnings) <= set(said)
    assert not set(warnings) & {str(message) for message in run_checks()}


def test_secrets_that_others_can_open_are_told(tmp_path, settings, monkeypatch):
    file, key = tmp_path / ".env", tmp_path / "key"
    for path in (file, key):
        path.touch(0o600)
    settings.AUDIT_SIGNING_KEY_FILE = str(key)
    monkeypatch.setattr(settings.ENV, "env_file", file)
    private = {warning.obj for warning in unsafe_settings()}
    file.chmod(0o644)
    key.chmod(0o604)
    assert {warning.obj for warning in unsafe_settings()} - private == {"SECRET_KEY", "AUDIT_SIGNING_KEY_FILE"}


def test_a_misspelt_name_is_told(tmp_path, monkeypatch):
    from reprotech.management.commands.check_config import unknown_variables

    file = tmp_path / ".env"
    file.write_text("DATABSE_URL=sqlite:///x\nPOSTGRES_PASSWORD=word\nSECRET_KEY=fine\n")
    monkeypatch.setattr(django_settings.ENV, "env_file", Path(file))
    (sentence,) = unknown_variables(django_settings.ENV)
    assert "DATABSE_URL, which nothing reads. Do you mean DATABASE_URL?" in sentence
