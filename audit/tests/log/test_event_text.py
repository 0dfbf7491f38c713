"""Every action, done and refused, reads as a sentence."""

import pytest

from audit.models import Action, AuditLog
from audit.presentation.changes import ChangeRow, change_rows
from audit.presentation.event_text import sentence
from audit.templatetags.audit import stored_time
from audit.tests.support.review_sentences import REVIEW_SENTENCES

pytestmark = pytest.mark.only_on("sqlite")  # texts are made of events that are never stored

U, R = {"resource": "user", "resource_name": "newuser"}, {"resource": "role", "resource_name": "Night Shift"}
NO = {"success": False}
GONE = {"username": "", "actor_opening": b"x" * 32}
FILE = {"file": "hr.csv", "mode": "update", "created": 1200, "changed": 0, "ended": 2}
APP = {"resource": "application", "resource_name": "Grafana"}
HIDDEN = {"resource": "user", "resource_id": "7", "subject_opening": b"x" * 32}


def event(action, details=None, **fields):
    return AuditLog(**{"username": "admin", "action": action, "resource": "auth", "details": details or {}, **fields})


def changed(**changes):
    return {"changes": {field: list(pair) for field, pair in changes.items()}}


KEY = {"key": "rpt_0123456789ab"}

GRAFANA = {"resource": "application", "resource_name": "Grafana"}
EVE = {"resource": "user", "resource_name": "eve"}
POSTGRES = {"source": "database", "database_role": "postgres", "application": "psql", "table": "users"}
BY_PSQL = "The database role postgres (psql)"
#: Action, details, what it is about, and the sentence.
CAPTURED = [
    (
        "update",
        {"verbs": ["update"], "columns": ["is_active", "password_hash"]},
        {},
        f"{BY_PSQL} changed the status and password of the user eve directly in the database",
    ),
    (
        "role_assign",
        {"verbs": ["insert"], "table": "user_roles", "roles": ["Manager"]},
        {},
        f"{BY_PSQL} gave the user eve the role Manager directly in the database",
    ),
    (
        "role_revoke",
        {"verbs": ["delete"], "table": "user_roles", "roles": ["Manager", "Viewer"]},
        {},
        f"{BY_PSQL} took the roles Manager and Viewer from the user eve directly in the database",
    ),
    (
        "update",
        {"verbs": ["insert"], "table": "role_permissions", "added": ["user_delete"]},
        {"resource": "role", "resource_name": "Guest"},
        f"{BY_PSQL} gave the role Guest user_delete directly in the database",
    ),
    (
        "key_create",
        {"verbs": ["insert"], "table": "api_keys"},
        {},
        f"{BY_PSQL} added an API key to the user eve directly in the database",
    ),
    (
        "update",
        {"verbs": ["update"], "table": "api_keys", "columns": ["expires_at"]},
        {"subject_opening": b"x" * 32, "resource_name": "", "resource_id": "7"},
        f"{BY_PSQL} changed the expiry of an API key of an erased person (user 7) directly in the database",
    ),
    ("create", {"verbs": ["insert"]}, {}, f"{BY_PSQL} created the user eve directly in the database"),
    (
        "delete",
        {"verbs": ["truncate"]},
        {"resource_name": ""},
        f"{BY_PSQL} removed everything from the table users directly in the database",
    ),
]
DIRECTLY = " directly, not through a service of Reprotech"


def direct(action, details=None, **fields):
    """An event of what no service did, to something of newuser's."""
    return event(action, {**(details or {}), "source": "orm"}, **{**U, **fields})


