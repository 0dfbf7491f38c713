"""Changes within the half minute in which a beginning or an end isn't on record yet: neither gets lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import RoleGrant, User
from accounts.users.services import update_user
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import StaleVersion
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller

SECOND = timedelta(seconds=1)


def end_role(user, **period):
    with explicitly_recorded():
        RoleGrant.objects.filter(user=user).update(**period)


def said(rows):
    return [(row.action, row.username, row.details.get("reason")) for row in rows]


def test_an_account_that_is_extended_after_its_end_keeps_no_session(super_admin):
    leaver = Caller(make_user("leaver", "viewer"))
    assert leaver.get("/api/auth/me").status_code == 200
    with explicitly_recorded():
        User.objects.filter(pk=leaver.user.pk).update(ends_at=timezone.now() - SECOND)
    with audit_rows() as rows:
        answer = super_admin.patch(f"/api/users/{leaver.user.pk}", {"ends_at": None, "reason": "Stays a year"})
    assert (answer.status_code, answer.json()["user"]["status"]) == (200, "active")
    assert said(rows) == [("update", "system", "expired"), ("update", super_admin.user.username, None)]
    assert leaver.get("/api/auth/me").status_code == 401


def test_the_end_of_a_role_is_on_record_before_another_change_and_needs_no_reason(super_admin, settings):
    settings.REASON_REQUIRED_FOR = ["user:role_revoke"]
    user = make_user("visitor", "viewer")
    end_role(user, ends_at=timezone.now() - SECOND)
    with audit_rows() as rows:
        assert super_admin.patch(f"/api/users/{user.pk}", {"last_name": "Lee"}).status_code == 200
    assert said(rows) == [("role_revoke", "system", "expired"), ("update", super_admin.user.username, None)]
    assert (rows[0].ip_address, rows[0].session_id, "reason_given" in rows[0].details) == (None, None, False)


def test_a_role_that_is_taken_as_it_begins_was_held(super_admin):
    user = make_user("starter", "viewer")
    end_role(user, starts_at=timezone.now() - SECOND, is_pending=True)
    with audit_rows() as rows:
        assert super_admin.delete(f"/api/users/{user.pk}/roles/viewer").status_code == 200
    assert said(rows) == [("role_assign", "system", "begins"), ("role_revoke", super_admin.user.username, None)]


def test_roles_as_read_before_one_ended_do_not_give_it_for_good(cast):
    read = User.objects.get(pk=cast.viewer.pk)
    end_role(read, ends_at=timezone.now() - SECOND)
    with pytest.raises(StaleVersion):
        update_user(actor=cast.admin, user_id=read.pk, roles=["viewer"], expected_versions=[read.version])
    assert User.objects.get(pk=read.pk).roles.count() == 0
