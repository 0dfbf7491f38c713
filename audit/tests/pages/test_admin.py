"""The audit log in Django admin: to be read and searched, and nothing else."""

import pytest

from accounts.tests.support.admin_client import AdminClient
from audit.models import AuditLog
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import Caller


@pytest.fixture
def admin(cast):
    return AdminClient(cast.super_admin)


def shown(answer):
    return list(answer.context["cl"].result_list)


def test_events_are_listed_newest_first(cast, admin):
    Caller(cast.admin).post(f"/api/users/{cast.viewer.pk}/lock")
    rows = shown(admin.get("audit/auditlog/"))
    assert (rows[0].action, rows[0].resource_name) == ("lock", "the-viewer")
    assert [row.pk for row in rows] == sorted((row.pk for row in rows), reverse=True)
    page = admin.get(f"audit/auditlog/{rows[0].pk}/change/")
    assert page.status_code == 200
    assert "the-viewer" in page.content.decode()


def test_events_are_found_by_name_target_address_and_request(cast, admin):
    caller = Caller(cast.admin, address="192.0.2.77")
    caller.post(f"/api/users/{cast.viewer.pk}/lock")
    row = AuditLog.objects.latest("id")
    for term in ("192.0.2.77", row.request_id):
        assert shown(admin.get("audit/auditlog/", q=term)) == [row]
    for term in ("THE-ADMIN", "the-viewer"):
        assert row in shown(admin.get("audit/auditlog/", q=term))
    assert shown(admin.get("audit/auditlog/", q="no such thing")) == []


def test_events_are_filtered_by_action_resource_and_outcome(cast, admin):
    caller = Caller(cast.admin)
    caller.post(f"/api/users/{cast.viewer.pk}/lock")
    caller.post(f"/api/users/{cast.super_admin.pk}/lock")
    assert {row.action for row in shown(admin.get("audit/auditlog/", action__exact="lock"))} == {"lock"}
    assert {row.success for row in shown(admin.get("audit/auditlog/", success__exact="0"))} == {False}
    assert {row.resource for row in shown(admin.get("audit/auditlog/", resource="user"))} == {"user"}


def test_an_event_can_be_neither_made_nor_changed_nor_deleted(cast, admin):
    row = AuditLog.objects.latest("id")
    before = AuditLog.objects.filter(pk=row.pk).values().get()
    with audit_rows() as rows:
        for path in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/"):
            answer = admin.post(f"audit/auditlog/{path}", username="mine", action="login", resource="auth", post="yes")
            assert answer.status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        admin.post("audit/auditlog/", **chosen)
    assert AuditLog.objects.filter(pk=row.pk).values().get() == before
    assert rows == []


def test_reading_offers_no_button_to_save_or_delete(admin):
    row = AuditLog.objects.latest("id")
    page = admin.get(f"audit/auditlog/{row.pk}/change/").content.decode()
    assert 'name="_save"' not in page
    assert "deletelink" not in page
