"""Erasing a person: who may, what goes, and what stays."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.html import strip_tags

from accounts.access.authorization import SYSTEM
from accounts.models import OutgoingMail, PasswordHistory, Session, User
from accounts.passwords import services as password_services
from accounts.roles.services import create_role
from accounts.sessions.services import end_other_sessions
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import canonical_bytes
from audit.models import Action, AuditLog, Leaf
from audit.sealing.database_role import grant_rights
from audit.sealing.sealer import Sealer
from audit.services import record
from reprotech.core.exceptions import Conflict, Forbidden, NotFound
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, page_client

NAME, FORMER, ADDRESS = "quintilla.q", "quintilla", "quintilla@lab.example"


@pytest.fixture
def person(cast):
    """Someone with a past: a former name, sessions, refused sign-ins, and others' interest."""
    user = make_user(FORMER, "viewer", first_name="Quintilla", last_name="Quill")
    user_services.update_user(actor=cast.admin, user_id=user.pk, username=NAME)
    caller = Caller(User.objects.get(pk=user.pk), user_agent="Quilla-Browser")
    caller.post("/api/auth/change-password", {"current_password": PASSWORD, "new_password": "Other-Horse-8"})
    assert Caller(caller.user).token  # another session
    end_other_sessions(actor=caller.user, session_id=caller.signed_in.session.pk)
    for typed in (FORMER, ADDRESS):
        Caller().post("/api/auth/login", {"username": typed, "password": "wrong"})
    password_services.send_password_reset(actor=cast.admin, user_id=user.pk)
    create_role(actor=SYSTEM, name="Front desk", permissions=["user_update"])
    with pytest.raises(Forbidden):  # of what the target holds
        user_services.unlock_user(actor=make_user("desk", "Front desk"), user_id=user.pk)
    for filters in ({"search": ADDRESS}, {"search": "Quintilla Quill"}, {"user": NAME}, {"search": "other"}):
        record(actor=cast.manager, action=Action.EXPORT, resource="user", filters=filters)
    return User.objects.get(pk=user.pk)


def recorded_text():
    """All texts of the audit log."""
    return str(list(AuditLog.objects.values())).lower()


def test_nothing_tells_who_they_were_and_every_leaf_still_fits(person, cast):
    Sealer().seal()
    before = dict(Leaf.objects.values_list("event_id", "hash"))
    assert "quill" in recorded_text()
    assert OutgoingMail.objects.filter(user=person).exists()
    assert erase_personal_data(actor=cast.admin, user_id=person.pk) >= 10
    person.refresh_from_db()
    assert (person.username, person.email, person.full_name) == (f"erased:{person.pk}", "", f"erased:{person.pk}")
    assert (person.deleted_at is not None, person.last_login, person.can_sign_in) == (True, None, False)
    assert "quin" not in str(vars(person)).lower()
    assert not PasswordHistory.objects.filter(user=person).exists()
    assert not OutgoingMail.objects.filter(user=person).exists()
    assert not Session.objects.filter(user=person).exclude(ip_address=None, user_agent="").exists()
    assert "quin" not in recorded_text()
    assert "quill" not in recorded_text()
    for row in AuditLog.objects.filter(pk__in=before):
        assert leaf_hash(canonical_bytes(row.sealed_row())) == bytes(before[row.pk])


def test_what_is_not_theirs_stays(person, cast):
    others = AuditLog.objects.exclude(user_id=person.pk).exclude(resource_id=str(person.pk))
    kept = others.filter(username="the-manager", details__filters={"search": "other"})
    assert kept.count() == 1
    by_admin = list(AuditLog.objects.filter(user_id=cast.admin.pk).values_list("pk", "username", "user_agent"))
    erase_personal_data(actor=cast.admin, user_id=person.pk)
    assert kept.count() == 1
    still = AuditLog.objects.filter(pk__in=[pk for pk, _, _ in by_admin]).order_by("-pk")
    assert list(still.values_list("pk", "username", "user_agent")) == by_admin


def test_the_record_names_a_number_and_who_did_it(person, cast):
    erase_personal_data(actor=cast.admin, user_id=person.pk)
    row = AuditLog.objects.get(action=Action.ERASE)
    assert (row.username, row.resource, row.resource_id, row.resource_name) == (
        *("the-admin", "user", str(person.pk)),
        "",
    )
    assert Leaf.objects.filter(event_id=row.pk).exists()


def test_an_address_that_someone_else_has_now_stays_theirs(person, cast):
    user_services.update_user(actor=cast.admin, user_id=person.pk, email="quill@lab.example")
    other = make_user("other", "viewer", email=ADDRESS)
    Caller().post("/api/auth/login", {"username": ADDRESS, "password": "wrong"})
    erase_personal_data(actor=cast.admin, user_id=person.pk)
    assert AuditLog.objects.filter(user_id=other.pk, username=ADDRESS, action=Action.LOGIN).count() == 1


def test_nobody_can_take_the_name_of_an_erased_person(person, cast):
    erase_personal_data(actor=cast.admin, user_id=person.pk)
    response = Caller(cast.admin).post(
        "/api/users", {"username": f"erased:{person.pk}", "email": "x@lab.example", "password": PASSWORD}
    )
    assert response.status_code == 400


def test_who_is_deleted_already_can_be_erased_and_again(person, cast):
    user_services.delete_user(actor=cast.admin, user_id=person.pk)
    assert erase_personal_data(actor=cast.admin, user_id=person.pk)
    assert erase_personal_data(actor=cast.admin, user_id=person.pk) == 0
    assert "quin" not in recorded_text()


