"""Django admin: for Super Administrators alone, and with the same rules and audit rows as everywhere."""

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Role, Session, User
from accounts.passwords import services as password_services
from accounts.tests.support.admin_client import ADDRESS, AGENT, assert_recorded, errors_of, messages_of
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller, page_client
from reprotech.web.admin import ServiceAdmin
from reprotech.web.responses import with_next


def form_of(user, **changes):
    fields = {"username": user.username, "email": user.email, "first_name": "", "last_name": "", "is_active": "on"}
    fields["roles"] = [role.pk for role in user.roles.all()]
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def role_pk(slug):
    return Role.objects.get(slug=slug).pk


# Who gets in


@pytest.mark.parametrize("path", ["", "accounts/user/", "accounts/user/add/", "login/", "audit/auditlog/"])
def test_it_opens_for_super_administrators_alone(cast, path):
    for slug, user in cast.by_slug().items():
        client = page_client(user)
        with audit_rows() as rows:
            answer = client.get(f"/admin/{path}", REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=AGENT)
        if slug == "super_admin":
            assert answer.status_code == (302 if path == "login/" else 200)
            assert rows == []
            continue
        assert answer.status_code == 403, slug
        (row,) = rows
        assert (row.username, row.action, row.success) == (user.username, "access_denied", False)
        assert (row.ip_address, row.user_agent, row.details["path"]) == (ADDRESS, AGENT, f"/admin/{path}")


@pytest.mark.parametrize("path", ["", "accounts/user/", "accounts/user/1/delete/", "login/"])
def test_visitors_are_led_to_the_sign_in(cast, anonymous, path):
    with audit_rows() as rows:
        answer = anonymous.get(f"/admin/{path}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login?next=/admin/")
    assert rows == []


def test_others_can_not_post_past_it(cast):
    client = page_client(cast.admin)
    for path in ("accounts/user/add/", f"accounts/user/{cast.viewer.pk}/delete/", "accounts/user/"):
        answer = client.post(f"/admin/{path}", {"post": "yes", "action": "lock", "_selected_action": cast.viewer.pk})
        assert answer.status_code == 403
    assert User.objects.get(pk=cast.viewer.pk).can_sign_in


def test_a_token_does_not_open_it(super_admin):
    assert super_admin.get("/admin/").status_code == 302


def test_it_closes_at_once_for_who_is_demoted(cast, django_admin):
    make_user("second-super", "super_admin")
    assert django_admin.get("").status_code == 200
    Caller(User.objects.get(username="second-super")).patch(f"/api/users/{cast.super_admin.pk}", {"roles": ["admin"]})
    assert django_admin.get("").status_code == 403


def test_who_sends_a_form_is_the_actor_of_that_request_alone(cast, rf):
    users = (cast.super_admin, cast.admin)
    forms = []
    for user in users:
        request = rf.get("/admin/")
        request.user = user
        forms.append(admin.site.get_model_admin(User).get_form(request))
    assert [form.actor for form in forms] == list(users)


def test_nobody_may_do_what_declares_no_permission(cast, rf):
    request = rf.get("/admin/")
    request.user = cast.super_admin
    records = ServiceAdmin(User, admin.site)
    assert not any(records.get_model_perms(request).values())


def test_it_waits_for_a_forced_change_of_password(cast):
    other = make_user("second-super", "super_admin")
    password_services.reset_password(actor=cast.super_admin, user_id=other.pk, password="Other-Horse-8")
    client = page_client(cast.super_admin)
    assert client.get("/admin/").status_code == 200
    client.logout()
    client.post("/login", {"username": "second-super", "password": "Other-Horse-8"})
    answer = client.get("/admin/accounts/user/")
    back = with_next(reverse("change_password"), "/admin/accounts/user/")
    assert (answer.status_code, answer["Location"]) == (302, back)


# Users


def test_a_user_is_created_by_the_service(django_admin):
    fields = {"username": "newcomer", "email": "newcomer@lab.example", "password": PASSWORD, "is_active": "on"}
    with audit_rows() as rows:
        answer = django_admin.post("accounts/user/add/", **fields, roles=[role_pk("viewer")])
    assert answer.status_code == 200
    user = User.objects.get(username="newcomer")
    assert user.check_password(PASSWORD)
    assert user.grants.role_slugs == ("viewer",)
    (row,) = rows
    assert_recorded(row, "create", user)
    assert row.details["changes"]["roles"] == [[], ["Viewer"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "THE-VIEWER"}, "username"),
        ({"username": "a b c"}, "username"),
        ({"email": "the-viewer@lab.example"}, "email"),
        ({"password": "weak"}, "password"),
        ({"password": "New-Comer-1", "username": "New-Comer-1"}, "password"),
    ],
)
def test_a_refused_creation_is_shown_at_its_field(cast, django_admin, changes, field):
    fields = {
        "username": "newcomer",
        "email": "newcomer@lab.example",
        "password": PASSWORD,
        "is_active": "on",
        **changes,
    }
    with audit_rows() as rows:
        answer = django_admin.post("accounts/user/add/", **fields)
    assert list(errors_of(answer)) == [field]
    assert User.objects.count() == 8
    assert rows == []


