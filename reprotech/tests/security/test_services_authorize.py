"""Services that hand out rows or remove them ask for the permission themselves, whatever their caller has checked."""

import io

import pytest
from django.http import QueryDict

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.users.csv.export import start_export as export_users
from audit.export.services import start_bundle, start_export, start_report
from audit.filters import AuditExport, AuditQuery
from audit.models import AuditLog, SavedFilter
from audit.retention.archiving import Archive, LeafRange, drop_archived, record_copy, write_archive
from audit.retention.erasure import ErasureParts, erase_parts
from audit.saved_filters import delete_filter, save_filter
from audit.sealing.key_rotation import rotate_key
from reprotech.core.exceptions import Forbidden
from reprotech.core.principal import Principal
from reprotech.core.request_context import RequestOrigin, request_origin, set_principal
from reprotech.testing.cast import make_user

ARCHIVE = Archive(LeafRange(0, 1), "0" * 64, 0)


def own_filter(actor):
    return SavedFilter.objects.create(user_id=actor.pk, name="Mine", query="").pk


#: A call of each service, the permission that it asks for, and the resource that a denial is filed under.
SERVICES = {
    "export users": (lambda actor: export_users(actor=actor, users=User.objects.all(), filters={}), "user_read"),
    "export events": (lambda actor: start_export(actor=actor, query=AuditQuery(), file_format="csv"), "audit_export"),
    "export a report": (lambda actor: start_report(actor=actor, query=AuditQuery()), "audit_export"),
    "export a bundle": (lambda actor: start_bundle(actor=actor, query=AuditExport.parse(QueryDict())), "audit_export"),
    "save a filter": (lambda actor: save_filter(actor=actor, name="Mine", query=""), "audit_read"),
    "remove a filter": (lambda actor: delete_filter(actor=actor, filter_id=own_filter(actor)), "audit_read"),
    "write an archive": (lambda actor: write_archive(actor=actor, file=FILE, places=ARCHIVE.places), "audit_maintain"),
    "record a copy": (lambda actor: record_copy(actor=actor, archive=ARCHIVE), "audit_maintain"),
    "drop archived events": (lambda actor: drop_archived(actor=actor, archive=ARCHIVE), "audit_maintain"),
    "rotate the key": (lambda actor: rotate_key(actor=actor, new_seed=b"n" * 32), "audit_maintain"),
    "erase a user's parts": (
        lambda actor: erase_parts(actor=actor, parts=everything(), resource="user", resource_id=1),
        "user_delete",
    ),
}
FILE = io.BytesIO()


def everything():
    return ErasureParts([AuditLog.objects.all()], [AuditLog.objects.all()])


def refusal(call, actor):
    """What a call is refused with; everything else stays as it was."""
    before = list(AuditLog.objects.order_by("pk").values())
    with pytest.raises(Forbidden) as refused:
        call(actor)
    event, *more = AuditLog.objects.order_by("pk")[len(before) :]
    assert more == []
    assert list(AuditLog.objects.order_by("pk").values())[: len(before)] == before
    assert (event.action, event.user_id, event.success) == ("access_denied", actor.pk, False)
    return refused.value, event


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_refuses_someone_without_the_permission_and_records_it(cast, name):
    call, required = SERVICES[name]
    denial, event = refusal(call, cast.stranger)
    assert denial.required == event.details["required"] == required
    assert event.resource == required.rpartition("_")[0]
    assert FILE.getvalue() == b""


@pytest.mark.parametrize("name", [name for name, (_, required) in SERVICES.items() if required != "user_delete"])
def test_a_role_that_was_taken_away_a_moment_ago_counts_no_more(cast, name):
    call, _ = SERVICES[name]
    actor = cast.super_admin
    assert actor.has_perm("audit_export")
    make_user("second", "super_admin")
    User.objects.get(pk=actor.pk).roles.clear()
    refusal(call, actor)


def test_an_api_key_exports_no_more_than_its_scopes(cast):
    actor = cast.super_admin
    with request_origin(RequestOrigin()):
        set_principal(Principal(user_id=actor.pk, api_key="key", scopes=frozenset({"audit_read"})))
        refusal(SERVICES["export events"][0], actor)
        refusal(SERVICES["export users"][0], actor)
        save_filter(actor=actor, name="Mine", query="")


def test_no_role_can_change_the_log_that_the_server_keeps(cast):
    for call, required in SERVICES.values():
        if required == "audit_maintain":
            refusal(call, cast.super_admin)
    assert rotate_key(actor=SYSTEM, new_seed=b"n" * 32)