def test_it_takes_what_deleting_takes(person, cast):
    refusals = [
        (cast.manager, person, Forbidden),
        (cast.admin, cast.super_admin, Forbidden),
        (cast.admin, cast.admin, Conflict),
        (SYSTEM, cast.super_admin, Conflict),
    ]
    for actor, target, refusal in refusals:
        with pytest.raises(refusal):
            erase_personal_data(actor=actor, user_id=target.pk)
        target.refresh_from_db()
        assert target.can_sign_in and ":" not in target.username  # noqa: PT018
    with pytest.raises(NotFound):
        erase_personal_data(actor=cast.admin, user_id=2**70)
    assert not AuditLog.objects.filter(action=Action.ERASE).exists()
    assert AuditLog.objects.filter(action=Action.ACCESS_DENIED, user_id=cast.manager.pk).exists()


def test_erasing_who_is_deleted_takes_the_same_permission(person, cast):
    user_services.delete_user(actor=cast.admin, user_id=person.pk)
    with pytest.raises(Forbidden):
        erase_personal_data(actor=cast.manager, user_id=person.pk)
    assert NAME in recorded_text()


def test_nothing_is_deleted_or_erased_when_the_log_can_not_be_sealed(person, cast, settings):
    Sealer().seal()
    settings.AUDIT_SIGNING_KEY = b"k" * 31 + b"!"
    with pytest.raises(Conflict, match="nothing was erased"):
        erase_personal_data(actor=cast.admin, user_id=person.pk)
    person.refresh_from_db()
    assert (person.username, person.deleted_at) == (NAME, None)
    assert NAME in recorded_text()


def test_the_api_erases(person, cast):
    response = Caller(cast.admin).delete(f"/api/users/{person.pk}/personal-data")
    body = response.json()
    assert (response.status_code, body["message"]) == (200, "Personal data erased successfully")
    assert body["events"] >= 10
    assert Caller(cast.admin).get(f"/api/users/{person.pk}").status_code == 404
    assert Caller(cast.viewer).delete(f"/api/users/{person.pk}/personal-data").status_code == 403


def test_the_page_that_deletes_erases_if_asked(person, cast):
    client = page_client(cast.admin)
    page = f"/users/{person.pk}/delete"
    assert "Also erase their personal data" in client.get(page).content.decode()
    assert "Also erase" not in client.get(f"/users/{person.pk}/lock").content.decode()
    client.post(page, {"erase": "on"})
    assert User.objects.get(pk=person.pk).username == f"erased:{person.pk}"


def test_the_page_that_deletes_only_deletes_otherwise(person, cast):
    page_client(cast.admin).post(f"/users/{person.pk}/delete", {})
    person.refresh_from_db()
    assert (person.username, person.deleted_at is None) == (NAME, False)


@pytest.fixture
def as_the_lesser_role(settings):
    """What starts to use the database by the rights of the server's role, until the test ends."""
    settings.DATABASE_WEB_ROLE = "reprotech_web_test"
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE reprotech_web_test")
        grant_rights()
        yield lambda: cursor.execute("SET LOCAL ROLE reprotech_web_test")
        cursor.execute("RESET ROLE")


@pytest.mark.only_on("postgresql")
def test_where_the_server_may_not_erase_api_and_page_name_the_command(person, cast, as_the_lesser_role):
    caller, client = Caller(cast.admin), page_client(cast.admin)
    page = f"/users/{person.pk}/delete"
    assert "reprotech erase_person" not in client.get(page).content.decode()
    as_the_lesser_role()
    sentence = f"reprotech erase_person {NAME}"
    response = caller.delete(f"/api/users/{person.pk}/personal-data")
    assert (response.status_code, sentence in response.json()["error"]) == (409, True)
    shown = client.get(page).content.decode()
    assert "reprotech erase_person USERNAME" in shown
    assert re.search(r'<input[^>]*name="erase"[^>]* disabled', shown)
    answer = client.post(page, {"erase": "on"})
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    person.refresh_from_db()
    assert (person.username, person.deleted_at) == (NAME, None)
    client.post(page, {})  # deletes alone
    person.refresh_from_db()
    assert (person.username, person.deleted_at is None) == (NAME, False)


def test_an_erased_event_says_so_on_its_page(person, cast):
    row = AuditLog.objects.filter(user_id=person.pk, action=Action.PASSWORD_CHANGE).first()
    erase_personal_data(actor=cast.admin, user_id=person.pk)
    client = page_client(cast.admin)
    page = client.get(f"/audit/{row.pk}").content.decode()
    assert f"An erased person (user {person.pk}) changed their password" in page
    assert "was erased on request" in page
    link = f"/audit?action=erase&amp;resource_id={person.pk}"
    assert link in page
    found = strip_tags(client.get(link.replace("&amp;", "&")).content.decode())
    assert "the-admin erased the personal data of user" in " ".join(found.split())
    assert client.get("/audit").status_code == client.get("/").status_code == 200


@pytest.mark.quick
def test_the_command_asks_first(person, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_person", NAME, stdout=StringIO())
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    out = StringIO()
    call_command("erase_person", NAME.upper(), stdout=out)
    assert f"User {person.pk} is erased" in out.getvalue()
    call_command("erase_person", str(person.pk), "--yes", stdout=StringIO())
    with pytest.raises(CommandError, match="never was"):
        call_command("erase_person", NAME, "--yes")