DIRECT = [
    (direct("password_reset", {"concealed": ["password"]}), "admin changed the password of newuser"),
    (
        direct("update", {**changed(is_active=[True, False]), "concealed": ["password"]}),
        "admin changed the status and password of the user newuser",
    ),
    (direct("role_assign", {"roles": ["A"]}), "admin gave newuser the role A"),
    (
        direct("update", {"record": "api_key", **KEY, **changed(expires_at=["a", "b"], scopes=[[], ["c"]])}),
        "admin changed the expiry and scopes of the API key rpt_0123456789ab of newuser",
    ),
    (direct("update", {"record": "api_key", **KEY}), "admin changed the API key rpt_0123456789ab of newuser"),
    (direct("update", {"record": "recovery_code", "row": "created"}), "admin added a recovery code of newuser"),
    (direct("update", {"record": "outgoing_mail", "row": "created"}), "admin added an outgoing mail of newuser"),
    (
        direct("update", {"record": "email_change", "row": "deleted"}),
        "admin removed an unconfirmed e-mail address of newuser",
    ),
    (
        direct("update", {"record": "passkey", "concealed": ["credential"]}),
        "admin changed the public key of the passkey of newuser",
    ),
    (direct("update", {"record": "unknown"}), "admin changed the user newuser"),
    (direct("factor_add", {"kind": "passkey"}), "admin set up a passkey for newuser"),
    (direct("factor_remove", {"kind": "totp"}), "admin removed an authenticator app as second factor of newuser"),
    (direct("create", resource="session"), "admin created a session of newuser"),
    (direct("update", {"concealed": "oops"}), "admin changed the user newuser"),
]

