"""Django admin: roles, permissions, sessions, and that no page of it shows a secret."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.models import Permission, Role, Session, User
from accounts.sessions import refresh
from accounts.sessions import services as session_services
from accounts.tests.support.admin_client import assert_recorded, errors_of, messages_of
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller


def permissions(*names):
    return list(Permission.objects.filter(name__in=names).values_list("pk", flat=True))


# Roles


def test_a_role_is_created_edited_and_deleted_by_the_services(django_admin):
    with audit_rows() as rows:
        django_admin.post("accounts/role/add/", name="Shift", description="", permissions=permissions("animal_read"))
        role = Role.objects.get(slug="shift")
        form = {"name": "Shift", "description": "Night", "permissions": permissions("sample_read")}
        django_admin.post(f"accounts/role/{role.pk}/change/", **form)
        assert Role.objects.get(pk=role.pk).permission_names == ["sample_read"]
        django_admin.post(f"accounts/role/{role.pk}/delete/", post="yes")
    assert not Role.objects.filter(pk=role.pk).exists()
    create, update, delete = rows
    for row, action in ((create, "create"), (update, "update"), (delete, "delete")):
        assert_recorded(row, action, role, resource="role")
    assert update.details["changes"] == {
        "description": ["", "Night"],
        "permissions": [["animal_read"], ["sample_read"]],
    }


def test_super_administrators_permissions_stay_and_the_form_says_why(django_admin):
    role = Role.objects.get(slug="super_admin")
    form = {"name": role.name, "description": "New", "permissions": permissions("user_read")}
    with audit_rows() as rows:
        answer = django_admin.post(f"accounts/role/{role.pk}/change/", **form)
    assert list(errors_of(answer)) == ["permissions"]
    role = Role.objects.get(slug="super_admin")
    assert (len(role.permission_names), role.description) == (39, "Full system access with all permissions")
    assert rows == []


def test_a_system_role_and_a_role_in_use_are_kept_and_said_why(django_admin):
    django_admin.post("accounts/role/add/", name="Shift", description="", permissions=[])
    shift, viewer = Role.objects.get(slug="shift"), Role.objects.get(slug="viewer")
    make_user("holder", "Shift")
    with audit_rows() as rows:
        for role, why in ((viewer, "System roles"), (shift, "this role")):
            answer = django_admin.post(f"accounts/role/{role.pk}/delete/", post="yes")
            assert any(why in sentence for sentence in messages_of(answer))
        answer = django_admin.act("role", "delete_selected", shift, viewer)
        assert (
            len([sentence for sentence in messages_of(answer) if "System roles" in sentence or "this role" in sentence])
            == 2
        )
        renamed = django_admin.post(f"accounts/role/{viewer.pk}/change/", name="Guest", description="", permissions=[])
        assert list(errors_of(renamed)) == ["name"]
    assert Role.objects.filter(pk__in=[shift.pk, viewer.pk]).count() == 2
    assert len(Role.objects.get(slug="viewer").permission_names) == 8
    assert rows == []


# Permissions and sessions


def test_permissions_are_read_only(django_admin):
    permission = Permission.objects.get(name="user_delete")
    before = list(Permission.objects.values())
    assert b"user_delete" in django_admin.get("accounts/permission/").content
    assert django_admin.get(f"accounts/permission/{permission.pk}/change/").status_code == 200
    for path in ("add/", f"{permission.pk}/change/", f"{permission.pk}/delete/"):
        answer = django_admin.post(f"accounts/permission/{path}", name="mine", description="x", post="yes")
        assert answer.status_code == 403
    django_admin.act("permission", "delete_selected", permission)
    assert list(Permission.objects.values()) == before


def test_sessions_can_be_ended_each_on_record(cast, django_admin):
    caller, over, expired = Caller(cast.viewer), Caller(cast.viewer), Caller(cast.manager)
    chosen = [other.signed_in.session for other in (caller, over, expired)]
    session_services.sign_out(session=chosen[1])
    Session.objects.filter(pk=chosen[2].pk).update(expires_at=timezone.now())
    with audit_rows() as rows:
        answer = django_admin.act("session", "end", *chosen)
    assert answer.status_code == 200
    assert Session.objects.get(pk=chosen[0].pk).end_reason == "revoked"
    assert Session.objects.get(pk=chosen[1].pk).end_reason == "logout"
    assert caller.get("/api/auth/me").status_code == 401
    (row,) = rows
    assert (row.username, row.action, row.resource_id) == ("the-super_admin", "session_revoke", str(chosen[0].pk))
    assert row.resource_name == "the-viewer"


def test_sessions_can_be_neither_made_nor_changed(cast, django_admin):
    session = Caller(cast.viewer).signed_in.session
    assert django_admin.get(f"accounts/session/{session.pk}/change/").status_code == 200
    for path in ("add/", f"{session.pk}/change/", f"{session.pk}/delete/"):
        assert django_admin.post(f"accounts/session/{path}", post="yes", user=cast.admin.pk).status_code == 403
    assert Session.objects.get(pk=session.pk).user == cast.viewer


# Secrets


def all_pages(django_admin):
    """Every list, and the pages of its first records."""
    yield ""
    for model in admin.site._registry:
        base = f"{model._meta.app_label}/{model._meta.model_name}/"
        yield base
        yield base + "?q=a"
        for record in model._default_manager.all()[:20]:
            yield f"{base}{record.pk}/change/"
            yield f"{base}{record.pk}/delete/"
            yield f"{base}{record.pk}/history/"
        yield base + "add/"


def test_no_page_shows_a_hash(cast, django_admin):
    for user in (cast.viewer, cast.manager):
        signed_in = Caller(user).signed_in
        refresh.refresh_session(refresh_token=signed_in.pair.refresh_token)
    hashes = {*User.objects.values_list("password", flat=True)}
    for session in Session.objects.all():
        hashes |= {session.refresh_hash, *session.spent_refresh_hashes} - {""}
    assert len(hashes) == 8 + 4
    pages = 0
    for path in all_pages(django_admin):
        content = django_admin.get(path).content.decode()
        assert not re.search(r"bcrypt|\$2b\$", content), path
        assert [secret for secret in hashes if secret in content] == [], path
        pages += 1
    assert pages > 100


@pytest.mark.parametrize(
    "filtered",
    [
        "accounts/user/?password__startswith=b",
        "accounts/user/?sessions__refresh_hash__startswith=b",
        "accounts/user/?password_history__password__startswith=b",
        "accounts/session/?refresh_hash__startswith=b",
        "accounts/session/?user__password__startswith=b",
        "accounts/session/?spent_refresh_hashes__has_key=b",
    ],
)
def test_no_list_can_be_asked_for_a_hash_bit_by_bit(django_admin, filtered):
    assert django_admin.get(filtered).status_code == 400


def test_nothing_is_written_to_a_second_log(cast, django_admin):
    django_admin.post(f"accounts/user/{cast.viewer.pk}/delete/", post="yes")
    django_admin.act("user", "delete_selected", cast.manager)
    assert not LogEntry.objects.exists()
