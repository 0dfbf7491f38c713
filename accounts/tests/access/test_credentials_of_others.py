"""Every way in which an administrator could come by a credential of another person, and what comes of it.

A new way belongs into this table. Of all of them hold: no API key of the person is made, whatever replaces their
password must be replaced by them, nothing that is answered lets anybody in, and the person learns of it by mail.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from accounts.api_keys.services import create_key
from accounts.models import ApiKey, OutgoingMail, User
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, page_client
from reprotech.tests.support.mfa_devices import give_app

pytestmark = pytest.mark.django_db

OTHER = "Other-Horse-8"
KEY = {"name": "LIMS", "scopes": []}
NO_ENTRY, OWN_CHOICE, TEMPORARY = "nothing", "the person is asked by mail", "a password for one sign-in"


@dataclass(frozen=True)
class Way:
    """How it is tried by the API or a page, with which status it is answered, and what it gives who tries."""

    method: str
    path: str
    body: Any = None
    status: int = 200
    gives: str = NO_ENTRY
    #: What the person is mailed, and what is on record.
    mail: str = ""
    action: str = ""


CSV = f"username,email,password\nthe-viewer,the-viewer@lab.example,{OTHER}\n".encode()
RESET_MAIL = {"gives": OWN_CHOICE, "mail": "password_reset", "action": "password_reset"}
SET = {"gives": TEMPORARY, "mail": "password_changed", "action": "password_reset"}
WAYS = {
    "key": Way("POST", "/api/users/{}/keys", KEY, 409),
    "key with one's own password": Way("POST", "/api/users/{}/keys", {**KEY, "current_password": PASSWORD}, 409),
    "key on a page": Way("PAGE", "/users/{}/keys/new", {"name": "x", "expires_in_days": "30"}, 409),
    "key in Django admin": Way("PAGE", "/admin/accounts/apikey/add/", {"user": "{}", "name": "x"}, 403),
    "link": Way("POST", "/api/users/{}/reset-password", {}, **RESET_MAIL),
    "link on a page": Way("PAGE", "/users/{}/reset-password", {"access": "invite"}, 302, **RESET_MAIL),
    "link in Django admin": Way(
        "PAGE",
        "/admin/accounts/user/",
        {"action": "send_reset_link", "_selected_action": "{}"},
        302,
        **RESET_MAIL,
    ),
    "password": Way("POST", "/api/users/{}/reset-password", {"password": OTHER}, **SET),
    "password on a page": Way(
        "PAGE", "/users/{}/reset-password", {"access": "password", "password": OTHER}, 302, **SET
    ),
    "password as a field": Way("PATCH", "/api/users/{}", {"password": OTHER}, 400),
    "password by an import": Way("CSV", "/api/users/import", CSV, 400),
    "password by another's session": Way(
        "POST", "/api/auth/change-password", {"current_password": PASSWORD, "new_password": OTHER, "user_id": 1}, 400
    ),
    "factor": Way("DELETE", "/api/users/{}/factors", mail="factors_reset", action="factor_reset"),
    "factor on a page": Way("PAGE", "/users/{}/reset-factors", {}, 302, mail="factors_reset", action="factor_reset"),
    # With a link afterwards it would let someone in: that is why both addresses are notified at once.
    "address": Way("PATCH", "/api/users/{}", {"email": "mine@lab.example"}, mail="email_changed", action="update"),
}


def go(way, actor, person):
    path = way.path.format(person.pk)
    if way.method == "PAGE":
        sent = {name: str(value).format(person.pk) for name, value in way.body.items()}
        return page_client(actor).post(path, sent)
    if way.method == "CSV":
        return Caller(actor).call("POST", path, way.body, CONTENT_TYPE="text/csv")
    return Caller(actor).call(way.method, path, way.body)


@pytest.mark.parametrize("name", WAYS)
def test_no_way_gives_another_persons_credential_that_they_dont_learn_of(cast, name):
    way, person = WAYS[name], cast.viewer
    give_app(person)
    OutgoingMail.objects.all().delete()
    answer = go(way, cast.super_admin, person)
    assert answer.status_code == way.status, answer.content[:500]
    assert not ApiKey.objects.filter(user=person).exists()
    assert not re.search(rb"rpt_[0-9a-f]{12}_|/set-password/|eyJ", answer.content)
    stored = User.objects.get(pk=person.pk)
    if way.gives == TEMPORARY:
        assert stored.must_change_password
    else:
        assert stored.check_password(PASSWORD)
    mails = OutgoingMail.objects.filter(user=person)
    assert {mail.letter for mail in mails} == ({way.mail} if way.mail else set())
    assert "the-viewer@lab.example" in {mail.address for mail in mails} or not way.mail
    if way.action:
        row = AuditLog.objects.filter(action=way.action, resource_id=str(person.pk)).latest("id")
        assert (row.username, row.resource_name) == ("the-super_admin", "the-viewer")


SETS_PASSWORDS = [name for name, way in WAYS.items() if way.gives == TEMPORARY]


@pytest.mark.parametrize("name", SETS_PASSWORDS)
def test_where_mails_arrive_none_gives_a_password_either(cast, settings, name):
    settings.ADMIN_SETS_PASSWORDS = False
    answer = go(WAYS[name], cast.super_admin, cast.viewer)
    assert answer.status_code == (409 if WAYS[name].method == "POST" else 422)
    assert User.objects.get(pk=cast.viewer.pk).check_password(PASSWORD)


def test_the_command_line_gives_a_password_that_must_be_changed_and_ends_what_was(cast, capsys):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="LIMS", scopes=[])
    call_command("users", "reset-password", "the-viewer")
    password = re.search(r"Password: (\S+)", capsys.readouterr().out)[1]
    stored = User.objects.get(pk=cast.viewer.pk)
    assert stored.check_password(password)
    assert stored.must_change_password
    assert not ApiKey.objects.unrevoked().filter(pk=made.key.pk).exists()
    row = AuditLog.objects.get(action="password_reset")
    assert (row.username, row.resource_name) == ("system", "the-viewer")
    login = Caller().post("/api/auth/login", {"username": "the-viewer", "password": password}).json()
    for path in ("/api/auth/keys", "/api/users"):
        closed = Caller().post(path, KEY, HTTP_AUTHORIZATION=f"Bearer {login['access_token']}")
        assert (closed.status_code, closed.json()["code"]) == (403, "password_change_required")