SENTENCES = [
    *((one, f"{text}{DIRECTLY}") for one, text in DIRECT),
    (event("key_create", KEY, **U), "admin made the API key rpt_0123456789ab for newuser"),
    (
        event("key_create", KEY, resource="user", resource_name="admin"),
        "admin made the API key rpt_0123456789ab",
    ),
    (event("key_create", KEY, **U, **NO), "admin failed to make the API key rpt_0123456789ab for newuser"),
    (event("key_revoke", KEY, **U), "admin revoked the API key rpt_0123456789ab of newuser"),
    (
        event("key_revoke", {**KEY, "reason": "password_reset"}, **U),
        "admin revoked the API key rpt_0123456789ab of newuser, since the password was reset",
    ),
    (event("key_revoke", KEY, **U, **NO), "admin failed to revoke the API key rpt_0123456789ab of newuser"),
    (
        event("access_denied", {**KEY, "reason": "The key has expired."}, **NO),
        "The API key rpt_0123456789ab of admin was refused: the key has expired",
    ),
    (event("create", changed(is_service=[None, True]), **U), "admin created the service account newuser"),
    (event("login", {"kind": "page"}), "admin signed in"),
    (event("login", {"kind": "token"}), "admin signed in through the API"),
    (event("login", {"reason": "The password is wrong."}, **NO), "Signing in as admin failed: the password is wrong"),
    (event("login", **NO), "Signing in as admin failed"),
    (event("login", username="", **NO), "Signing in as Someone failed"),
    (event("logout"), "admin signed out"),
    (event("logout", **NO), "admin failed to sign out"),
    (event("logout", {"reason": "logout", "owner_id": 1}, user_id=1, **GRAFANA), "admin signed out of Grafana"),
    (event("logout", {"reason": "revoked", "owner_id": 2}, user_id=1, **GRAFANA), "admin ended a sign-in at Grafana"),
    (
        event("logout", {"reason": "role_taken", "owner_id": 1}, user_id=1, **GRAFANA),
        "admin was signed out of Grafana, since no role of theirs opens it any more",
    ),
    (
        event("logout", {"reason": "code_reuse", "owner_id": 1}, user_id=1, **GRAFANA, **NO),
        "admin was signed out of Grafana, since a code was used twice",
    ),
    (event("session_end", {"reason": "idle"}), "A session of admin ended by itself: it wasn't used any more"),
    (event("session_end", {"reason": "age"}), "A session of admin ended by itself: it had lasted as long as one may"),
    (event("session_end"), "A session of admin ended by itself"),
    (event("token_refresh"), "admin renewed an access token"),
    (
        event("token_refresh", {"reason": "A spent refresh token was used again."}, **NO),
        "A session of admin was ended: a spent refresh token was used again",
    ),
    (event("session_revoke", resource="session", resource_name="anna"), "admin ended a session of anna"),
    (event("session_revoke", resource="session", resource_name="Admin"), "admin ended one of their own sessions"),
    (event("session_revoke", resource_name="anna", **NO), "admin failed to end a session of anna"),
    (event("create", changed(roles=[[], []]), **U), "admin created the user newuser"),
    (event("create", changed(roles=[[], ["Viewer"]]), **U), "admin created the user newuser with the role Viewer"),
    (
        event("create", changed(roles=[[], ["Manager", "Viewer"]]), **U),
        "admin created the user newuser with the roles Manager and Viewer",
    ),
    (event("create", **R), "admin created the role Night Shift"),
    (
        event("create", {"reason": "The name is taken."}, **U, **NO),
        "admin failed to create the user newuser: the name is taken",
    ),
    (event("update", changed(email=["a", "b"]), **U), "admin changed the e-mail address of the user newuser"),
    (
        event("update", changed(first_name=["", "A"], last_name=["", "B"], is_active=[True, False]), **U),
        "admin changed the first name, last name and status of the user newuser",
    ),
    (event("update", changed(is_active=[True, False]), **U), "admin deactivated newuser"),
    (event("update", changed(is_active=[False, True]), **U), "admin activated newuser"),
    (
        event("update", changed(email=["a", "b"]), resource="user", resource_name="admin"),
        "admin changed the e-mail address of their own account",
    ),
    (
        event("update", changed(permissions=[[], ["user_read"]]), **R),
        "admin changed the permissions of the role Night Shift",
    ),
    (event("update", resource="settings"), "admin changed the settings"),
    (
        event("update", changed(email=["a", "b"]), **U, **NO),
        "admin failed to change the e-mail address of the user newuser",
    ),
    (event("delete", **U), "admin deleted the user newuser"),
    (event("delete", **R), "admin deleted the role Night Shift"),
    (event("delete", resource="user", resource_id="7"), "admin deleted the user 7"),
    (event("delete", **U, **NO), "admin failed to delete the user newuser"),
    (event("password_change", **U), "admin changed their password"),
    (
        event("password_change", {"reason": "The current password was wrong."}, **U, **NO),
        "admin failed to change their password: the current password was wrong",
    ),
    (event("password_reset", **U), "admin set a new password for newuser"),
    (
        event("password_reset", {"sent_to": "a@lab.example", "is_forgotten": True}, **U),
        "Someone forgot the password of newuser: a link to choose a new one was sent",
    ),
    (
        event("password_reset", {"is_forgotten": True, "reason": "There is no such user."}, success=False),
        "Someone forgot the password of admin, and no link was sent: there is no such user",
    ),
    (
        event("update", {"concealed": ["password_hash"]}, **U),
        "admin stored the password of newuser in the present form",
    ),
    (event("update", {"email_change": "asked"}, **U), "admin asked to change their e-mail address"),
    (event("update", {"email_change": "cancelled"}, **U), "admin gave up changing their e-mail address"),
    (event("password_reset", {"sent_to": "a@lab.example"}, **U), "admin sent newuser a link to reset the password"),
    (event("password_reset", **U, **NO), "admin failed to set a new password for newuser"),
    (event("lock", changed(locked=[False, True]), **U), "admin locked newuser"),
    (event("lock", **U, **NO), "admin failed to lock newuser"),
    (event("unlock", changed(locked=[True, False]), **U), "admin unlocked newuser"),
    (event("unlock", changed(locked=[False, False]), **U), "admin let newuser try to sign in again"),
    (event("unlock", **U, **NO), "admin failed to unlock newuser"),
    (event("role_assign", {"roles": ["Veterinarian"]}, **U), "admin gave newuser the role Veterinarian"),
    (event("role_assign", {"roles": ["A", "B", "C"]}, **U), "admin gave newuser the roles A, B and C"),
    (event("role_assign", {"roles": ["A"]}, **U, **NO), "admin failed to give newuser the role A"),
    (event("role_revoke", {"roles": ["Viewer"]}, **U), "admin took the role Viewer from newuser"),
    (event("role_revoke", **U, **NO), "admin failed to take a role from newuser"),
    (
        event("export", {"rows": 1234, "format": "csv"}, resource="audit"),
        "admin exported 1,234 events of the audit log as CSV",
    ),
    (
        event("export", {"rows": 1234, "format": "bundle", "start": 0, "end": 1234}, resource="audit"),
        "admin exported 1,234 events of the audit log with proof",
    ),
    (event("export", {"rows": 1}, resource="user"), "admin exported 1 user"),
    (event("import", FILE, resource="user"), "admin imported hr.csv: 1,200 created, 2 ended"),
    (event("import", {"created": 0}, resource="user"), "admin imported a file, which changed nothing"),
    (event("import", FILE, resource="user", **NO), "admin failed to import hr.csv"),
    (event("export", resource="user", **NO), "admin failed to export users"),
    (
        event("access_denied", {"required": "user_create", "method": "POST", "path": "/api/users"}, **NO),
        "admin was refused POST /api/users: the permission user_create is missing",
    ),
    (
        event("access_denied", {"required": "user_update", "method": "POST", "path": "/x"}, **U, **NO),
        "admin was refused POST /x for newuser: the permission user_update is missing",
    ),
    (
        event("access_denied", {"required": "admin_site", "method": "GET", "path": "/admin/"}, **NO),
        "admin was refused GET /admin/: only Super Administrators may",
    ),
    (event("access_denied", {"required": "undeclared"}, **NO), "admin was refused something: it is open to nobody"),
    (event("seal_tree", resource="audit"), "admin did “seal tree” to the audit"),
    (event("seal_tree", resource="audit", **NO), "admin failed to do “seal tree” to the audit"),
    (event("role_assign", {"roles": "oops", "changes": 7}, **U), "admin gave newuser a role"),
    (
        event("key_rotate", changed(key=["a", "b"]), resource="audit"),
        "admin handed the audit log over to a new signing key",
    ),
    (event("key_rotate", {"old_key_is_lost": True}), "admin replaced the audit log's lost signing key"),
    (event("key_rotate", **NO), "admin failed to hand the audit log over to a new signing key"),
    (
        event("erase", {"actor_parts": [1, 2], "subject_parts": [2, 3]}, resource="user", resource_id="7"),
        "admin erased the personal data of user 7, also in 3 events",
    ),
    (event("erase", {"actor_parts": [1]}), "admin erased the personal data of someone, also in 1 event"),
    (event("erase", resource_id="7", **NO), "admin failed to erase the personal data of user 7"),
    (event("archive", {"events": 1200}), "admin archived 1,200 events and removed them from the database"),
    (event("archive", **NO), "admin failed to archive events"),
    (event("factor_add", {"kind": "totp"}), "admin set up an authenticator app as second factor"),
    (event("factor_add", {"kind": "passkey"}, resource_name="Blue key"), "admin set up the passkey “Blue key”"),
    (event("factor_add", {"kind": "passkey"}, **NO), "admin failed to set up a passkey"),
    (event("factor_remove", {"kind": "passkey"}, resource_name="Blue key"), "admin removed the passkey “Blue key”"),
    (event("factor_remove", {"kind": "totp"}, **NO), "admin failed to remove an authenticator app as second factor"),
    (event("factor_reset", {"kinds": ["totp"]}, **U), "admin removed all second factors of newuser"),
    (event("factor_reset", **U, **NO), "admin failed to remove all second factors of newuser"),
    (event("recovery_code_used", {"left": 9}), "admin signed in with a recovery code, 9 left"),
    (event("recovery_code_used", **NO), "admin failed to sign in with a recovery code"),
    (event("recovery_codes_renewed"), "admin made new recovery codes"),
    (event("recovery_codes_renewed", **NO), "admin failed to make new recovery codes"),
    (
        event("update", changed(requires_factor=[False, True]), **R),
        "admin changed the two-factor requirement of the role Night Shift",
    ),
    (event("login", **GONE), "An erased person signed in"),
    (event("login", {"reason": "No."}, **GONE, **NO), "Signing in as an erased person failed: no"),
    (event("lock", **HIDDEN), "admin locked an erased person (user 7)"),
    (event("delete", **HIDDEN), "admin deleted an erased person (user 7)"),
    (event("update", {"changes": {"email": None}}, **HIDDEN), "admin changed an erased person (user 7)"),
    (event("lock", **{**GONE, **HIDDEN, "username": ""}), "An erased person locked an erased person (user 7)"),
    (
        event(
            "update",
            {"changes": {"email": None, "must_change_password": [True, False]}},
            **{**GONE, **HIDDEN, "user_id": 7},
        ),
        "An erased person (user 7) changed the required password change of their own account",
    ),
    (
        event("session_revoke", resource="session", subject_opening=b"x" * 32),
        "admin ended a session of an erased person",
    ),
    *(
        (event(action, {**POSTGRES, **details}, **{**EVE, "username": "database role postgres", **about}), text)
        for action, details, about, text in CAPTURED
    ),
    (
        event("delete", {"source": "database", "table": "users", "verbs": ["delete"]}, **{**EVE, "username": "?"}),
        "Someone deleted the user eve directly in the database, and SQLite doesn't say who",
    ),
]


