"""`manage.py users`: the way in when the pages are out of reach."""

import csv
import json
import os
import pwd
import stat
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.core.catalogue import SUPER_ADMIN
from accounts.mfa.services import update_mfa_state
from accounts.models import Session, User
from audit.models import Action, AuditLog
from audit.presentation.event_text import sentence
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller
from reprotech.testing.plugin import ROOT


def users(*words):
    """What the command says."""
    out = StringIO()
    call_command("users", *words, stdout=out)
    return out.getvalue()


def latest():
    """The newest event: who, what, to whom, in words."""
    row = AuditLog.objects.first()
    return row.username, row.action, sentence(row)


def sign_in(name, password):
    return Caller().post("/api/auth/login", {"username": name, "password": password}).status_code


def printed_password(said):
    return said.partition("Password: ")[2].partition("\n")[0]


def test_a_user_is_created_with_a_password_that_is_shown_once(cast):
    said = users("create", "mira", "mira@lab.example", "--role", "Viewer", "--role", "lab_technician", "--password")
    password = printed_password(said)
    user = User.objects.get(username="mira")
    assert user.check_password(password)
    assert user.must_change_password
    assert latest() == (
        *("system", "create"),
        "system created the user mira with the roles Laboratory Technician and Viewer",
    )
    assert sign_in("mira", password) == 200
    assert password not in str(list(AuditLog.objects.values()))


def test_without_a_password_they_are_invited_and_a_service_is_not(cast, mailoutbox):
    assert "An invitation goes to mira@lab.example." in users("create", "mira", "mira@lab.example")
    assert "invitation" not in users("create", "robot", "robot@lab.example", "--service")
    assert User.objects.get(username="robot").is_service


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("create", "the-viewer", "x@lab.example"), "taken|already"),
        (("create", "mira", "no address"), "valid e-mail|valid email"),
        (("create", "mira", "m@lab.example", "--role", "Wizard"), "There is no role 'Wizard'. The roles are: Super A"),
        (("grant", "the-viewer", "Wizard"), "The roles are: Super Administrator, "),
        (("lock", "nobody"), "There is no user nobody"),
        (("list", "--status", "asleep"), "Give one of: active"),
        (("reset-factors", "the-viewer"), "no second factor"),
        (("export", "--to", "/nowhere/users.csv"), "can't be written: No such file"),
    ],
    ids=str,
)
def test_a_refusal_is_a_sentence_and_changes_nothing(cast, words, refusal):
    before = AuditLog.objects.count(), User.objects.count()
    with pytest.raises(CommandError, match=refusal):
        users(*words)
    assert (AuditLog.objects.count(), User.objects.count()) == before


def test_locking_ends_sessions_and_unlocking_lets_in_again(cast):
    caller = Caller(cast.viewer)
    assert caller.get("/api/auth/me").status_code == 200
    users("lock", "THE-VIEWER")
    assert latest() == ("system", "lock", "system locked the-viewer")
    assert caller.get("/api/auth/me").status_code == 401
    assert sign_in("the-viewer", PASSWORD) == 401
    users("unlock", cast.viewer.email)
    assert latest() == ("system", "unlock", "system unlocked the-viewer")
    assert sign_in("the-viewer", PASSWORD) == 200


def test_a_new_password_is_shown_and_the_old_one_stops_working(cast):
    password = printed_password(users("reset-password", "the-viewer"))
    assert latest()[:2] == ("system", "password_reset")
    assert sign_in("the-viewer", PASSWORD) == 401
    assert sign_in("the-viewer", password) == 200


def test_a_link_is_mailed_instead(cast):
    assert "A link to choose a password goes to" in users("reset-password", "the-viewer", "--mail")
    assert sign_in("the-viewer", PASSWORD) == 200
    assert AuditLog.objects.filter(action=Action.PASSWORD_RESET, details__sent_to=cast.viewer.email).exists()


def test_lost_second_factors_are_removed(cast):
    cast.viewer.passkeys.create(name="Key", credential_id=b"1" * 16, credential=b"2")
    update_mfa_state(cast.viewer)
    assert "no second factor now" in users("reset-factors", "the-viewer")
    assert not cast.viewer.passkeys.exists()


def test_all_sessions_of_a_user_end_at_once(cast):
    callers = [Caller(cast.viewer), Caller(cast.viewer)]
    assert [caller.get("/api/auth/me").status_code for caller in callers] == [200, 200]
    assert "2 sessions of the-viewer ended." in users("end-sessions", "the-viewer")
    assert [caller.get("/api/auth/me").status_code for caller in callers] == [401, 401]
    assert latest() == ("system", "session_revoke", "system ended all 2 sessions of the-viewer")
    assert "0 sessions of the-viewer ended." in users("end-sessions", "the-viewer")
    assert AuditLog.objects.filter(action=Action.SESSION_REVOKE).count() == 1
    assert not Session.objects.alive().filter(user=cast.viewer).exists()


def test_roles_are_given_and_taken(cast):
    assert "the-viewer has the roles Laboratory Technician, Viewer." in users(
        "grant", "the-viewer", "Laboratory Technician"
    )
    assert latest() == ("system", "role_assign", "system gave the-viewer the role Laboratory Technician")
    assert "the-viewer has the roles Laboratory Technician." in users("revoke", "the-viewer", "Viewer")
    assert "the-viewer has no role." in users("revoke", "the-viewer", "Laboratory Technician")


def test_the_last_super_administrator_stays_one(cast):
    name = cast.super_admin.username
    for words in (("revoke", name, SUPER_ADMIN), ("lock", name)):
        with pytest.raises(CommandError, match="last active Super Administrator"):
            users(*words)
    with pytest.raises(CommandError, match="last active Super Administrator"):
        users("deactivate", name)