def test_a_change_leaves_the_same_rows_as_by_the_api(cast, django_admin):
    user, twin = make_user("one", "viewer", "researcher"), make_user("two", "viewer", "researcher")
    with audit_rows() as rows:
        roles = [role_pk("viewer"), role_pk("manager")]
        django_admin.post(f"accounts/user/{user.pk}/change/", **form_of(user, first_name="New", roles=roles))
    assert User.objects.get(pk=user.pk).grants.role_slugs == ("manager", "viewer")
    assert [row.action for row in rows] == ["update", "role_assign", "role_revoke"]
    for row in rows:
        assert_recorded(row, row.action, user)
    with audit_rows() as by_api:
        body = {"first_name": "New", "roles": ["viewer", "manager"]}
        Caller(cast.super_admin).patch(f"/api/users/{twin.pk}", body)
    assert [(row.action, row.details) for row in by_api] == [(row.action, row.details) for row in rows]


def test_a_form_saved_unchanged_leaves_no_row(cast, django_admin):
    with audit_rows() as rows:
        answer = django_admin.post(f"accounts/user/{cast.viewer.pk}/change/", **form_of(cast.viewer))
    assert answer.status_code == 200
    assert rows == []


@pytest.mark.parametrize("changes", [{"is_active": None}, {"roles": []}], ids=["deactivate", "strip"])
def test_the_last_super_administrator_is_kept_and_the_form_says_why(cast, django_admin, changes):
    with audit_rows() as rows:
        answer = django_admin.post(
            f"accounts/user/{cast.super_admin.pk}/change/", **form_of(cast.super_admin, first_name="New", **changes)
        )
    assert answer.status_code == 200
    (sentence,) = errors_of(answer)["__all__"]
    assert "last active Super Administrator" in sentence or "your own account" in sentence
    stored = User.objects.get(pk=cast.super_admin.pk)
    assert (stored.is_active, stored.first_name, stored.grants.role_slugs) == (True, "", ("super_admin",))
    assert rows == []


def test_a_user_is_deleted_by_the_service(cast, django_admin):
    session = Caller(cast.viewer).signed_in.session
    with audit_rows() as rows:
        answer = django_admin.post(f"accounts/user/{cast.viewer.pk}/delete/", post="yes")
    assert answer.status_code == 200
    (row,) = rows
    assert_recorded(row, "delete", cast.viewer)
    assert User.objects.get(pk=cast.viewer.pk).deleted_at is not None
    assert Session.objects.get(pk=session.pk).end_reason == "account_disabled"
    assert b"the-viewer" not in django_admin.get("accounts/user/").content
    assert django_admin.get(f"accounts/user/{cast.viewer.pk}/change/").context.get("adminform") is None


def test_a_refused_deletion_is_shown(cast, django_admin):
    with audit_rows() as rows:
        answer = django_admin.post(f"accounts/user/{cast.super_admin.pk}/delete/", post="yes")
    assert any("your own account" in sentence for sentence in messages_of(answer))
    assert not any("deleted successfully" in sentence for sentence in messages_of(answer))
    assert User.objects.get(pk=cast.super_admin.pk).can_sign_in
    assert rows == []


BULK = {
    "lock": ("lock", lambda user: user.is_locked),
    "delete_selected": ("delete", lambda user: user.deleted_at is not None),
}


@pytest.mark.parametrize("action", BULK)
def test_a_bulk_change_does_what_it_may_and_tells_of_the_rest(cast, django_admin, action):
    row_action, is_done = BULK[action]
    with audit_rows() as rows:
        answer = django_admin.act("user", action, cast.viewer, cast.super_admin, cast.manager)
    assert answer.status_code == 200
    for user in (cast.viewer, cast.manager):
        assert is_done(User.objects.get(pk=user.pk))
    assert not is_done(User.objects.get(pk=cast.super_admin.pk))
    by_name = {row.resource_name: row for row in rows}
    assert sorted(by_name) == ["the-manager", "the-viewer"]
    for user in (cast.viewer, cast.manager):
        assert_recorded(by_name[user.username], row_action, user)
    assert len(rows) == 2
    assert any("the-super_admin" in sentence and "your own account" in sentence for sentence in messages_of(answer))
    assert any(sentence.endswith(": 2.") for sentence in messages_of(answer))
    assert not any("3" in sentence for sentence in messages_of(answer))


def test_bulk_unlock(cast, django_admin):
    django_admin.act("user", "lock", cast.viewer, cast.manager)
    with audit_rows() as rows:
        django_admin.act("user", "unlock", cast.viewer, cast.manager)
    assert sorted(row.resource_name for row in rows if row.action == "unlock") == ["the-manager", "the-viewer"]
    assert User.objects.get(pk=cast.viewer.pk).can_sign_in


def test_links_are_mailed_in_bulk(cast, django_admin, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), audit_rows() as rows:
        django_admin.act("user", "send_reset_link", cast.viewer)
    assert [mail.to for mail in mailoutbox] == [["the-viewer@lab.example"]]
    (row,) = rows
    assert_recorded(row, "password_reset", cast.viewer)


def test_djangos_own_password_form_is_not_there(cast, django_admin):
    for path in ("password_change/", f"accounts/user/{cast.viewer.pk}/password/"):
        django_admin.post(path, old_password=PASSWORD, new_password1="Third-Horse-9", new_password2="Third-Horse-9")
    assert User.objects.get(pk=cast.super_admin.pk).check_password(PASSWORD)
    assert User.objects.get(pk=cast.viewer.pk).check_password(PASSWORD)


def test_users_are_searched_whatever_the_case(cast, django_admin):
    found = django_admin.get("accounts/user/", q="THE-VIEW").context["cl"].result_list
    assert list(found) == [cast.viewer]