SENTENCES += [
    (event("app_login", **APP), "admin signed in to Grafana"),
    (
        event("app_login", {"reason": "Its code was used before."}, **APP, **NO),
        "admin failed to sign in to Grafana: its code was used before",
    ),
    (
        event("app_denied", {"reason": "No role opens it."}, **APP, **NO),
        "admin was refused at Grafana: no role opens it",
    ),
    (event("create", {**changed(roles=([], ["Viewer"]))}, **APP), "admin created the application Grafana"),
    *(
        (event(action, changed(permissions=([], ["g.a_b"])), **{**APP, "resource": "permission"}), text)
        for action, text in (
            ("create", "admin created the permissions of the application Grafana"),
            ("update", "admin changed the permissions of the application Grafana"),
            ("delete", "admin deleted the permissions of the application Grafana"),
        )
    ),
    (event("update", {"concealed": ["secret_hash"]}, **APP), "admin changed the secret of the application Grafana"),
]


SENTENCES += [(event(action, details, **about), text) for action, details, about, text in REVIEW_SENTENCES]


@pytest.mark.parametrize(("row", "expected"), SENTENCES, ids=[text for _, text in SENTENCES])
def test_an_event_reads_as_a_sentence(row, expected):
    assert sentence(row) == expected


def test_every_action_stands_above_with_both_outcomes_that_it_can_have():
    tested = {(row.action, row.success) for row, _ in SENTENCES}
    always_refused = {Action.ACCESS_DENIED, Action.APP_DENIED}
    wanted = {(action, good) for action in Action for good in (True, False) if not good or action not in always_refused}
    wanted -= {(Action.SESSION_END, False)}  # nobody tries to
    assert {(str(action), good) for action, good in wanted} <= tested


def test_changes_show_what_differs():
    row = event(
        "update",
        {
            "changes": {
                "email": ["a@lab.example", "b@lab.example"],
                "first_name": [None, "New"],
                "is_active": [None, True],
                "must_change_password": [True, False],
                "roles": [["A", "B"], ["B", "C"]],
                "limits": [[], None],
                "broken": "no pair",
            }
        },
    )
    assert change_rows(row) == [
        ChangeRow("E-mail address", ["a@lab.example"], ["b@lab.example"]),
        ChangeRow("First name", [], ["New"]),
        ChangeRow("Status", [], ["Active"]),
        ChangeRow("Required password change", ["Yes"], ["No"]),
        ChangeRow("Roles", ["A"], ["C"], unchanged=1),
        ChangeRow("Limits", [], []),
    ]
    assert change_rows(event("login")) == []


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-11-30T09:28:20.787Z", 9), ("2026-13-30T09:28:20Z", None), ("yesterday", None), (None, None)],
)
def test_a_time_in_the_details_is_read_and_anything_else_is_no_time(text, hour):
    assert getattr(stored_time(text), "hour", None) == hour