def test_when_no_super_administrator_can_sign_in_one_is_appointed(cast):
    User.objects.filter(pk=cast.super_admin.pk).update(is_active=False)
    User.objects.filter(pk=cast.viewer.pk).update(locked_at="2030-01-01T00:00Z", is_active=False)
    said = users("grant", "the-viewer", "Super Administrator")
    assert "To unlock it: users unlock the-viewer" in said
    assert "To activate it: users activate the-viewer" in said
    users("unlock", "the-viewer")
    users("activate", "the-viewer")
    assert User.objects.active().super_administrators().get() == cast.viewer
    assert sign_in("the-viewer", PASSWORD) == 200
    assert AuditLog.objects.filter(action=Action.ROLE_ASSIGN, username="system").count() == 1


def test_users_are_listed_by_the_filters_of_the_list(cast):
    assert f"{User.objects.existing().count()} users." in users("list")
    said = users("list", "--role", "viewer", "--status", "active")
    assert said.splitlines() == [f"the-viewer <{cast.viewer.email}>  active, never signed in, Viewer", "1 user."]
    assert users("list", "--search", "no such person") == "0 users.\n"


def test_an_export_is_private_neutral_and_on_record(cast, tmp_path):
    make_user("robot", email="+robot@lab.example")
    file = tmp_path / "users.csv"
    assert "1 user in" in users("export", "--search", "robot", "--to", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["username"], row["email"]) == ("robot", "'+robot@lab.example")
    event = AuditLog.objects.first()
    assert (event.username, event.action, event.details["filters"]) == ("system", "export", {"search": "robot"})
    with pytest.raises(CommandError, match="is there already"):
        users("export", "--to", str(file))
    for_excel = tmp_path / "excel.csv"
    users("export", "--search", "robot", "--bom", "--to", str(for_excel))
    assert for_excel.read_bytes()[:11] == b"\xef\xbb\xbfusername"
    assert len(file.read_text().splitlines()) == 2


def test_the_audit_log_tells_which_command_and_who_ran_it(server):
    command = [sys.executable, ROOT / "manage.py", "users", "create", "by-hand", "hand@lab.example", "--password"]
    environment = {**server.env, "SUDO_USER": "mira"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    assert "by-hand was created." in done.stdout

    def ask(path, *more):
        done = subprocess.run(["curl", "-s", f"{server.url}/api/{path}", *more], capture_output=True, check=True)
        return json.loads(done.stdout)

    login = json.dumps({"username": "admin", "password": "Admin123!"})
    token = ask("auth/login", "-H", "Content-Type: application/json", "-d", login)["access_token"]
    found = ask("audit?resource=user&action=create&per_page=100", "-H", f"Authorization: Bearer {token}")["logs"]
    me = pwd.getpwuid(os.getuid()).pw_name
    (agent,) = {event["user_agent"] for event in found if event["resource_name"] == "by-hand"}
    assert agent == f"manage.py users ({me}, by sudo of mira)"


def test_a_service_account_gets_a_key_that_opens_what_it_names(cast, tmp_path):
    users("create", "robot", "robot@lab.example", "--service", "--role", "Administrator")
    to = tmp_path / "key"
    said = users("create-key", "robot", "--name", "Ansible", "--scope", "role_read", "--days", "90", "--to", str(to))
    text = to.read_text().strip()
    assert text not in said
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    headers = {"Authorization": f"Bearer {text}"}
    assert [Caller().get(path, headers=headers).status_code for path in ("/api/roles", "/api/users")] == [200, 403]
    shown = text[: len("rpt_0123456789ab")]
    assert f"{shown}  Ansible: role_read; until " in users("keys", "robot")
    assert users("revoke-key", "robot", shown) == f"{shown} is revoked.\n"
    assert Caller().get("/api/roles", headers=headers).status_code == 401
    assert users("keys", "robot") == "0 keys.\n"
    assert text not in str(list(AuditLog.objects.values()))


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("create-key", "the-viewer", "--name", "x", "--scope", "user_read"), "Name a service account"),
        (("create-key", "the-service", "--name", "x", "--scope", "user_raed"), "no permission user_raed"),
        (("create-key", "the-service", "--name", "x", "--scope", "user_read", "--days", "9999"), "from 1 to 730"),
        (("create-key", "the-service", "--name", "x", "--scope", "user_read", "--address", "here"), "no address"),
        (("create-key", "the-service", "--name", "", "--scope", "user_read"), "blank"),
        (("revoke-key", "the-service", "rpt_0123456789ab"), "has no key rpt_0123456789ab"),
    ],
)
def test_a_key_that_can_not_be_made_says_why(cast, tmp_path, words, refusal):
    users("create", "the-service", "service@lab.example", "--service", "--role", "Administrator")
    to = tmp_path / "key"
    with pytest.raises(CommandError, match=refusal):
        users(*words, *(("--to", str(to)) if words[0] == "create-key" else ()))
    assert not to.exists()


def test_a_key_is_not_made_for_a_file_that_is_there(cast, tmp_path):
    users("create", "robot", "robot@lab.example", "--service", "--role", "Administrator")
    to = tmp_path / "key"
    to.write_text("mine")
    with pytest.raises(CommandError, match=r"is there already. Name a new file"):
        users("create-key", "robot", "--name", "x", "--scope", "user_read", "--to", str(to))
    assert (to.read_text(), users("keys", "robot")) == ("mine", "0 keys.\n")
